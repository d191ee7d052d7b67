// The list of boards: one is found, and made.

import { isId } from "./ids.js";
import { Api } from "./manage/api.js";
import { byId, Faults, fault, onSubmit, requireNone, tell } from "./manage/forms.js";
import { isName } from "./manage/names.js";
import { keepToken, lastToken } from "./token.js";
import { text } from "./words.js";

const form = byId("create-form");
const waiting = (seconds) => tell(text("too_many_writes", { seconds }));
const api = new Api("/", { denied: () => {}, waiting });
const needsToken = form.dataset.open === "no";

byId("find-form")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const address = new URL(location.href);
  for (const name of ["cursor", "search"]) address.searchParams.delete(name);
  const search = byId("find").value.trim();
  if (search) address.searchParams.set("search", search);
  location.assign(address);
});

if (needsToken && lastToken()) byId("create-token-field").hidden = true;
onSubmit(form, create);

async function create() {
  const [name, id] = [byId("create-name").value, byId("create-id").value.trim()];
  const token = needsToken ? byId("create-token").value.trim() || lastToken() : null;
  requireNone(
    isName(name) ? "" : fault("name", text("name_rule")),
    id && !isId(id) ? fault("id", text("id_rule")) : "",
    needsToken && !/^[!-~]+$/.test(token ?? "") ? `token: ${text("token_needed")}` : "",
  );
  api.token = token;
  try {
    const board = await api.send("POST", "boards/", { name, ...(id && { id }) });
    if (token) keepToken(token, board.id);
    location.assign(`/boards/${board.id}/`);
  } catch (error) {
    if (error.status !== 401 && error.status !== 403) throw error;
    byId("create-token-field").hidden = false; // another one is needed
    throw new Faults([`token: ${error.message}`]);
  }
}
