// The list of players. The server renders it; each snapshot updates it.

import { count, flash, glide, write } from "./motion.js";

export class Ranking {
  constructor(list, template, heading) {
    Object.assign(this, { list, template, heading });
    this.rows = new Map([...list.children].map((row) => [row.dataset.id, row]));
  }

  /** Draw a snapshot in the next frame, unless a newer one comes before it. */
  show({ players, format }, drawn) {
    if (!this.next) requestAnimationFrame(() => this.draw());
    this.next = { players, format, drawn };
  }

  draw() {
    const { players, format, drawn } = this.next;
    this.next = null;
    const rose = players.filter((player) => this.rises(player));
    glide(this.list, () => this.arrange(players, format));
    for (const { id } of rose) flash(this.rows.get(id).querySelector(".score"));
    drawn();
  }

  rises({ id, score }) {
    return this.rows.has(id) && score > Number(this.rows.get(id).dataset.score);
  }

  arrange(players, format) {
    const style = JSON.stringify(format);
    const isRestyled = style !== this.style;
    this.style = style;
    const focused = this.list.contains(document.activeElement) ? document.activeElement : null;
    const at = [...this.list.children].indexOf(focused?.closest(".row"));
    const rows = new Map(players.map((player) => [player.id, this.row(player, format, isRestyled)]));
    for (const [id, row] of this.rows) if (!rows.has(id)) row.remove();
    let place = this.list.firstElementChild;
    for (const row of rows.values()) {
      if (row === place) place = place.nextElementSibling;
      else this.list.insertBefore(row, place);
    }
    this.rows = rows;
    if (focused) this.refocus(focused, at);
  }

  /** Give the focus back to a button that lost it because its row was moved.
   *
   * If the row was removed, the focus goes to the row that is now at its index, or to the last. */
  refocus(button, at) {
    const near = this.list.children[at] ?? this.list.lastElementChild;
    const isThere = this.list.contains(button) && !button.hidden;
    const next = isThere ? button : near?.querySelector(".plus:not([hidden])");
    (next ?? this.heading).focus({ preventScroll: true });
  }

  row({ id, name, score, rank }, format, isRestyled) {
    let row = this.rows.get(id);
    if (!row) {
      row = this.template.content.firstElementChild.cloneNode(true);
      row.dataset.id = id;
      write(row.querySelector(".score b"), score, format);
    } else if (isRestyled || Number(row.dataset.score) !== score) {
      count(row.querySelector(".score b"), Number(row.dataset.score), score, format);
    }
    row.dataset.score = score;
    row.dataset.rank = rank;
    row.querySelector(".rank b").textContent = rank;
    const shown = row.querySelector(".name");
    if (shown.textContent !== name) shown.textContent = shown.title = name;
    const [plus, points] = [row.querySelector(".plus"), row.querySelector(".score .unseen")];
    plus?.setAttribute("aria-label", `+1 for ${name}`);
    const { type = "points", unit } = format ?? {};
    if (plus) plus.hidden = type !== "points";
    points.hidden = type !== "points" || !!unit;
    return row;
  }
}
