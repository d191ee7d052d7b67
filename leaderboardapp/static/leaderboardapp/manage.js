// The dashboard. It asks for a token first, and then loads the board.

import { Api } from "./manage/api.js";
import { byId, closeButtons, confirmed, tell } from "./manage/forms.js";
import { Players } from "./manage/players.js";
import { Seasons } from "./manage/seasons.js";
import { Settings } from "./manage/settings.js";
import { Exporting, Importing } from "./manage/transfer.js";
import { offer, sayWhere } from "./manage/windows.js";
import { forgetToken, isKept, keepToken, scopesOf, takeFromAddress, tokenOf } from "./token.js";
import { text } from "./words.js";

const { board: id, open } = document.querySelector("main").dataset;

const waiting = (seconds) => tell(text("too_many_writes", { seconds }));
const api = new Api(`/boards/${id}/`, { denied: askForToken, waiting });
let board = null;

const players = new Players(api, () => board);
const settings = new Settings(api, show);
const seasons = new Seasons(api, (changed) => {
  show(changed);
  players.restart();
});
new Importing(api, () => board, () => players.load());
new Exporting(api, id);

byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = byId("token").value.trim();
  if (!/^[!-~]+$/.test(token)) return askForToken(text("not_a_token"));
  keepToken(token, id);
  byId("token").value = "";
  start();
});
byId("forget").addEventListener("click", () => {
  forgetToken(id);
  location.reload(); // removes everything of the board from the page
});
byId("delete-board").addEventListener("click", deleteBoard);
closeButtons();
takeFromAddress(id);
if (open === "yes" || tokenOf(id)) start();
else askForToken("");

async function start() {
  api.token = tokenOf(id);
  try {
    // An empty change: its answer has the settings, and the token must have the scope write.
    const found = await api.send("PATCH", "", {});
    if (api.token) keepToken(api.token, id);
    byId("token-form").hidden = true;
    byId("dashboard").hidden = false;
    byId("forget").hidden = !api.token;
    showRights(open === "yes" || scopesOf(api.token).includes("admin"));
    show(found);
    await players.restart();
  } catch (error) {
    if (error.status !== 401 && error.status !== 403) tell(error.message, true);
  }
}

function showRights(isAdmin) {
  byId("lack").hidden = isAdmin;
  for (const part of document.querySelectorAll("[data-admin]")) part.hidden = !isAdmin;
}

function show(changed) {
  board = changed;
  byId("title").textContent = board.name || id;
  document.title = text("dashboard_of", { name: board.name || id });
  // Fields of a new player that only some boards ask for.
  for (const field of document.querySelectorAll("[data-asked]")) field.hidden = !board.ask_email;
  offer(byId("export-of"), board.windows);
  byId("import-windows").textContent = sayWhere(board.windows);
  settings.show(board);
  seasons.show(board);
}

function askForToken(reason) {
  // That the token of another board does not open this one is no news.
  if (!isKept(id)) reason = api.token ? "" : reason;
  else forgetToken(id);
  api.token = null;
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  byId("dashboard").hidden = byId("forget").hidden = true;
  byId("token-form").hidden = false;
  byId("token-reason").textContent = reason;
  byId("token").focus();
}

async function deleteBoard() {
  const title = text("delete_whom", { name: board.name || id });
  const warning = { title, text: text("delete_board_text"), action: text("delete_board"), typed: id };
  if (!(await confirmed(warning))) return;
  try {
    await api.send("DELETE", "");
    byId("dashboard").hidden = byId("forget").hidden = true;
    byId("gone").hidden = false;
    byId("gone").querySelector("h2").focus();
  } catch (error) {
    tell(error.message, true);
  }
}
