// CSV (RFC 4180). Any line ending, a byte order mark and blank lines are accepted.

// Text that a spreadsheet would run as a formula. Names are written by strangers. So in an export
// such a cell begins with an apostrophe, which spreadsheets hide. An import removes it.
const FORMULA = /^'*[=+\-@\t\r＝＋－＠]/;
const GUARDED = /^'+[=+\-@\t\r＝＋－＠]/;

// Yield rows: {line, cells, fault}. `line` is the one that the row begins on, from 1. The cells of a
// row with a `fault` may be wrong.
export function* readCsv(text, delimiter = ",") {
  const reader = new Reader(text, delimiter);
  while (reader.at < text.length) {
    const row = reader.row();
    if (row.cells.length > 1 || row.cells[0] !== "" || row.fault) yield row;
  }
}

// Return the delimiter: a comma, or, if the first line has none outside quotes, a semicolon or a tab.
export function delimiterOf(text) {
  const [first] = text.slice(0, 10_000).replace(/"[^"]*"/g, "").split(/\r|\n/, 1);
  return [",", ";", "\t"].find((each) => first.includes(each)) ?? ",";
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
      this.at += 1; // skips the quote that opens the cell, or the second one of a pair
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
