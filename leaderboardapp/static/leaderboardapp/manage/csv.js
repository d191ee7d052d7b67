// CSV as spreadsheets write it (RFC 4180), with any line ends, blank lines, a byte order mark, and a
// first line such as `sep=;`. A file means one thing, or a row has a fault: nothing is guessed.
// `domain/csv_rows.py` of the service reads the same.

import { number, text as say } from "../words.js";

const DELIMITERS = [",", ";", "\t", "|"];
const GUESSED_DELIMITERS = [",", ";", "\t"];
const MAX_ROW_LENGTH = 131_072; // characters

// Why rows cannot be read, by the keys of sentences.
const FAULTS = {
  delimiter: "csv_delimiter",
  open: "csv_open",
  stray: "csv_stray",
  after: "csv_after",
  long: "csv_long",
  utf8: "csv_utf8",
};

// Text that a spreadsheet would run as a formula. Names are written by strangers. So in an export
// such a cell begins with an apostrophe. An import removes it.
const FORMULA = /^[' ]*[=+\-@\t\r＝＋－＠]/;
const GUARDED = /^'[' ]*[=+\-@\t\r＝＋－＠]/;

// By this mark spreadsheets know that a file is in UTF-8.
export const BYTE_ORDER_MARK = "\ufeff";

// Return the text of a file. On a line that is not UTF-8 stand characters that no text has: lone
// surrogates. So its row is known to be broken, and the other rows can be read.
export function decode(buffer) {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    return strict.decode(buffer);
  } catch {
    const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
    return linesOf(new Uint8Array(buffer), (line) => {
      try {
        return strict.decode(line);
      } catch {
        return lenient.decode(line).replaceAll("\ufffd", "\udc80");
      }
    }).join("");
  }
}

// Yield rows: {line, last, cells, fault}, of which the first names the columns. `line` is the one that
// the row begins on, from 1, and `last` the one that it ends on. The cells of a row with a `fault` may
// be wrong.
export function* readCsv(file) {
  const text = file.startsWith(BYTE_ORDER_MARK) ? file.slice(1) : file;
  const reader = new Reader(text);
  const named = /^"?sep=([^]?)"?$/iu.exec(reader.peekLine());
  if (named && !DELIMITERS.includes(named[1])) {
    yield { line: 1, last: 1, cells: [], fault: say(FAULTS.delimiter) };
    return;
  }
  if (named) reader.skipLine();
  reader.delimitBy(named ? named[1] : delimiterOf(headerOf(text)));
  while (reader.at < text.length) {
    const row = reader.row();
    if (row?.fault) row.fault = say(row.fault, { most: number(MAX_ROW_LENGTH) });
    if (row) yield row;
  }
}

// Return a line of CSV: numbers as they are, null as nothing, and text that no spreadsheet runs.
export function writeRow(cells) {
  return cells.map((cell) => quote(typeof cell === "string" ? guard(cell) : `${cell ?? ""}`)).join(",") + "\r\n";
}

export function guard(text) {
  return FORMULA.test(text) ? `'${text}` : text;
}

export function unguard(text) {
  return GUARDED.test(text) ? text.slice(1) : text;
}

// Return the text without spaces and tabs around it.
export function trim(text) {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text[start])) start += 1;
  while (start < end && isBlank(text[end - 1])) end -= 1;
  return text.slice(start, end);
}

function isBlank(character) {
  return character === " " || character === "\t";
}

// Return what `use` makes of each line of the bytes, with its line end.
function linesOf(bytes, use) {
  const parts = [];
  let start = 0;
  bytes.forEach((byte, index) => {
    if (byte !== 10 && byte !== 13) return;
    parts.push(use(bytes.subarray(start, index + 1)));
    start = index + 1;
  });
  parts.push(use(bytes.subarray(start)));
  return parts;
}

// Return the text up to the end of the first row: past blank lines, and past line ends in quotes.
function headerOf(text) {
  const lines = /[^\r\n]*(?:\r\n|\r|\n|$)/gy;
  const header = [];
  let quotes = 0;
  let isBlank = true;
  while (lines.lastIndex < text.length && (isBlank || quotes % 2)) {
    const [line] = lines.exec(text);
    header.push(line);
    quotes += line.split('"').length - 1;
    isBlank &&= !/[^\r\n]/.test(line);
  }
  return header.join("");
}

// Return a comma; if the header has none outside quotes, a semicolon or a tab that it has.
function delimiterOf(header) {
  const outside = header.replace(/"[^"]*"/g, "");
  return GUESSED_DELIMITERS.find((mark) => outside.includes(mark)) ?? ",";
}

// A cell is quoted if a comma or a quote is in it, or blanks around it, which would be taken off.
function quote(text) {
  return /[",\r\n]/.test(text) || trim(text) !== text ? `"${text.replaceAll('"', '""')}"` : text;
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.line = 1;
  }

  delimitBy(delimiter) {
    this.delimiter = delimiter;
    this.plain = new RegExp(`[^${delimiter}\r\n]*`, "y");
  }

  peekLine() {
    const line = /[^\r\n]*/y;
    line.lastIndex = this.at;
    return line.exec(this.text)[0];
  }

  skipLine() {
    this.at += this.peekLine().length;
    this.endLine();
  }

  // Return the row that begins here; null for a line without text.
  row() {
    const row = { line: this.line, last: this.line, cells: [], fault: "" };
    const start = this.at;
    do {
      row.cells.push(this.text[this.at] === '"' ? this.quoted(row) : this.unquoted(row));
    } while (this.take(this.delimiter));
    const text = this.text.slice(start, this.at);
    row.last = this.line;
    if (row.fault === FAULTS.open && /[\r\n]$/.test(text)) row.last -= 1;
    row.fault ||= faultOf(text);
    this.endLine();
    return text === "" ? null : row;
  }

  rest() {
    this.plain.lastIndex = this.at;
    const [text] = this.plain.exec(this.text);
    this.at += text.length;
    return text;
  }

  unquoted(row) {
    const cell = this.rest();
    if (cell.includes('"')) row.fault ||= FAULTS.stray;
    return trim(cell);
  }

  quoted(row) {
    const parts = [];
    do {
      this.at += 1; // skips the quote that opens the cell, or the second one of a pair
      const end = this.text.indexOf('"', this.at);
      if (end < 0) row.fault = FAULTS.open;
      parts.push(this.text.slice(this.at, end < 0 ? undefined : end));
      this.at = end < 0 ? this.text.length : end + 1;
    } while (this.text[this.at] === '"');
    const cell = parts.join('"');
    this.line += cell.match(/\r\n|\r|\n/g)?.length ?? 0;
    if (this.rest()) row.fault ||= FAULTS.after;
    return cell;
  }

  endLine() {
    if (this.take("\r\n") || this.take("\n") || this.take("\r")) this.line += 1;
  }

  take(text) {
    const there = this.text.startsWith(text, this.at);
    if (there) this.at += text.length;
    return there;
  }
}

// Return why a row's text cannot be read; nothing if it can.
function faultOf(text) {
  if (text.length > MAX_ROW_LENGTH && [...text].length > MAX_ROW_LENGTH) return FAULTS.long;
  return /\p{Cs}/u.test(text) ? FAULTS.utf8 : "";
}
