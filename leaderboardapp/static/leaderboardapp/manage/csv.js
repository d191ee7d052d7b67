// CSV as RFC 4180 has it, read leniently: any line ending, a byte order mark, blank lines.

// What a spreadsheet takes for a formula. Names are other people's words, so on the way out such a
// cell gets an apostrophe, which spreadsheets do not show, and on the way in it is taken off again.
const FORMULA = /^'*[=+\-@\t\r＝＋－＠]/;
const GUARDED = /^'+[=+\-@\t\r＝＋－＠]/;

// Rows of cells: {line, cells, fault}, each with the line that it begins on, from 1. A row with a
// `fault` is not to be trusted.
export function* readCsv(text, delimiter = ",") {
  const reader = new Reader(text, delimiter);
  while (reader.at < text.length) {
    const row = reader.row();
    if (row.cells.length > 1 || row.cells[0] !== "" || row.fault) yield row;
  }
}

// Of a file whose first line has no comma outside quotes, a semicolon or a tab may be meant.
export function delimiterOf(text) {
  const [first] = text.slice(0, 10_000).replace(/"[^"]*"/g, "").split(/\r|\n/, 1);
  return [",", ";", "\t"].find((each) => first.includes(each)) ?? ",";
}

// Numbers are written as they are, null as nothing, and text so that no spreadsheet runs it.
export function writeRow(cells) {
  return cells.map((cell) => quote(typeof cell === "string" ? guard(cell) : `${cell ?? ""}`)).join(",") + "\r\n";
}

export function guard(text) {
  return FORMULA.test(text) ? `'${text}` : text;
}

export function unguard(text) {
  return GUARDED.test(text) ? text.slice(1) : text;
}

function quote(text) {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

class Reader {
  constructor(text, delimiter) {
    this.text = text;
    this.delimiter = delimiter;
    this.plain = new RegExp(`[^${delimiter}\r\n]*`, "y");
    this.at = text.startsWith("\ufeff") ? 1 : 0;
    this.line = 1;
  }

  row() {
    const row = { line: this.line, cells: [], fault: "" };
    do {
      row.cells.push(this.text[this.at] === '"' ? this.quoted(row) : this.unquoted());
    } while (this.take(this.delimiter));
    if (this.take("\r\n") || this.take("\n") || this.take("\r")) this.line += 1;
    return row;
  }

  unquoted() {
    this.plain.lastIndex = this.at;
    const [cell] = this.plain.exec(this.text);
    this.at += cell.length;
    return cell;
  }

  quoted(row) {
    const parts = [];
    do {
      this.at += 1; // over the quote that opens the cell, or the second of a pair
      const end = this.text.indexOf('"', this.at);
      if (end < 0) row.fault = "a quote is never closed";
      parts.push(this.text.slice(this.at, end < 0 ? undefined : end));
      this.at = end < 0 ? this.text.length : end + 1;
    } while (this.text[this.at] === '"');
    const cell = parts.join('"');
    this.line += cell.match(/\r\n|\r|\n/g)?.length ?? 0;
    if (this.unquoted()) row.fault ||= "there is text after a closing quote";
    return cell;
  }

  take(text) {
    const there = this.text.startsWith(text, this.at);
    if (there) this.at += text.length;
    return there;
  }
}
