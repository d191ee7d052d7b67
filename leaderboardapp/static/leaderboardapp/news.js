// What is said rather than shown, and what pops up.

const PAUSE = 4000; // milliseconds between two announcements
const SHOWN = 6000; // of a toast
const MOST = 4; // toasts at one time

/** A function that tells screen readers of a text, through a region that is `aria-live`. Of texts
 * that come faster than they can be read only the newest is said. */
export function announcer(region) {
  let waiting = "", until = 0, timer = null;

  function say() {
    region.textContent = waiting;
    until = Date.now() + PAUSE;
    timer = null;
  }

  return (text) => {
    waiting = text;
    timer ??= setTimeout(say, Math.max(0, until - Date.now()));
  };
}

/** The oldest makes room for a newcomer when many come at once. */
export function toast(region, name, text) {
  const element = document.createElement("p");
  element.className = "toast";
  const who = document.createElement("bdi");
  who.className = "name";
  who.textContent = name;
  element.append(who, ` ${text}`);
  if (region.children.length >= MOST) region.firstElementChild.remove();
  region.append(element);
  setTimeout(() => element.remove(), SHOWN);
}
