// The next ends of a board's seasons, in the viewer's own time zone.

import { LOCALE } from "./locale.js";

const MOMENT = { weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit", timeZoneName: "short" };

export class Ends {
  /** `details` has the ends that the page came with; `read()` resolves to an answer with `next_ends`, or null. */
  constructor(details, read) {
    Object.assign(this, { details, read, isStale: false });
    details.addEventListener("toggle", () => this.load());
    this.write([...details.querySelectorAll("time")].map((time) => time.dateTime));
  }

  /** The season ends at another moment, or at none. Those after it are read when they are looked at, or all
   * viewers would ask at once when a season is over. */
  show(end) {
    this.details.hidden = !end;
    this.write(end ? [end] : []);
    this.isStale = Boolean(end);
    this.load();
  }

  async load() {
    if (!this.isStale || !this.details.open) return;
    const { end } = this;
    const answer = await this.read();
    if (!answer || end !== this.end) return;
    this.write(answer.next_ends);
    this.isStale = false;
  }

  write(ends) {
    [this.end] = ends;
    const items = ends.map((end) => {
      const item = document.createElement("li");
      item.append(writeMoment(end));
      return item;
    });
    this.details.querySelector("ol").replaceChildren(...items);
  }
}

export function writeMoment(moment) {
  const time = document.createElement("time");
  time.dateTime = moment;
  time.textContent = new Date(moment).toLocaleString(LOCALE, MOMENT);
  return time;
}
