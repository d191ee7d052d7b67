// Count the rows of a CSV file: what its columns mean, what each row adds to whom, and which rows
// are bad. `importer.py` of the service does the same. This module changes nothing in the page.

import { readCsv, trim, unguard } from "./csv.js";
import { isName } from "./names.js";
import { makePlayerId } from "./uuid.js";
import { text as say } from "../words.js";

const BREATH = 12; // milliseconds of work after which the browser may update the page
const SHOWN_LINES = 3; // of each player
const SHOWN_LENGTH = 40; // characters of a text in a message

const COLUMNS = {
  id: /^(player|user|member)?[ _-]?id$|^(player|user|username|login|scorer)$/i,
  name: /^(player|user|display|full)?[ _-]?name$|^nick(name)?$/i,
  amount: /^(amount|scores?|points?|value|add|increment|total)$/i,
  email: /^e?-?mail([ _-]?address)?$/i,
  data: /^data$/i,
};

// The first row does not name the columns, each once. The message says why.
export class BadHeader extends Error {}

class BadRow extends Error {}

// Return the columns' titles. Throws BadHeader.
export function readHeader(text) {
  return open(text).header;
}

// Guess the columns' meanings from their titles; return indexes, -1 for none.
export function guessColumns(header) {
  const find = (pattern) => header.findIndex((title) => pattern.test(title.trim()));
  const [id, name, amount, email, data] = Object.values(COLUMNS).map(find);
  return { id: id < 0 ? Math.max(name, 0) : id, name, amount, email, data };
}

// Return indexes of columns that hold nothing but integers in these rows of cells, as amounts do.
export function findNumbers(header, rows) {
  return header.flatMap((_, column) => {
    const texts = rows.map((cells) => trim(cells[column] ?? "")).filter(Boolean);
    return texts.length && texts.every(isAmount) ? [column] : [];
  });
}

// Throw BadHeader if another column has the same title as one of those that are chosen.
export function requireDistinct(header, columns) {
  for (const index of Object.values(columns)) {
    const title = header[index];
    if (title && header.filter((other) => other === title).length > 1) {
      throw new BadHeader(say("same_titles", { title: show(title) }));
    }
  }
}

// Yield what each row adds: {line, id, name, email, data, amount}, with data as JSON, or {line, fault} for a bad row.
export function* countRows(text, columns) {
  const { header, rows } = open(text);
  requireDistinct(header, columns);
  for (const row of rows) {
    try {
      yield countRow(header, row, columns);
    } catch (error) {
      if (!(error instanceof BadRow)) throw error;
      yield { line: row.line, fault: error.message };
    }
  }
}

// Add up the amounts of each player, because with an idempotency key a bulk request may list each
// player only once. Return {players: [{id, name, email, data, amount, rows, lines}], faults, rows}, where a
// fault is {line, detail}. Players are in the order in which they reached their scores, as in
// `_group_by_player` of importer.py: a player's first row counts, and each later one that is not 0.
export async function addUp(text, columns, { signal, progress } = {}) {
  const players = new Map();
  const faults = [];
  let since = performance.now();
  let count = 0;
  for (const row of countRows(text, columns)) {
    count += 1;
    const detail = row.fault ?? addRow(players, row);
    if (detail) faults.push({ line: row.line, detail });
    if (performance.now() - since > BREATH) {
      progress?.(count);
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
      since = performance.now();
    }
  }
  return { players: [...players.values()], faults, rows: count };
}

// Add the row to its player; return why that cannot be, or nothing.
function addRow(players, { line, id, name, email, data, amount }) {
  const player = players.get(id) ?? { id, name, email, data, amount: 0, rows: 0, lines: [] };
  const sum = player.amount + amount;
  if (!Number.isSafeInteger(sum)) return say("amounts_too_large");
  player.amount = sum;
  player.email ||= email;
  player.data ??= data;
  player.rows += 1;
  if (player.lines.length < SHOWN_LINES) player.lines.push(line);
  if (amount !== 0) players.delete(id); // so that `set` puts the player at the end
  players.set(id, player);
  return "";
}

function open(text) {
  const rows = readCsv(text);
  const { value: header } = rows.next();
  if (!header) throw new BadHeader(say("file_empty"));
  if (header.fault) {
    throw new BadHeader(say("header_fault", { line: header.line, fault: explain(header) }));
  }
  return { header: header.cells, rows };
}

function countRow(header, row, columns) {
  if (row.fault) throw new BadRow(explain(row));
  const number = row.cells.length;
  if (number > header.length) {
    throw new BadRow(say("many_cells", { cells: number, columns: header.length }));
  }
  const cell = (column) => ({
    title: header[columns[column]] || say("column", { number: columns[column] + 1 }),
    text: unguard(row.cells[columns[column]] ?? ""),
  });
  const { title, text } = cell("id");
  const player = nameOf({ title, text: trim(text) });
  const name = cell("name").text ? nameOf(cell("name")) : player;
  const amount = columns.amount < 0 ? 1 : amountOf(cell("amount"));
  // The service checks the address and the data, for new players only.
  const [email, data] = [trim(cell("email").text), dataOf(cell("data"))];
  return { line: row.line, id: makePlayerId(player), name, email, data, amount };
}

// Return the row's fault, and which lines it takes with it.
function explain({ line, last, fault }) {
  return last > line ? say("lines_left_out", { fault, line, last }) : fault;
}

function nameOf({ title, text }) {
  if (isName(text)) return text;
  throw bad(title, text, say("name_rule"));
}

function isAmount(digits) {
  return /^[+-]?0*[0-9]{1,16}$/.test(digits) && Number.isSafeInteger(Number(digits));
}

function amountOf({ title, text }) {
  const digits = trim(text);
  if (isAmount(digits)) return Number(digits);
  const most = Number.MAX_SAFE_INTEGER;
  throw bad(title, text, say("integer_rule", { least: -most, most }));
}

// Return an object's text, and nothing of one without keys. JSON.parse forgets digits of numbers, and
// keys that are there twice, which the service refuses.
function dataOf({ title, text }) {
  if (!trim(text)) return undefined;
  try {
    const data = JSON.parse(text);
    const isObject = data !== null && typeof data === "object" && !Array.isArray(data);
    if (isObject) return Object.keys(data).length ? text : undefined;
  } catch {
    // It is no JSON.
  }
  throw bad(title, text, say("object_rule"));
}

function bad(title, text, accepted) {
  const key = trim(text) ? "cell_is" : "cell_missing";
  return new BadRow(say(key, { title: show(title), value: show(text), accepted }));
}

// Return the text in quotes, short and without characters that distort the message, as `show` of the
// service does.
function show(text) {
  const characters = [...text];
  const short = characters.slice(0, SHOWN_LENGTH).join("").replace(/[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]/gu, "\ufffd");
  return say("quoted", { text: short + (characters.length > SHOWN_LENGTH ? "…" : "") });
}
