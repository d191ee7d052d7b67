// Ids, and the paths made from them. No other script puts an id into a path.

export function isId(text) {
  return typeof text === "string" && /^[A-Za-z0-9_-]{1,64}$/.test(text);
}

/** Return a player's path below the board's. Throw an Error for a text that is no id.
 *
 * Browsers resolve "..", escaped or not, so that the path would be the board's. */
export function playerPath(id) {
  if (!isId(id)) throw new Error(`${id}: not an id`);
  return `players/${id}/`;
}
