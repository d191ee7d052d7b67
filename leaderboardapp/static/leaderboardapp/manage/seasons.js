// The running season, and past seasons, of the board or of a window.

import { byId, confirmed, tell } from "./forms.js";
import { LOCALE, MOMENT } from "../locale.js";
import { offer, queryOf, titleOf } from "./windows.js";
import { list, number, text } from "../words.js";

const day = (moment) => new Date(moment).toLocaleString(LOCALE, MOMENT);

export class Seasons {
  constructor(api, changed) {
    this.api = api;
    this.changed = changed;
    byId("reset").addEventListener("click", () => this.reset());
    byId("more-seasons").addEventListener("click", () => this.more());
    byId("seasons-of").addEventListener("change", () => this.load());
  }

  async show(board) {
    const isListed = this.board?.season === board.season && this.window === "";
    this.board = board;
    offer(byId("seasons-of"), board.windows);
    if (isListed) this.describe(board);
    else await this.load();
  }

  async load() {
    this.window = byId("seasons-of").value;
    byId("reset").hidden = this.window !== "";
    if (!this.window) this.describe(this.board);
    await this.more("");
  }

  describe({ season, next_ends: ends }) {
    const [end, ...later] = ends.map(day);
    const key = later.length ? "running_then" : end ? "running_until" : "running";
    const values = { season: titleOf(this.window, season), end, later: list(later) };
    byId("season-now").textContent = text(key, values);
  }

  // Append the page of the cursor; the first one takes the place of what is there.
  async more(cursor = this.cursor) {
    const { window, board: { season: running } } = this;
    const after = cursor && `&cursor=${encodeURIComponent(cursor)}`;
    try {
      const answer = await this.api.send("GET", `seasons/?limit=20${after}${queryOf(window)}`);
      if (running !== this.board.season || window !== this.window) return; // it is loaded anew
      if (window) this.describe(answer);
      if (!cursor) byId("past").replaceChildren();
      byId("past").append(...answer.past.map((season) => this.item(season)));
      this.cursor = answer.next;
      byId("no-past").hidden = byId("past").childElementCount > 0;
      byId("more-seasons").hidden = answer.next === null;
    } catch (error) {
      tell(error.message, true);
    }
  }

  item({ season, ended_at }) {
    const item = byId("past-season").content.firstElementChild.cloneNode(true);
    const details = item.querySelector("details");
    const title = titleOf(this.window, season);
    const path = `seasons/${season}/`;
    const top = path + (this.window && `?window=${this.window}`);
    item.querySelector("summary").textContent = text("season_ended", { season: title, date: day(ended_at) });
    item.querySelector(".scroll").setAttribute("aria-label", title);
    this.link(item.querySelector("[data-form=csv]"), `${path}export/?format=csv${queryOf(this.window)}`, text("as_csv", { season: title }));
    this.link(item.querySelector("[data-form=json]"), top, text("as_json", { season: title }));
    details.addEventListener("toggle", () => this.open(details, top));
    return item;
  }

  link(link, path, label) {
    link.href = this.api.path + path;
    link.setAttribute("aria-label", label);
    link.addEventListener("click", (event) => this.follow(event));
  }

  // Follow a link to a private board with a ticket, because a link does not send the token.
  async follow(event) {
    if (!this.board.private || !this.api.token) return;
    event.preventDefault();
    const url = new URL(event.currentTarget.href);
    try {
      const { ticket } = await this.api.send("POST", "ticket/", {});
      url.searchParams.set("ticket", ticket);
      location.assign(url);
    } catch (error) {
      tell(error.message, true);
    }
  }

  async open(details, path) {
    const body = details.querySelector("tbody");
    if (!details.open || body.childElementCount) return;
    const fault = details.querySelector(".fault");
    try {
      const { players } = await this.api.send("GET", path);
      body.replaceChildren(...players.map(row));
      fault.textContent = players.length ? "" : text("nobody_was_ranked");
    } catch (error) {
      fault.textContent = error.message;
    }
  }

  async reset() {
    const { season } = this.board;
    const go = await confirmed({
      title: text("end_season_title", { number: season }),
      text: text("end_season_text", { number: season, next: season + 1 }),
      action: text("end_season", { number: season }),
    });
    if (!go) return;
    try {
      this.changed(await this.api.send("POST", "reset/", { season }));
      tell(text("season_has_ended", { number: season }));
    } catch (error) {
      tell(error.message, true);
    }
  }
}

function row({ rank, name, score }) {
  const line = document.createElement("tr");
  for (const value of [number(rank), name, number(score)]) {
    line.insertCell().textContent = value;
  }
  line.lastElementChild.className = "number";
  return line;
}
