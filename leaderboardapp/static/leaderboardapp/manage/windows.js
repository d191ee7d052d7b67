// The windows of a board, to choose from.

const NAMES = { "": "The board", day: "The day", week: "The week", month: "The month" };

/** What one of their seasons is called. */
export const KINDS = { "": "Season", day: "Day", week: "Week", month: "Month" };

// Have the select offer the board and its windows. Without any there is nothing to choose.
export function offer(select, windows) {
  const { value } = select;
  const options = ["", ...windows].map((window) => new Option(NAMES[window], window, false, window === value));
  select.replaceChildren(...options);
  select.closest(".field").hidden = windows.length === 0;
}

export function queryOf(window) {
  return window && `&window=${window}`;
}

// Return a sentence about scores that are added; an empty text without windows.
export function sayWhere(windows) {
  const names = new Intl.ListFormat("en").format(windows.map((window) => `the ${window}`));
  return names && `Amounts count in ${names} as well.`;
}
