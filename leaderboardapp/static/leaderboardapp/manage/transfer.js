// The dashboard's transfers of files, in and out, with their progress bars.

import { save, exportPlayers } from "./exporting.js";
import { addUp, BadHeader, countRows, findNumbers, guessColumns, readHeader, requireDistinct } from "./counting.js";
import { decode, readCsv } from "./csv.js";
import { Import, nameOfImport } from "./importing.js";
import { newKey } from "../api.js";
import { byId, count, tell } from "./forms.js";

const PREVIEW = 5; // rows
const SHOWN_FAULTS = 200;
const COLUMNS = { id: null, name: "(the id)", amount: "(1 for each row)", email: "(none)", data: "(none)" }; // what a missing column means

export class Importing {
  constructor(api, boardNow, done) {
    Object.assign(this, { api, boardNow, done });
    byId("file").addEventListener("change", () => this.choose(byId("file").files[0]));
    byId("import-columns").addEventListener("change", ({ target }) => {
      if (target === byId("column-amount")) this.question = "";
      this.checkColumns();
    });
    byId("amount-yes").addEventListener("click", () => this.answer(this.proposed));
    byId("amount-no").addEventListener("click", () => this.answer(-1));
    byId("import-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.start();
    });
    byId("import-continue").addEventListener("click", () => this.go());
    byId("import-cancel").addEventListener("click", () => this.stop.abort());
  }

  async choose(file) {
    byId("import-columns").hidden = byId("import-start").disabled = true;
    byId("import-fault").textContent = "";
    if (!file) return;
    try {
      this.text = decode(await file.arrayBuffer());
      this.header = readHeader(this.text);
    } catch (error) {
      this.refuse(error);
      return;
    }
    const rows = [];
    for (const row of readCsv(this.text)) {
      if (rows.push(row.cells) > PREVIEW) break;
    }
    if (rows.length < 2) {
      byId("import-fault").textContent = "The file has no rows below its first line, which names the columns.";
      return;
    }
    this.preview(rows);
    byId("import-columns").hidden = false;
    this.checkColumns();
  }

  preview([header, ...rows]) {
    const guess = guessColumns(header);
    // A title that says nothing of amounts may stand above some, or above minutes or years.
    [this.proposed] = findNumbers(header, rows).filter((column) => column !== guess.id);
    const asks = guess.amount < 0 && this.proposed !== undefined;
    if (asks) guess.amount = this.proposed;
    this.question = asks ? `“${header[this.proposed]}” holds numbers. Are they to be added, or does each row count 1?` : "";
    byId("amount-yes").textContent = `Add “${header[this.proposed]}”`;
    for (const [column, none] of Object.entries(COLUMNS)) {
      const options = header.map((title, number) => new Option(title || `Column ${number + 1}`, number));
      if (none) options.unshift(new Option(none, -1));
      byId(`column-${column}`).replaceChildren(...options);
      byId(`column-${column}`).value = guess[column];
    }
  }

  answer(column) {
    byId("column-amount").value = column;
    this.question = "";
    this.checkColumns();
    byId("import-start").focus();
  }

  // Show the first rows as they will be read.
  showRows() {
    const { ask_email } = this.boardNow();
    const hasData = this.columns.data >= 0;
    const titles = ["Line", "Name", "Adds", "Id", ...(ask_email ? ["Email address"] : []), ...(hasData ? ["Data"] : [])];
    const rows = [];
    for (const row of countRows(this.text, this.columns)) {
      rows.push(row.fault ? faultLine(row, titles.length) : line("td", [
        row.line, row.name, row.amount.toLocaleString("en", { signDisplay: "always" }), row.id,
        ...(ask_email ? [row.email] : []), ...(hasData ? [row.data ?? ""] : []),
      ]));
      if (rows.length === PREVIEW) break;
    }
    byId("preview").tHead.replaceChildren(line("th", titles));
    byId("preview").tBodies[0].replaceChildren(...rows);
  }

  get columns() {
    const { email, ...counted } = Object.fromEntries(
      Object.keys(COLUMNS).map((column) => [column, Number(byId(`column-${column}`).value)]),
    );
    return this.boardNow().ask_email ? { ...counted, email } : counted;
  }

  checkColumns() {
    byId("import-fault").textContent = "";
    byId("import-start").disabled = true;
    byId("amount-question").hidden = !this.question;
    byId("amount-question").querySelector("span").textContent = this.question;
    try {
      requireDistinct(this.header, this.columns);
      this.showRows();
      byId("import-start").disabled = Boolean(this.running || this.question);
    } catch (error) {
      this.refuse(error);
    }
  }

  refuse(error) {
    const isBad = error instanceof BadHeader; // otherwise it has changed, say, or is too large
    byId("import-fault").textContent = isBad ? error.message : `The file cannot be read: ${error.message}`;
  }

  async start() {
    if (this.running) return;
    const { columns } = this;
    const { season } = this.boardNow();
    const { email, data, ...counted } = columns; // which, added later, do not change what counts
    const other = byId("again").checked ? newKey() : null;
    const name = nameOfImport(this.text, season, counted, other);
    this.task = this.read = null;
    await this.job(async (signal) => {
      byId("import-bar").removeAttribute("value");
      const progress = (rows) => this.say(`Reading: ${count(rows, "row")}`);
      const read = await addUp(this.text, columns, { signal, progress });
      this.read = read;
      this.task = new Import(this.api, name, season, read.players, !this.boardNow().ask_email);
      await this.send(signal);
    });
  }

  go() {
    return this.job((signal) => this.send(signal));
  }

  async send(signal) {
    byId("import-bar").max = Math.max(this.task.players.length, 1);
    await this.task.run(signal, () => this.progress());
    this.progress();
    const { added, created, known, lost } = this.task;
    const { rows } = this.read;
    const bad = rows - added - known;
    const before = known ? `Already counted: ${count(known)} of ${count(rows, "row")}.` : "";
    const joined = lost ? "" : `, ${count(created, "player")} created`;
    const now = `Imported: ${count(added)} of ${count(rows, "row")} added${joined}.`;
    const end = [added || !known ? now : "", before].filter(Boolean).join(" ");
    this.say(end);
    tell(bad ? `${end} Not added: ${count(bad)}.` : end);
  }

  progress() {
    byId("import-bar").value = this.task.done;
    this.say(`${count(this.task.done)} of ${count(this.task.players.length, "player")}`);
  }

  // Run `work` and show its progress and its end. If it was cancelled or failed, it may be continued.
  async job(work) {
    this.running = true;
    this.stop = new AbortController();
    byId("import-job").hidden = false;
    byId("import-continue").hidden = true;
    byId("import-cancel").hidden = false;
    byId("import-start").disabled = byId("file").disabled = true;
    byId("import-faults").hidden = true;
    addEventListener("beforeunload", warn);
    try {
      await work(this.stop.signal);
    } catch (error) {
      this.interrupted(error);
    } finally {
      removeEventListener("beforeunload", warn);
      this.running = false;
      byId("import-cancel").hidden = true;
      byId("import-continue").hidden = !this.task || this.task.isDone;
      byId("import-start").disabled = byId("file").disabled = false;
      this.showFaults();
      if (!byId("dashboard").hidden) this.done();
    }
  }

  interrupted(error) {
    const why = error.name === "AbortError" ? "Cancelled." : `Stopped: ${error.message}`;
    const where = this.task
      ? ` ${count(this.task.start)} of ${count(this.task.players.length, "player")} done, and perhaps some of the next. To continue counts nobody twice.`
      : "";
    this.say(why + where);
    tell(why, error.name !== "AbortError");
  }

  say(text) {
    byId("import-text").textContent = text;
  }

  showFaults() {
    const faults = [...(this.read?.faults ?? []), ...(this.task?.faults ?? [])];
    faults.sort((one, other) => one.line - other.line);
    const shown = faults.slice(0, SHOWN_FAULTS).map(({ line, detail }) => {
      const item = document.createElement("li");
      item.textContent = `Line ${line}: ${detail}`;
      return item;
    });
    const [list, more] = byId("import-faults").querySelectorAll("ol, p");
    list.replaceChildren(...shown);
    const rest = faults.length - shown.length;
    more.textContent = rest > 0 ? `And ${count(rest)} more.` : "";
    byId("import-faults").hidden = faults.length === 0;
  }
}

export class Exporting {
  constructor(api, board) {
    Object.assign(this, { api, board });
    byId("export-start").addEventListener("click", () => this.start());
    byId("export-cancel").addEventListener("click", () => this.stop.abort());
  }

  async start() {
    this.stop = new AbortController();
    byId("export-start").disabled = true;
    byId("export-job").hidden = byId("export-cancel").hidden = byId("export-bar").hidden = false;
    byId("export-cancel").focus();
    const say = (text) => (byId("export-text").textContent = text);
    let players = 0;
    try {
      const progress = (number) => say(count((players = number), "player"));
      const { value: window } = byId("export-of");
      const parts = await exportPlayers(this.api, window, this.stop.signal, progress);
      save(parts, `${[this.board, window].filter(Boolean).join("-")}.csv`);
      say(`Exported: ${count(players, "player")}.`);
      tell(`Exported: ${count(players, "player")}.`);
    } catch (error) {
      say(error.name === "AbortError" ? "Cancelled." : `Stopped: ${error.message}`);
    } finally {
      byId("export-start").disabled = false;
      byId("export-cancel").hidden = byId("export-bar").hidden = true;
      byId("export-start").focus();
    }
  }
}

function faultLine({ line: number, fault }, width) {
  const row = line("td", [number, `Left out: ${fault}.`]);
  row.lastChild.colSpan = width - 1;
  row.lastChild.className = "fault";
  return row;
}

function line(tag, cells) {
  const row = document.createElement("tr");
  for (const text of cells) {
    const cell = document.createElement(tag);
    cell.textContent = text;
    if (tag === "th") cell.scope = "col";
    row.append(cell);
  }
  return row;
}

function warn(event) {
  event.preventDefault();
}
