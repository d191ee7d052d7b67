// The state of the connection: whether the page is current, since when it is not, or that the board is gone.

import { LOCALE } from "./locale.js";
import { parts, text } from "./words.js";

const GIVEN_UP = 10000; // milliseconds of reconnecting after which the page says that there is no connection
const TROUBLE = 3000; // milliseconds after which a lost connection is announced

export class State {
  /** `elements` are the `pill`; the `trouble` with the connection; `gone`, which takes the place of `content` when
   * there is no board to show; and the `heading`. `say(text)` announces a text to screen readers. */
  constructor(elements, say) {
    Object.assign(this, elements, { say, since: null, told: false, timers: [] });
    this.write("connecting");
  }

  live() {
    this.timers.forEach(clearTimeout);
    this.trouble.hidden = true;
    this.show(true);
    if (this.told) this.say(text("live_again"));
    this.since = null;
    this.told = false;
    this.write("live");
  }

  /** Show that the connection is lost, and that nothing was heard `since` then. */
  lost(since) {
    if (this.since) return this.write(this.state);
    this.since = since;
    this.write("reconnecting");
    this.timers = [
      setTimeout(() => this.tell(text("reconnecting_as_of", { time: clock(since) })), TROUBLE),
      setTimeout(() => this.write("offline"), GIVEN_UP),
    ];
  }

  /** Show why there is nothing live. It is asked for all the same. */
  refused(reason) {
    this.timers.forEach(clearTimeout);
    this.write("offline");
    if (this.trouble.hidden) this.tell(reason);
    this.trouble.textContent = reason;
    this.trouble.hidden = false;
  }

  /** Show in place of the board why it is gone, until it is live again. `link` is the id of what is offered instead. */
  leave(reason, link) {
    this.timers.forEach(clearTimeout);
    if (this.gone.hidden) this.tell(reason);
    this.gone.querySelector("h2").textContent = reason;
    for (const each of this.gone.querySelectorAll("a")) each.parentElement.hidden = each.id !== link;
    this.show(false);
  }

  show(isThere) {
    const hadFocus = this.content.contains(document.activeElement);
    this.content.hidden = !isThere;
    this.gone.hidden = isThere;
    this.pill.parentElement.hidden = !isThere; // nothing is connected to, and nothing is lost
    if (hadFocus && !isThere) this.heading.focus({ preventScroll: true });
  }

  tell(words) {
    this.told = true;
    this.say(words);
  }

  write(state) {
    const since = this.since ? clock(this.since) : ""; // which is another text on the next day
    if (state === this.state && since === this.written) return;
    this.pill.dataset.state = this.state = state;
    this.content.classList.toggle("stale", state === "offline");
    this.written = since;
    const words = document.createElement("span");
    words.append(...parts(state, { time: since && time(this.since) }));
    this.pill.replaceChildren(words);
  }
}

function time(date) {
  const element = document.createElement("time");
  element.dateTime = date.toISOString();
  element.title = date.toLocaleString(LOCALE);
  element.textContent = clock(date);
  return element;
}

/** Return the time of day, with the day if that is not today. */
function clock(date) {
  const isToday = date.toDateString() === new Date().toDateString();
  return date.toLocaleString(LOCALE, { timeStyle: "medium", ...(!isToday && { dateStyle: "medium" }) });
}
