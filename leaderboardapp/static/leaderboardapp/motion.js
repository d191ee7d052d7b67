// Animations. They never queue: a new one starts from what is visible at that moment.

import { formatScore } from "./leaderboard.js";

const GLIDE = { duration: 240, easing: "cubic-bezier(.2, .7, .2, 1)" };
const APPEAR = { duration: 300, easing: "ease-out" };
const COUNT = 450; // milliseconds that a number counts up or down

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const gliding = new WeakMap();
const counting = new WeakMap();

/** Change the list. Its items glide from where they are visible to their new positions. */
export function glide(list, change) {
  const before = tops(list);
  change();
  for (const item of list.children) gliding.get(item)?.cancel();
  if (calm.matches) return;
  for (const [item, top] of tops(list)) { // all measured before anything moves
    if (!before.has(item)) {
      gliding.set(item, item.animate([{ opacity: 0 }, {}], APPEAR));
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
  cancelAnimationFrame(counting.get(element)?.frame);
  counting.delete(element);
  if (calm.matches || Math.abs(to - begin) < 2) {
    write(element, to, format);
    return;
  }
  const step = () => {
    const left = 1 - Math.min(1, (performance.now() - started) / COUNT);
    const shown = Math.round(to - (to - begin) * left ** 3);
    write(element, shown, format);
    if (left) counting.set(element, { shown, frame: requestAnimationFrame(step) });
    else counting.delete(element);
  };
  step();
}

/** Write the score as the board's format says. */
export function write(element, score, format) {
  element.textContent = formatScore(score, format, "en");
}

/** Colour the element for a moment, because its score rose. */
export function flash(element) {
  element.classList.remove("risen");
  if (calm.matches) return;
  void element.offsetWidth; // restarts the animation
  element.classList.add("risen");
}
