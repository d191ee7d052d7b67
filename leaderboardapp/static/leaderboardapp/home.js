// The list of boards: one is found, and made.

import { ID_RULE, isId } from "./ids.js";
import { Api } from "./manage/api.js";
import { isName, NAME_RULE } from "./manage/counting.js";
import { byId, Faults, onSubmit, requireNone, tell } from "./manage/forms.js";
import { keepToken, lastToken } from "./token.js";

const form = byId("create-form");
const waiting = (seconds) => tell(`Too many writes; going on in ${seconds} s.`);
const api = new Api("/", { denied: () => {}, waiting });
const needsToken = form.dataset.open === "no";

byId("find-form")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const address = new URL(location.href);
  for (const name of ["cursor", "search"]) address.searchParams.delete(name);
  const text = byId("find").value.trim();
  if (text) address.searchParams.set("search", text);
  location.assign(address);
});

if (needsToken && lastToken()) byId("create-token-field").hidden = true;
onSubmit(form, create);

async function create() {
  const [name, id] = [byId("create-name").value, byId("create-id").value.trim()];
  const token = needsToken ? byId("create-token").value.trim() || lastToken() : null;
  requireNone(
    isName(name) ? "" : `name: must be ${NAME_RULE}.`,
    id && !isId(id) ? `id: must be ${ID_RULE}.` : "",
    needsToken && !/^[!-~]+$/.test(token ?? "") ? "token: needed to make a board." : "",
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
