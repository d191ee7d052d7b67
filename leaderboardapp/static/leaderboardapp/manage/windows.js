// The windows of a board, to choose from.

import { list, text } from "../words.js";

const NAMES = { "": "of_board", day: "of_day", week: "of_week", month: "of_month" };
const IN_SENTENCES = { day: "the_day", week: "the_week", month: "the_month" };
const SEASONS = { "": "season_season", day: "season_day", week: "season_week", month: "season_month" };

/** A later version of the service may have other windows than this page. */
function nameOf(names, window) {
  return window in names ? text(names[window]) : window;
}

/** Return what a season of the window is called, or with "" of the board. */
export function titleOf(window, number) {
  return text(SEASONS[window] ?? SEASONS[""], { number });
}

/** Return the windows in words: "the day and the week". */
export function listWindows(windows) {
  return list(windows.map((window) => nameOf(IN_SENTENCES, window)));
}

// Have the select offer the board and its windows. Without any there is nothing to choose.
export function offer(select, windows) {
  const { value } = select;
  const options = ["", ...windows].map((window) => new Option(nameOf(NAMES, window), window, false, window === value));
  select.replaceChildren(...options);
  select.closest(".field").hidden = windows.length === 0;
}

export function queryOf(window) {
  return window && `&window=${window}`;
}

// Return a sentence about scores that are added; an empty text without windows.
export function sayWhere(windows) {
  return windows.length ? text("counts_as_well", { windows: listWindows(windows) }) : "";
}
