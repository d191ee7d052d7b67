// The player who joined on this page: remembered in this browser, highlighted, and told the own rank.

import { isId } from "./ids.js";
import { watch } from "./live.js";
import { kindOf, number, place, text } from "./words.js";

const POLL = 15000; // milliseconds between two reads of the own rank, where it is not live
const GREETING = 3000; // milliseconds that the news of having joined waits for the rank
const TOLD = 20000; // milliseconds between two announcements of it

export class You {
  /** `board` is the client's. `line` says the rank, `ranking` shows the best, and `around` those next to the player
   * where the best do not reach. `named(name)` is called when it is another player, or with "" when it is nobody;
   * `say(text)` announces a text to screen readers. Before a first score nobody is ranked if `isAscending`. Who joined
   * before is there from the beginning if `isKnown`. */
  constructor(board, parts) {
    Object.assign(this, parts, { board, best: new Map(), why: "", told: "", toldAt: 0 });
    this.key = `player-of-${board.id}`;
    const { id, name } = parts.isKnown ? load(this.key) : {};
    if (isId(id)) this.become({ id, name });
  }

  /** Remember the player who has just joined. The first rank is announced at once. */
  join(player) {
    save(this.key, { id: player.id, name: player.name });
    this.greeting = text("joined_as", { name: player.name });
    setTimeout(() => this.greet(""), GREETING);
    this.become(player);
  }

  become({ id, name }) {
    this.player = this.board.player(id);
    this.own = null;
    this.why = "";
    this.setOwn(id, name);
    this.start();
  }

  /** Forget the player, and say why if there is something to say. */
  forget(why = "") {
    this.end?.abort();
    this.player = this.own = null;
    this.why = why;
    save(this.key, null);
    this.setOwn("", "");
    if (why) this.say(why);
  }

  setOwn(id, name) {
    this.id = id;
    this.ranking.mark(id);
    this.around.mark(id);
    this.named(name);
    this.draw();
  }

  /** Follow a snapshot of the board, in which the player may be. */
  follow({ players, format, season }) {
    this.best = new Map(players.map((player) => [player.id, player]));
    this.style = { format, season };
    this.draw();
  }

  /** Read the own rank now, unless it is live. */
  refresh() {
    if (this.player && !this.isLive) this.start();
  }

  start() {
    this.end?.abort();
    this.end = new AbortController();
    this.isLive = false;
    this.open = (options) => this.player.watch(options);
    const { signal } = this.end;
    watch((options) => this.open(options), {
      signal,
      live: () => { this.isLive = true; },
      update: (own) => signal.aborted || this.show(own),
      refused: (error) => signal.aborted || this.refused(error),
    });
  }

  refused(error) {
    this.isLive = false;
    const kind = kindOf(error);
    if (kind === "no-live-ranks") this.open = ({ signal }) => this.poll(signal);
    if (kind !== "player-not-found") return;
    if (!this.board.query) return this.forget(text("removed"));
    this.show({ rank: null, isMissing: true }); // a window has only those who have scored in it
  }

  async *poll(signal) {
    for (; !signal.aborted; await new Promise((done) => setTimeout(done, POLL))) {
      if (document.visibilityState === "hidden") continue;
      const around = await this.player.around();
      const own = around.find(({ id }) => id === this.id);
      yield { ...(own ?? await this.player.read()), around };
    }
  }

  show(own) {
    this.own = own;
    if (own.name) this.named(own.name); // it may be another one now
    this.draw();
    this.announce(this.describe());
  }

  draw() {
    this.write(this.describe());
    const isBelow = this.own?.rank && this.style && !this.best.has(this.id);
    const players = isBelow ? this.own.around.filter(({ id }) => !this.best.has(id)) : [];
    const isNext = [...this.best.values()].at(-1)?.rank + 1 >= players[0]?.rank;
    this.around.list.classList.toggle("apart", !isNext);
    this.around.show({ players, ...this.style });
  }

  /** Return where the player is, or why nowhere, in words; "" if that is not known yet. */
  describe() {
    const { of, exact = true, isMissing, score } = this.own ?? {};
    const rank = this.best.get(this.id)?.rank ?? this.own?.rank;
    if (rank) {
      const key = exact ? "ranked_of" : "ranked_about";
      return text(of ? key : "ranked", { place: place(rank), of: of && number(of) });
    }
    if (!this.own) return this.why;
    return text(isMissing || (this.isAscending && !score) ? "before_first_score" : "not_ranked");
  }

  write(words) {
    this.line.textContent = words;
    this.line.hidden = !words;
  }

  announce(words) {
    if (!this.greet(` ${words}.`)) {
      if (words === this.told || Date.now() - this.toldAt < TOLD) return;
      this.say(`${words}.`);
    }
    [this.told, this.toldAt] = [words, Date.now()];
  }

  /** Announce once that the player has joined, and what more there is to say. Return whether it was now. */
  greet(more) {
    const { greeting } = this;
    this.greeting = "";
    if (greeting) this.say(greeting + more);
    return Boolean(greeting);
  }
}

function load(key) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? {};
  } catch {
    return {}; // a browser may refuse its storage
  }
}

function save(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // The player is remembered for as long as the page is open.
  }
}
