// Ids, and the paths made from them. No other script puts an id into a path.

export const ID_RULE = "1 to 64 of the characters A-Z, a-z, 0-9, _ and -";

export function isId(text) {
  return typeof text === "string" && /^[A-Za-z0-9_-]{1,64}$/.test(text);
}

/** Return a player's path below the board's. Throw an Error for a text that is no id.
 *
 * Browsers resolve "..", escaped or not, so that the path would be the board's. */
export function playerPath(id) {
  if (!isId(id)) throw new Error(`id: must be ${ID_RULE}.`);
  return `players/${id}/`;
}
