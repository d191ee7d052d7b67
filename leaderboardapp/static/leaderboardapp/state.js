// The state of the connection: whether the page is current, and since when it is not.

const WORDS = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting", offline: "No connection" };
const GIVEN_UP = 10000; // milliseconds of reconnecting after which the page says that there is no connection
const TROUBLE = 3000; // milliseconds after which a lost connection is announced

/** `say(text)` announces a text to screen readers. */
export class State {
  constructor(element, trouble, say) {
    Object.assign(this, { element, trouble, say, since: null, told: false, timers: [] });
    this.write("connecting");
  }

  live() {
    this.timers.forEach(clearTimeout);
    this.trouble.hidden = true;
    if (this.told) this.say("Live again.");
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
      setTimeout(() => this.tell(`Reconnecting. The scores are as of ${clock(since)}.`), TROUBLE),
      setTimeout(() => this.write("offline"), GIVEN_UP),
    ];
  }

  /** Show the server's reason to refuse the board. The stream is reopened all the same. */
  refused(reason) {
    this.timers.forEach(clearTimeout);
    this.write("offline");
    if (this.trouble.hidden) this.tell(reason);
    this.trouble.textContent = reason;
    this.trouble.hidden = false;
  }

  tell(text) {
    this.told = true;
    this.say(text);
  }

  write(state) {
    const since = this.since ? clock(this.since) : ""; // which is another text on the next day
    if (state === this.state && since === this.written) return;
    this.element.dataset.state = this.state = state;
    this.written = since;
    const words = document.createElement("span");
    words.append(WORDS[state]);
    if (since) words.append(" since ", time(this.since));
    this.element.replaceChildren(words);
  }
}

function time(date) {
  const element = document.createElement("time");
  element.dateTime = date.toISOString();
  element.title = date.toLocaleString();
  element.textContent = clock(date);
  return element;
}

/** Return the time of day, with the day if that is not today. */
function clock(date) {
  const isToday = date.toDateString() === new Date().toDateString();
  return date.toLocaleString([], { timeStyle: "medium", ...(!isToday && { dateStyle: "medium" }) });
}
