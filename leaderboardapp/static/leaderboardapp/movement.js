// How far a row has moved in the last seconds, in words and signs: "▲2", "+12".

import { setText } from "./motion.js";
import { points } from "./points.js";
import { number, text } from "./words.js";

const SHOWN = 5000; // milliseconds after the last change
const LONGEST = 10000; // milliseconds over which changes add up
const REST = 1000; // milliseconds between two animations of a row

export class Movement {
  constructor(row) {
    this.part = row.querySelector(".move");
    this.animated = -REST;
  }

  /** Show that rank and score, and how the board writes it, are others than `old`. */
  show(old, { rank, score, format }) {
    const now = performance.now();
    if (!this.from || now - this.since > LONGEST) [this.from, this.since] = [old, now];
    const { from } = this;
    const steps = from.rank - rank;
    const [sign, word] = steps > 0 ? ["▲", "up"] : ["▼", "down"];
    const [signs, words, difference] = this.part.children;
    const far = number(Math.abs(steps));
    signs.className = word; // which colours it
    setText(signs, steps ? sign + far : "");
    setText(words, steps ? text(word, { steps: far }) : "");
    const added = score - from.score;
    setText(difference, added ? (added > 0 ? "+" : "−") + points(Math.abs(added), format) : "");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.clear(), SHOWN);
  }

  clear() {
    clearTimeout(this.timer);
    this.from = null;
    for (const each of this.part.children) setText(each, "");
  }

  /** Return whether the row may be animated now: where scores change all the time, it may not each time. */
  mayAnimate() {
    const now = performance.now();
    if (now - this.animated < REST) return false;
    this.animated = now;
    return true;
  }
}
