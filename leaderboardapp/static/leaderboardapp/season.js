// The running season: its end, in the viewer's own time zone, and who has won when it is over.

import { ANSWER } from "./api.js";
import { Ends, writeMoment } from "./ends.js";
import { LOCALE } from "./locale.js";
import { points } from "./points.js";
import { number, text } from "./words.js";

const WINNERS = 3;
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const SECONDS_FROM = 3600; // the last seconds in which each one is counted down
const AGAIN = 2000; // milliseconds before a season that cannot be read is asked for again
const ATTEMPTS = 5;

export class Season {
  /** `path` is that of the seasons; `say(text)` announces a text to screen readers. */
  constructor(line, over, path, query, say) {
    Object.assign(this, { line, over, path, query, say, number: Number(line.dataset.number), title: line.dataset.title });
    this.ends = new Ends(line.querySelector("#ends"), () => this.read(""));
    const end = line.querySelector("time")?.dateTime;
    if (end) this.count(end);
    this.part("#over-close").addEventListener("click", () => {
      over.hidden = true;
      document.getElementById("heading").focus({ preventScroll: true }); // which the button cannot keep
    });
  }

  /** Show what a snapshot says of the season; if it is another one, who has won the last. */
  show({ season = 1, ends_at: end }) {
    if (season > this.number) this.finish(season - 1);
    const past = this.line.querySelector("#past");
    if (past) past.hidden = season === 1;
    if (season === this.number && end === this.end) return;
    this.number = season;
    this.line.hidden = season === 1 && !end;
    this.count(end);
    this.ends.show(end);
  }

  count(end) {
    clearTimeout(this.timer);
    this.end = end;
    const line = this.line.querySelector("#season-text");
    const season = this.name(this.number);
    if (!end) return line.replaceChildren(season);
    const seconds = Math.max(0, Math.ceil((new Date(end) - Date.now()) / 1000));
    const left = text(seconds ? "ends_in" : "about_to_end", { season, time: spoken(seconds) });
    line.replaceChildren(`${left} · `, writeMoment(end));
    const pause = seconds > SECONDS_FROM ? 60 : 1;
    if (seconds) this.timer = setTimeout(() => this.count(end), pause * 1000);
  }

  name(number) {
    return this.title.replace("{number}", number);
  }

  async finish(number) {
    this.finished = number;
    for (let attempt = 1; attempt <= ATTEMPTS && this.finished === number; attempt++) {
      const past = await this.read(`${number}/`);
      if (past && this.finished === number) return this.celebrate(past);
      await new Promise((done) => setTimeout(done, AGAIN * attempt));
    }
  }

  /** Return the answer about a season, or with "" about all; null if there is none. */
  async read(path) {
    try {
      const answer = await fetch(this.path + path + this.query, {
        headers: { Accept: "application/json" }, signal: AbortSignal.timeout(ANSWER),
      });
      return answer.ok ? await answer.json() : null;
    } catch {
      return null; // no connection, or a dead one
    }
  }

  celebrate({ season, players, format }) {
    const winners = players.slice(0, WINNERS).map((player) => ({ ...player, points: points(player.score, format) }));
    const title = text("season_over", { season: this.name(season) });
    this.part("#over-title").textContent = title;
    this.part("#winners").replaceChildren(...winners.map(winnerRow));
    const all = this.part("#over-all");
    if (all) {
      all.href = `${this.path}${season}/players/`;
      all.search = this.query;
    }
    this.over.hidden = false;
    const [first] = winners;
    const won = first ? ` ${text("won", { name: first.name, score: first.points })}` : "";
    this.say(`${title}.${won}`);
  }

  part(selector) {
    return this.over.querySelector(selector);
  }
}

/** Return a length of time in its two largest units. */
function spoken(seconds) {
  const first = UNITS.findIndex(([, size]) => seconds >= size);
  const words = [];
  for (const [unit, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(seconds / size);
    if (count) words.push(count.toLocaleString(LOCALE, { style: "unit", unit, unitDisplay: "long" }));
    seconds %= size;
  }
  return words.join(" ");
}

function winnerRow({ rank, name, points }) {
  const row = document.createElement("tr");
  row.dataset.rank = rank;
  const who = document.createElement("bdi");
  who.className = "name";
  who.textContent = name;
  for (const value of [number(rank), who, points]) row.insertCell().append(value);
  row.firstElementChild.className = row.lastElementChild.className = "number";
  return row;
}
