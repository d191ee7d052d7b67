// Announcements for screen readers, and toasts.

import { parts } from "./words.js";

const PAUSE = 4000; // milliseconds between two announcements
const SHOWN = 6000; // milliseconds that a toast is visible
const MOST = 4; // toasts at one time

/** Return a function that announces a text to screen readers, through an `aria-live` region.
 *
 * Texts that come faster than they can be read are dropped, except for the newest. */
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

/** Show in a toast that somebody joined. If there are too many, the oldest one is removed. */
export function toast(region, name) {
  const element = document.createElement("p");
  element.className = "toast";
  const who = document.createElement("bdi");
  who.className = "name";
  who.textContent = name;
  element.append(...parts("somebody_joined", { name: who }));
  if (region.children.length >= MOST) region.firstElementChild.remove();
  region.append(element);
  setTimeout(() => element.remove(), SHOWN);
}
