// Count the rows of a CSV file: what its columns mean, what each row adds to whom, and which rows
// are bad. `importer.py` of the service does the same. This module does not use the page.

import { readCsv, trim, unguard } from "./csv.js";
import { makePlayerId } from "./uuid.js";

const BREATH = 12; // milliseconds of work after which the browser may update the page
const SHOWN_LINES = 3; // of each player
const SHOWN_LENGTH = 40; // characters of a text in a message

// What a name must have and must not have, as in `name_field` of the service. A character without an
// ink of its own is not visible; the last ones are format characters that have some.
const MAX_NAME_LENGTH = 100; // characters
const FORBIDDEN = /[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u;
const VISIBLE =
  /[^\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Cs}\u2800\u{13441}\u{13442}\u{16fe4}\u{1bc9d}\u{1d159}]|[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}]/u;

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
      throw new BadHeader(`There are several columns ${show(title)}. Give each a name of its own.`);
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
  if (!Number.isSafeInteger(sum)) return "the player's amounts add up to too much";
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
  if (!header) throw new BadHeader("The file is empty. Its first line must name the columns.");
  if (header.fault) {
    throw new BadHeader(`The header on line ${header.line} cannot be read: ${explain(header)}.`);
  }
  return { header: header.cells, rows };
}

function countRow(header, row, columns) {
  if (row.fault) throw new BadRow(explain(row));
  const number = row.cells.length;
  if (number > header.length) {
    throw new BadRow(`there are more cells than columns, ${number} for ${header.length}`);
  }
  const cell = (column) => ({
    title: header[columns[column]] || `Column ${columns[column] + 1}`,
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
  return last > line ? `${fault}, so lines ${line} to ${last} are left out` : fault;
}

export const NAME_RULE = `text of 1 to ${MAX_NAME_LENGTH} characters, not blank, no control characters or overrides of direction`;

export function isName(text) {
  return [...text].length <= MAX_NAME_LENGTH && VISIBLE.test(text) && !FORBIDDEN.test(text);
}

function nameOf({ title, text }) {
  if (isName(text)) return text;
  throw bad(title, text, NAME_RULE);
}

function isAmount(digits) {
  return /^[+-]?0*[0-9]{1,16}$/.test(digits) && Number.isSafeInteger(Number(digits));
}

function amountOf({ title, text }) {
  const digits = trim(text);
  if (isAmount(digits)) return Number(digits);
  const most = Number.MAX_SAFE_INTEGER;
  throw bad(title, text, `an integer from ${-most} to ${most}`);
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
  throw bad(title, text, "a JSON object");
}

function bad(title, text, accepted) {
  return new BadRow(`${show(title)} is ${trim(text) ? `${show(text)}; it must be ${accepted}` : "missing"}`);
}

// Return the text in quotes, short and without characters that distort the message, as `show` of the
// service does.
function show(text) {
  const characters = [...text];
  const short = characters.slice(0, SHOWN_LENGTH).join("").replace(/[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]/gu, "\ufffd");
  return `“${short}${characters.length > SHOWN_LENGTH ? "…" : ""}”`;
}
