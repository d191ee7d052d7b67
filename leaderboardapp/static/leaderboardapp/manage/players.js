// The table of players, and the dialogs that change them.

import { newKey } from "../api.js";
import { isId, playerPath } from "../ids.js";
import { byId, clearFaults, confirmed, fault, onSubmit, requireNone, tell, valueOf } from "./forms.js";
import { isName } from "./names.js";
import { number, text } from "../words.js";

const PAGE = 25;
const TYPING = 250; // milliseconds after the last letter, until the service is asked

export class Players {
  constructor(api, boardNow) {
    Object.assign(this, { api, boardNow });
    this.cursors = [""]; // of the pages up to the visible one
    this.adds = Promise.resolve();
    this.body = byId("players-table").tBodies[0];
    this.body.addEventListener("click", (event) => this.click(event.target));
    byId("next").addEventListener("click", () => this.turn(byId("next"), [...this.cursors, this.next]));
    byId("previous").addEventListener("click", () => this.turn(byId("previous"), this.cursors.slice(0, -1)));
    byId("refresh").addEventListener("click", () => this.load());
    byId("which").addEventListener("change", () => this.restart());
    byId("find-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.restart();
    });
    byId("find").addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.restart(), TYPING);
    });
    byId("look-hidden").addEventListener("click", () => {
      byId("which").querySelector("[value=hidden]").click();
      byId("find").focus();
    });
    byId("new-player").addEventListener("click", () => this.openNew());
    onSubmit(byId("add-form"), () => this.create());
    onSubmit(byId("player-form"), () => this.save());
    onSubmit(byId("amount-form"), () => this.addAmount());
    byId("hide-player").addEventListener("click", () => this.saying(() => this.toggleHidden()));
    byId("delete-player").addEventListener("click", () => this.saying(() => this.delete()));
  }

  get hidden() {
    return byId("which").querySelector(":checked").value === "hidden";
  }

  // The beginning of a name or an id, of those to list; empty for all.
  get beginning() {
    return byId("find").value.trim();
  }

  restart() {
    clearTimeout(this.typing);
    this.cursors = [""];
    return this.load();
  }

  async turn(button, cursors) {
    this.cursors = cursors;
    await this.load();
    if (button.disabled) byId(button.id === "next" ? "previous" : "next").focus();
    tell(byId("page-number").textContent);
  }

  async load() {
    const { beginning, hidden } = this;
    const cursor = this.cursors.at(-1);
    const turn = (this.turns = {}); // the answer is dropped if a later request was sent meanwhile
    const query = { limit: PAGE, ...(hidden && { hidden }), ...(beginning && { search: beginning }), ...(cursor && { cursor }) };
    await this.saying(async () => {
      const page = await this.api.send("GET", `players/?${new URLSearchParams(query)}`);
      if (this.turns === turn) this.show(page, beginning);
    });
  }

  show({ players, next, bound }, beginning) {
    this.next = next;
    const hidden = this.hidden;
    this.rows = new Map(players.map((player) => [player.id, { ...player, hidden }]));
    this.replaceRows([...this.rows.values()].map(rowOf));
    byId("players-table").hidden = players.length === 0;
    byId("players-note").textContent = players.length ? sayBound(bound) : sayNobody(beginning, hidden);
    byId("look-hidden").hidden = !beginning || hidden || players.length > 0;
    byId("previous").disabled = this.cursors.length === 1;
    byId("next").disabled = !next;
    byId("page-number").textContent = text("page", { number: number(this.cursors.length) });
    byId("players-pager").hidden = this.cursors.length === 1 && !next;
  }

  // Replace the rows and keep the focus on its button, if the player is still listed.
  replaceRows(rows) {
    const focused = document.activeElement;
    const id = this.body.contains(focused) ? focused.closest("tr").dataset.id : null;
    this.body.replaceChildren(...rows);
    if (id === null) return;
    const kind = "edit" in focused.dataset ? "[data-edit]" : `[data-add="${focused.dataset.add}"]`;
    (rowIn(this.body, id)?.querySelector(kind) ?? byId("players-title")).focus();
  }

  click(target) {
    const button = target.closest("button");
    const player = this.rows.get(target.closest("tr")?.dataset.id);
    if (!button || !player) return;
    if ("edit" in button.dataset) this.open(player);
    else {
      // One request after the other, so that the last answer has the newest score.
      const add = () => this.saying(() => this.add(player, Number(button.dataset.add)));
      this.adds = this.adds.then(add);
    }
  }

  // The rank stays as it was: a row that moves under the pointer would be clicked by mistake.
  async add(player, amount) {
    const options = { key: newKey(), patient: true };
    const path = `${playerPath(player.id)}score-add/`;
    Object.assign(player, await this.api.send("POST", path, { amount }, options));
    const row = rowIn(this.body, player.id);
    if (row) fill(row, player);
    tell(text("new_score", { name: player.name, score: number(player.score) }));
  }

  open(player) {
    this.player = player;
    const { id, name, score, rank, hidden } = player;
    byId("player-title").textContent = name;
    byId("player-id").textContent = id;
    byId("player-state").textContent = text(hidden ? "state_hidden" : rank ? "state_rank" : "state_none", { rank: rank && number(rank) });
    byId("player-name").value = name;
    byId("player-score").value = score;
    byId("player-data").value = JSON.stringify(player.data ?? {});
    byId("hide-player").textContent = text(hidden ? "show_again" : "hide");
    for (const form of [byId("player-form"), byId("amount-form")]) clearFaults(form);
    byId("player-amount").value = "1";
    byId("player-dialog").showModal();
  }

  // Only what was changed in the dialog: the score may change while it is open.
  async save() {
    const { player } = this;
    const [name, score, data] = ["name", "score", "data"].map((field) => valueOf(byId(`player-${field}`)));
    requireNone(
      nameFault(name),
      score === null ? scoreFault("", this.boardNow()) : score !== player.score && scoreFault(score, this.boardNow()),
      isObject(data) ? "" : fault("data", text("object_rule")),
    );
    const changes = {
      ...(name !== player.name && { name }),
      ...(JSON.stringify(data) !== JSON.stringify(player.data ?? {}) && { data }),
    };
    if (Object.keys(changes).length) {
      const saved = await this.api.send("PATCH", playerPath(player.id), changes);
      Object.assign(player, { name: saved.name, data: saved.data });
    }
    if (score !== player.score) {
      await this.api.send("PUT", `${playerPath(player.id)}score/`, { score });
    }
    this.done(text("player_saved", { name: player.name }));
  }

  async addAmount() {
    const amount = valueOf(byId("player-amount"));
    const path = `${playerPath(this.player.id)}score-add/`;
    const options = { key: newKey(), patient: true };
    const { name, score } = await this.api.send("POST", path, { amount }, options);
    this.done(text("has_score", { name, score: number(score) }));
  }

  async toggleHidden() {
    const hidden = !this.player.hidden;
    await this.api.send("PATCH", playerPath(this.player.id), { hidden });
    this.done(text(hidden ? "player_hidden" : "player_shown", { name: this.player.name }));
  }

  async delete() {
    const { id, name } = this.player;
    const warning = { title: text("delete_whom", { name }), text: text("delete_player_text", { id }), action: text("delete") };
    if (!(await confirmed(warning))) return;
    await this.api.send("DELETE", playerPath(id));
    this.done(text("player_deleted", { name }));
  }

  done(news) {
    byId("player-dialog").close();
    tell(news);
    return this.load();
  }

  openNew() {
    byId("add-form").reset();
    clearFaults(byId("add-form"));
    byId("add-dialog").showModal();
  }

  async create() {
    const [givenName, givenId, email] = ["name", "id", "email"].map((field) => valueOf(byId(`add-${field}`)));
    const score = valueOf(byId("add-score"));
    const board = this.boardNow();
    requireNone(
      nameFault(givenName),
      givenId && !isId(givenId) ? fault("id", text("id_rule")) : "",
      board.ask_email && !byId("add-email").validity.valid ? fault("email", text("email_rule")) : "",
      score === null ? "" : scoreFault(score, board),
    );
    const body = { name: givenName, ...(givenId && { id: givenId }), ...(board.ask_email && { email }) };
    const { id, name } = await this.api.send("POST", "players/", body);
    byId("add-dialog").close();
    await this.saying(async () => {
      if (score !== null) await this.api.send("PUT", `${playerPath(id)}score/`, { score });
      tell(text("player_added", { name }));
    });
    await this.load();
  }

  // Show a failure of `work`: in the dialog if it is open, because it covers the page.
  async saying(work) {
    try {
      await work();
    } catch (error) {
      const place = byId("amount-form").querySelector(".form-fault");
      if (byId("player-dialog").open) place.textContent = error.message;
      else tell(error.message, true);
    }
  }
}

function nameFault(name) {
  return isName(name) ? "" : fault("name", text("name_rule"));
}

// Return why the board does not allow the score, of which a text is none; nothing if it does.
function scoreFault(score, { min, max }) {
  const [least, most] = [min ?? -Number.MAX_SAFE_INTEGER, max ?? Number.MAX_SAFE_INTEGER];
  if (typeof score === "number" && score >= least && score <= most) return "";
  return fault("score", text("score_rule", { least: number(least), most: number(most) }));
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sayBound(bound) {
  return bound ? text("ranks_off", { bound: number(bound) }) : "";
}

function sayNobody(beginning, hidden) {
  if (beginning) return text(hidden ? "nobody_hidden_found" : "nobody_found", { text: beginning });
  return text(hidden ? "nobody_hidden" : "nobody_ranked");
}

function rowIn(body, id) {
  return [...body.rows].find((row) => row.dataset.id === id);
}

function rowOf(player) {
  const row = byId("player-row").content.firstElementChild.cloneNode(true);
  row.dataset.id = player.id;
  fill(row, player);
  return row;
}

function fill(row, { id, name, score, rank }) {
  row.querySelector(".rank").textContent = rank === null ? "–" : number(rank);
  row.querySelector(".name").textContent = name;
  row.querySelector(".id").textContent = id;
  row.querySelector(".score").textContent = number(score);
  for (const button of row.querySelectorAll("[data-add]")) {
    button.setAttribute("aria-label", text(button.dataset.add > 0 ? "add_one" : "take_one", { name }));
  }
  row.querySelector("[data-edit]").setAttribute("aria-label", text("edit", { name }));
}
