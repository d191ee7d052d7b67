// The list of players. The server wrote it once; each snapshot brings it up to date.

import { count, flash, glide, write } from "./motion.js";

export class Ranking {
  constructor(list, template) {
    this.list = list;
    this.template = template;
    this.rows = new Map([...list.children].map((row) => [row.dataset.id, row]));
  }

  /** Of many snapshots between two frames only the newest is drawn. */
  show(players, drawn) {
    if (!this.next) requestAnimationFrame(() => this.draw());
    this.next = { players, drawn };
  }

  draw() {
    const { players, drawn } = this.next;
    this.next = null;
    const rose = players.filter((player) => this.rises(player));
    glide(this.list, () => this.arrange(players));
    for (const { id } of rose) flash(this.rows.get(id).querySelector(".score"));
    drawn();
  }

  rises({ id, score }) {
    return this.rows.has(id) && score > Number(this.rows.get(id).dataset.score);
  }

  arrange(players) {
    const focused = document.activeElement;
    const rows = new Map(players.map((player) => [player.id, this.row(player)]));
    for (const [id, row] of this.rows) if (!rows.has(id)) row.remove();
    let place = this.list.firstElementChild;
    for (const row of rows.values()) {
      if (row === place) place = place.nextElementSibling;
      else this.list.insertBefore(row, place);
    }
    this.rows = rows;
    // A button that was moved with its row loses the focus, and its user would lose the way.
    if (this.list.contains(focused)) focused.focus({ preventScroll: true });
  }

  row({ id, name, score, rank }) {
    let row = this.rows.get(id);
    if (!row) {
      row = this.template.content.firstElementChild.cloneNode(true);
      row.dataset.id = id;
      write(row.querySelector(".score b"), score);
    } else if (Number(row.dataset.score) !== score) {
      count(row.querySelector(".score b"), Number(row.dataset.score), score);
    }
    row.dataset.score = score;
    row.dataset.rank = rank;
    row.querySelector(".rank b").textContent = rank;
    const shown = row.querySelector(".name");
    if (shown.textContent !== name) shown.textContent = shown.title = name;
    row.querySelector(".plus")?.setAttribute("aria-label", `+1 for ${name}`);
    return row;
  }
}
