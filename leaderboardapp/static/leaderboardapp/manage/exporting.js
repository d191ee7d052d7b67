// All players of a board, or of a window, as a CSV file.

import { BYTE_ORDER_MARK, writeRow } from "./csv.js";
import { queryOf } from "./windows.js";

const COLUMNS = ["id", "name", "score", "rank"];

// Return the parts of the file's text. The data of a player is JSON in the last column. A player whose rank
// changes meanwhile is in it once. Hidden players come last, without a rank.
export async function exportPlayers(api, window, signal, progress) {
  const parts = [];
  const seen = new Set();
  let columns = null;
  for (const list of ["players/?limit=100", "players/?limit=100&hidden=true"]) {
    for await (const { players } of api.pages(list + queryOf(window), { signal })) {
      if (players.length) columns ??= "email" in players[0] ? [...COLUMNS, "email"] : COLUMNS;
      const fresh = players.filter((row) => !seen.has(row.id));
      fresh.forEach((row) => seen.add(row.id));
      parts.push(fresh.map((row) => writePlayer(row, columns)).join(""));
      progress(seen.size);
    }
  }
  return [BYTE_ORDER_MARK, writeRow([...(columns ?? COLUMNS), "data"]), ...parts];
}

function writePlayer(player, columns) {
  const data = player.data ? JSON.stringify(player.data) : null;
  return writeRow([...columns.map((column) => player[column]), data]);
}

export function save(parts, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  // Later, because the browser may not have read it yet.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
