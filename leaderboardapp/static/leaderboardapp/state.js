// The state of the connection: whether the page is current, and since when it is not.

const OFFLINE = 10000; // milliseconds after which a lost connection is called offline
const TROUBLE = 3000; // milliseconds after which a lost connection is announced

/** `say(text)` announces a text to screen readers. */
export class State {
  constructor(element, trouble, say) {
    Object.assign(this, { element, trouble, say, since: null, told: false, timers: [] });
    this.write("connecting", "Connecting");
  }

  live() {
    this.timers.forEach(clearTimeout);
    this.trouble.hidden = true;
    if (this.told) this.say("Live again.");
    this.since = null;
    this.told = false;
    this.write("live", "Live");
  }

  lost() {
    if (this.since) return;
    this.since = new Date();
    this.write("reconnecting", "Reconnecting");
    this.timers = [
      setTimeout(() => this.tell("Reconnecting: scores may be old."), TROUBLE),
      setTimeout(() => this.write("offline", "Offline"), OFFLINE),
    ];
  }

  /** Show the server's reason to refuse the board. The stream is reopened all the same. */
  refused(reason) {
    this.timers.forEach(clearTimeout);
    this.write("offline", "Offline");
    if (this.trouble.hidden) this.tell(reason);
    this.trouble.textContent = reason;
    this.trouble.hidden = false;
  }

  tell(text) {
    this.told = true;
    this.say(text);
  }

  write(state, text) {
    if (this.element.dataset.state === state) return;
    this.element.dataset.state = state;
    const words = document.createElement("span");
    words.append(text);
    if (this.since) words.append(" since ", time(this.since));
    this.element.replaceChildren(words);
  }
}

function time(date) {
  const element = document.createElement("time");
  element.dateTime = date.toISOString();
  element.title = date.toLocaleString();
  element.textContent = date.toLocaleTimeString([], { timeStyle: "medium" });
  return element;
}
