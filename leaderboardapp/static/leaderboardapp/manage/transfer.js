// The dashboard's transfers of files, in and out, with their progress bars.

import { save, exportPlayers } from "./exporting.js";
import { addUp, BadHeader, countRows, findNumbers, guessColumns, readHeader, requireDistinct } from "./counting.js";
import { decode, readCsv } from "./csv.js";
import { Import, nameOfImport } from "./importing.js";
import { newKey } from "../api.js";
import { byId, tell } from "./forms.js";
import { LOCALE } from "../locale.js";
import { number, plural, text } from "../words.js";

const PREVIEW = 5; // rows
const SHOWN_FAULTS = 200;
// What a missing column means, in words.
const COLUMNS = { id: null, name: "none_name", amount: "none_amount", email: "none_email", data: "none_data" };

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
    byId("import-job").hidden = byId("import-continue").hidden; // what it says is of another file
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
      byId("import-fault").textContent = text("no_rows");
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
    const title = header[this.proposed] ?? "";
    this.question = asks ? text("amount_question", { title }) : "";
    byId("amount-yes").textContent = text("amount_yes", { title });
    for (const [column, none] of Object.entries(COLUMNS)) {
      const options = header.map((title, index) => new Option(title || text("column", { number: index + 1 }), index));
      if (none) options.unshift(new Option(text(none), -1));
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
    const keys = [
      "head_line", "head_name", "head_adds", "head_id", ...(ask_email ? ["head_email"] : []), ...(hasData ? ["head_data"] : []),
    ];
    const titles = keys.map((key) => text(key));
    const rows = [];
    for (const row of countRows(this.text, this.columns)) {
      rows.push(row.fault ? faultLine(row, titles.length) : line("td", [
        row.line, row.name, row.amount.toLocaleString(LOCALE, { signDisplay: "always" }), row.id,
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
    byId("import-fault").textContent = isBad ? error.message : text("file_refused", { reason: error.message });
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
      const progress = (rows) => this.say(text("reading", { rows: plural("rows", rows) }));
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
    this.progress();
    await this.task.run(signal, () => this.progress());
    this.progress();
    const { added, created, known, lost } = this.task;
    const { rows } = this.read;
    const bad = rows - added - known;
    const all = plural("rows", rows);
    const before = known ? text("already_counted", { count: number(known), rows: all }) : "";
    const key = lost ? "imported" : "imported_created";
    const now = text(key, { count: number(added), rows: all, players: plural("players", created) });
    const end = [added || !known ? now : "", before].filter(Boolean).join(" ");
    this.say(end);
    tell(bad ? `${end} ${text("not_added", { count: number(bad) })}` : end);
  }

  progress() {
    byId("import-bar").value = this.task.done;
    this.say(text("some_of", { count: number(this.task.done), players: plural("players", this.task.players.length) }));
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
      this.takeFocus();
      this.showFaults();
      if (!byId("dashboard").hidden) this.done();
    }
  }

  // Take the focus back that was lost with a button, unless it has gone elsewhere meanwhile.
  takeFocus() {
    const [next, cancel] = [byId("import-continue"), byId("import-cancel")];
    if (![document.body, cancel].includes(document.activeElement)) return;
    (next.hidden ? byId("import-start") : next).focus({ preventScroll: true });
  }

  interrupted(error) {
    const why = whyEnded(error);
    const { start, players } = this.task ?? {};
    const where = this.task ? text("may_continue", { count: number(start), players: plural("players", players.length) }) : "";
    this.say([why, where].filter(Boolean).join(" "));
    tell(why, error.name !== "AbortError");
  }

  say(words) {
    byId("import-text").textContent = words;
  }

  showFaults() {
    const faults = [...(this.read?.faults ?? []), ...(this.task?.faults ?? [])];
    faults.sort((one, other) => one.line - other.line);
    const shown = faults.slice(0, SHOWN_FAULTS).map(({ line, detail }) => {
      const item = document.createElement("li");
      item.textContent = text("fault_line", { line, fault: detail });
      return item;
    });
    const [list, more] = byId("import-faults").querySelectorAll("ol, p");
    list.replaceChildren(...shown);
    const rest = faults.length - shown.length;
    more.textContent = rest > 0 ? text("and_more", { count: number(rest) }) : "";
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
    const say = (words) => (byId("export-text").textContent = words);
    let players = 0;
    try {
      const progress = (count) => say(plural("players", (players = count)));
      const { value: window } = byId("export-of");
      const parts = await exportPlayers(this.api, window, this.stop.signal, progress);
      save(parts, `${[this.board, window].filter(Boolean).join("-")}.csv`);
      const end = text("exported", { players: plural("players", players) });
      say(end);
      tell(end);
    } catch (error) {
      say(whyEnded(error));
    } finally {
      byId("export-start").disabled = false;
      byId("export-cancel").hidden = byId("export-bar").hidden = true;
      byId("export-start").focus();
    }
  }
}

function whyEnded(error) {
  return error.name === "AbortError" ? text("cancelled") : text("stopped", { reason: error.message });
}

function faultLine({ line: at, fault }, width) {
  const row = line("td", [at, text("left_out", { fault })]);
  row.lastChild.colSpan = width - 1;
  row.lastChild.className = "fault";
  return row;
}

function line(tag, cells) {
  const row = document.createElement("tr");
  for (const words of cells) {
    const cell = document.createElement(tag);
    cell.textContent = words;
    if (tag === "th") cell.scope = "col";
    row.append(cell);
  }
  return row;
}

function warn(event) {
  event.preventDefault();
}
