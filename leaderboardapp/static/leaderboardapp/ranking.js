// The list of players. The server renders it; each snapshot updates it.

import { count, glide, setText, tint, write } from "./motion.js";
import { Movement } from "./movement.js";
import { number, text } from "./words.js";

const REST = 200; // milliseconds between two drawings, in which people can read
// Scores that change in one drawing. With more of them nothing moves, which nobody could follow, and drawings are
// fewer: the signs in the rows say what has become of them.
const MANY = 10;
const LONG_REST = 500;

export class Ranking {
  /** `own` is the id of the player whose row is highlighted; "" if there is none. */
  constructor(list, template, heading) {
    Object.assign(this, { list, template, heading, own: "", drawnAt: -REST, movements: new WeakMap() });
    this.rows = new Map([...list.children].map((row) => [row.dataset.id, row]));
  }

  /** Draw a snapshot soon, unless a newer one comes before it. */
  show(snapshot, drawn = () => {}) {
    const rest = this.areMany ? LONG_REST : REST;
    if (!this.next) setTimeout(() => requestAnimationFrame(() => this.draw()), this.drawnAt + rest - performance.now());
    this.next = { ...snapshot, drawn };
  }

  /** Highlight the row of the player with this id. */
  mark(own) {
    this.own = own;
    for (const [id, row] of this.rows) this.highlight(row, id);
  }

  draw() {
    const { players, format, season, drawn } = this.next;
    this.next = null;
    this.drawnAt = performance.now();
    const style = JSON.stringify([format, season]);
    const isOther = style !== this.style; // no score and no rank has moved
    this.style = style;
    this.areMany = players.filter((player) => this.changes(player)).length > MANY;
    const arrange = () => this.arrange(players, format, isOther);
    if (this.areMany) arrange();
    else glide(this.list, arrange);
    drawn();
  }

  changes({ id, score }) {
    return Number(this.rows.get(id)?.dataset.score) !== score;
  }

  arrange(players, format, isOther) {
    const focused = this.list.contains(document.activeElement) ? document.activeElement : null;
    const at = [...this.list.children].indexOf(focused?.closest(".row"));
    const rows = new Map(players.map((player) => [player.id, this.row(player, format, isOther)]));
    for (const [id, row] of this.rows) if (!rows.has(id)) row.remove();
    let place = this.list.firstElementChild;
    for (const row of rows.values()) {
      if (row === place) place = place.nextElementSibling;
      else this.list.insertBefore(row, place);
    }
    this.rows = rows;
    this.list.hidden = !players.length;
    if (focused) this.refocus(focused, at);
  }

  /** Give the focus back to a button that lost it because its row was moved.
   *
   * If the row was removed, the focus goes to the same player in the page's other list, to the row that is now at its
   * index, or to the last. */
  refocus(button, at) {
    const shown = ".plus:not([hidden])";
    const isThere = this.list.contains(button) && !button.hidden;
    const same = document.querySelector(`.row[data-id="${button.closest(".row").dataset.id}"] ${shown}`);
    const near = (this.list.children[at] ?? this.list.lastElementChild)?.querySelector(shown);
    (isThere ? button : same ?? near ?? this.heading).focus({ preventScroll: true });
  }

  row({ id, name, score, rank }, format, isOther) {
    const row = this.rows.get(id) ?? this.newRow(id);
    const old = { rank: Number(row.dataset.rank), score: Number(row.dataset.score) };
    if (isOther || !this.rows.has(id)) {
      this.movement(row).clear();
      write(row.querySelector(".score b"), score, format);
    } else if (old.score !== score || old.rank !== rank) {
      this.move(row, old, { rank, score, format });
    }
    row.dataset.score = score;
    row.dataset.rank = rank;
    setText(row.querySelector(".rank b"), number(rank));
    this.name(row, name, format);
    return row;
  }

  newRow(id) {
    const row = this.template.content.firstElementChild.cloneNode(true);
    row.dataset.id = id;
    this.highlight(row, id);
    return row;
  }

  highlight(row, id) {
    row.classList.toggle("own", id === this.own);
    row.querySelector(".badge").hidden = id !== this.own;
  }

  movement(row) {
    if (!this.movements.has(row)) this.movements.set(row, new Movement(row));
    return this.movements.get(row);
  }

  /** Show in the row that rank or score are others than the `old` ones. */
  move(row, old, { rank, score, format }) {
    const movement = this.movement(row);
    movement.show(old, { rank, score, format });
    if (old.score === score) return;
    row.querySelector(".error")?.remove(); // it was about another score
    const part = row.querySelector(".score");
    if (this.areMany || !movement.mayAnimate()) return write(part.querySelector("b"), score, format);
    count(part.querySelector("b"), old.score, score, format);
    tint(part);
  }

  name(row, name, { type = "points", unit } = {}) {
    const shown = row.querySelector(".name");
    const [plus, points] = [row.querySelector(".plus"), row.querySelector(".score .unseen")];
    if (shown.textContent !== name) {
      shown.textContent = shown.title = name;
      plus?.setAttribute("aria-label", text("press", { name }));
    }
    if (plus) plus.hidden = type !== "points";
    points.hidden = type !== "points" || !!unit;
  }
}
