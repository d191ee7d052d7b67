// The running season, and past seasons.

import { byId, confirmed, tell } from "./forms.js";

const DATE = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
const day = (text) => `${DATE.format(new Date(text))} UTC`;

export class Seasons {
  constructor(api, changed) {
    this.api = api;
    this.changed = changed;
    byId("reset").addEventListener("click", () => this.reset());
    byId("more-seasons").addEventListener("click", () => this.more());
  }

  async show(board) {
    const ends = board.ends_at ? `; it ends on ${day(board.ends_at)}` : "";
    byId("season-now").textContent = `Season ${board.season} is running${ends}.`;
    if (this.season === board.season) return;
    this.season = board.season;
    byId("past").replaceChildren();
    this.cursor = "";
    await this.more();
  }

  async more() {
    try {
      const cursor = this.cursor && `&cursor=${encodeURIComponent(this.cursor)}`;
      const { past, next } = await this.api.send("GET", `seasons/?limit=20${cursor}`);
      this.cursor = next;
      byId("past").append(...past.map((season) => this.item(season)));
      byId("no-past").hidden = byId("past").childElementCount > 0;
      byId("more-seasons").hidden = next === null;
    } catch (error) {
      tell(error.message, true);
    }
  }

  item({ season, ended_at }) {
    const item = byId("past-season").content.firstElementChild.cloneNode(true);
    const details = item.querySelector("details");
    item.querySelector("summary").textContent = `Season ${season}, ended on ${day(ended_at)}`;
    item.querySelector(".scroll").setAttribute("aria-label", `Season ${season}`);
    item.querySelector("a").href = `${this.api.path}seasons/${season}/`;
    item.querySelector("a").setAttribute("aria-label", `Season ${season} as JSON`);
    details.addEventListener("toggle", () => this.open(details, season));
    return item;
  }

  // Load the season with the token, which a link does not send.
  async open(details, season) {
    const body = details.querySelector("tbody");
    if (!details.open || body.childElementCount) return;
    const fault = details.querySelector(".fault");
    try {
      const { players } = await this.api.send("GET", `seasons/${season}/`);
      body.replaceChildren(...players.map(row));
      fault.textContent = players.length ? "" : "Nobody was ranked.";
    } catch (error) {
      fault.textContent = error.message;
    }
  }

  async reset() {
    const season = this.season;
    const go = await confirmed({
      title: `End season ${season}?`,
      text: `Season ${season + 1} begins, with all scores zero. Season ${season} keeps all its players and scores.`,
      action: `End season ${season}`,
    });
    if (!go) return;
    try {
      this.changed(await this.api.send("POST", "reset/", { season }));
      tell(`Season ${season} has ended.`);
    } catch (error) {
      tell(error.message, true);
    }
  }
}

function row({ rank, name, score }) {
  const line = document.createElement("tr");
  for (const value of [rank, name, score.toLocaleString("en")]) {
    line.insertCell().textContent = value;
  }
  line.lastElementChild.className = "number";
  return line;
}
