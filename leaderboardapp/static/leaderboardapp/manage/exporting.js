// All players of a board as the text of a CSV file.

import { writeRow } from "./csv.js";

const COLUMNS = ["id", "name", "score", "rank"];

// Parts of the text. Players who move while they are read are in it once; hidden ones come last,
// without a rank.
export async function exportPlayers(api, signal, progress) {
  const parts = [];
  const seen = new Set();
  let columns = null;
  for (const list of ["players/?limit=100", "players/?limit=100&hidden=true"]) {
    for await (const { players } of api.pages(list, { signal })) {
      if (players.length) columns ??= "email" in players[0] ? [...COLUMNS, "email"] : COLUMNS;
      const fresh = players.filter((row) => !seen.has(row.id));
      fresh.forEach((row) => seen.add(row.id));
      parts.push(fresh.map((row) => writeRow(columns.map((column) => row[column]))).join(""));
      progress(seen.size);
    }
  }
  return [writeRow(columns ?? COLUMNS), ...parts];
}

export function save(parts, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  // Not at once: the browser may still be about to read it.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
