// Animations. They never queue: a new one starts from what is visible at that moment.

import { LOCALE } from "./locale.js";
import { points } from "./points.js";

const GLIDE = { duration: 240, easing: "cubic-bezier(.2, .7, .2, 1)" };
const ARRIVAL = { transform: "translateY(.75rem)" }; // not from nothing: text is legible in each frame
// Behind text, which has a contrast of 4.5 in each frame. The relative luminances of the tint and of what it covers are
// over .8, or differ by less than .1, so that it is no flash, whatever many rows do (WCAG 2.3.1).
const TINT = [0, 0.3].map((offset) => ({ backgroundColor: "var(--tint)", offset }));
const LONG = 9; // characters of a number that may have to be broken
const COUNT = 450; // milliseconds that a number counts up or down

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const gliding = new WeakMap();
const counting = new WeakMap();
// What is between groups of digits. A long number may be broken there, and nowhere else.
const GROUP = new Intl.NumberFormat(LOCALE).formatToParts(1e9).find(({ type }) => type === "group")?.value;

/** Change the list. Its items glide from where they are visible to their new positions. */
export function glide(list, change) {
  const before = tops(list);
  change();
  for (const item of list.children) gliding.get(item)?.cancel();
  if (calm.matches) return;
  for (const [item, top] of tops(list)) { // all measured before anything moves
    if (!before.has(item)) {
      gliding.set(item, item.animate([ARRIVAL, {}], GLIDE));
    } else if (before.get(item) !== top) {
      const from = { transform: `translateY(${before.get(item) - top}px)` };
      gliding.set(item, item.animate([from, {}], GLIDE));
    }
  }
}

function tops(list) {
  return new Map([...list.children].map((item) => [item, item.getBoundingClientRect().top]));
}

/** Count from the score that is visible, or else from `from`, to the new one. */
export function count(element, from, to, format) {
  const started = performance.now();
  const begin = counting.get(element)?.shown ?? from;
  if (calm.matches || Math.abs(to - begin) < 2) return write(element, to, format);
  const step = () => {
    const left = 1 - Math.min(1, (performance.now() - started) / COUNT);
    const shown = Math.round(to - (to - begin) * left ** 3);
    write(element, shown, format);
    if (left) counting.set(element, { shown, frame: requestAnimationFrame(step) });
  };
  step();
}

/** Write the score as the board's format says, at once. */
export function write(element, score, format) {
  cancelAnimationFrame(counting.get(element)?.frame);
  counting.delete(element);
  const shown = points(score, format);
  if (shown.length <= LONG) return setText(element, shown);
  const pieces = shown.split(GROUP).flatMap((group, index) => {
    return index ? [GROUP, document.createElement("wbr"), group] : [group];
  });
  element.replaceChildren(...pieces);
}

/** Write the text, unless it is there: of a hundred rows, most stay as they are. */
export function setText(element, text) {
  const [node, more] = element.childNodes;
  if (element.textContent === text) return;
  if (node instanceof Text && !more) node.data = text; // a new node each time would be litter
  else element.textContent = text;
}

/** Tint what is behind the element for a moment, because it has changed. Its text stays as it is. */
export function tint(element) {
  if (!calm.matches) element.animate([...TINT, {}], { id: "tint", duration: 1000, easing: "ease-out" });
}
