// Import: from the text of a CSV file to increments. This module does not use the page.

import { ID_RULE, isId, playerPath } from "../ids.js";
import { Failure } from "./api.js";
import { readCsv, unguard } from "./csv.js";

const BATCH = 1000; // rows that one request may have
const AT_ONCE = 4; // players created at the same time
const BREATH = 12; // milliseconds of work after which the browser may update the page

const COLUMNS = {
  id: /^(player|user|member)?[ _-]?id$|^(player|user|username|login|scorer)$/i,
  name: /^(player|user|display|full)?[ _-]?name$|^nick(name)?$/i,
  amount: /^(amount|scores?|points?|value|add|increment|total)$/i,
  email: /^e?-?mail([ _-]?address)?$/i,
};

// Guess the columns' meanings from their titles; return indexes, -1 for none.
export function guessColumns(header) {
  const find = (pattern) => header.findIndex((title) => pattern.test(title.trim()));
  const [id, name, amount, email] = Object.values(COLUMNS).map(find);
  return { id: id < 0 ? Math.max(name, 0) : id, name, amount, email };
}

// Add up the amounts of each player, because with an idempotency key a bulk request may list each
// player only once. Return {players: [{id, name, email, amount, rows, lines}], faults, rows}, where a
// fault is {line, detail}. Players are in the order of their last rows: among equal scores, the player
// whose last row is earlier ranks first.
export async function addUp(text, delimiter, columns, { signal, progress } = {}) {
  const players = new Map();
  const faults = [];
  const rows = readCsv(text, delimiter);
  rows.next(); // the header
  let since = performance.now();
  let count = 0;
  for (const row of rows) {
    count += 1;
    try {
      addRow(players, row, columns);
    } catch (error) {
      if (!(error instanceof BadRow)) throw error;
      faults.push({ line: row.line, detail: error.message });
    }
    if (performance.now() - since > BREATH) {
      progress?.(count);
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
      since = performance.now();
    }
  }
  return { players: [...players.values()], faults, rows: count };
}

class BadRow extends Error {}

function addRow(players, row, columns) {
  if (row.fault) throw new BadRow(row.fault);
  const cell = (column) => unguard((row.cells[column] ?? "").trim());
  const id = idOf(cell(columns.id));
  const name = columns.name < 0 ? id : nameOf(cell(columns.name) || id);
  const before = players.get(id) ?? { amount: 0, rows: 0, lines: [] };
  const amount = before.amount + (columns.amount < 0 ? 1 : amountOf(cell(columns.amount)));
  if (!Number.isSafeInteger(amount)) throw new BadRow("the player's amounts add up to too much");
  const lines = before.lines.length < 3 ? [...before.lines, row.line] : before.lines;
  players.delete(id); // so that `set` puts the player at the end
  const email = before.email || cell(columns.email); // the service checks it, for new players only
  players.set(id, { id, name: before.name ?? name, email, amount, rows: before.rows + 1, lines });
}

function idOf(text) {
  if (isId(text)) return text;
  throw new BadRow(`player id ${shown(text)}: must be ${ID_RULE}`);
}

function nameOf(text) {
  if ([...text].length <= 100 && !/[\p{Cc}\p{Cs}]/u.test(text)) return text;
  throw new BadRow(`name ${shown(text)}: must be 1 to 100 characters, no control characters`);
}

function amountOf(text) {
  const amount = Number(text);
  if (/^[+-]?[0-9]{1,16}$/.test(text) && Number.isSafeInteger(amount)) return amount;
  throw new BadRow(`amount ${shown(text)}: must be a whole number`);
}

function shown(text) {
  return text ? `“${text.length > 40 ? `${text.slice(0, 40)}…` : text}”` : "missing";
}

// Return a name for an import, the same for the same file. So nothing that was counted before a
// failure is counted twice. It is 53 bits of the text's hash (cyrb53), enough for a board's files.
export function nameOfImport(text, ...others) {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (const part of [text, JSON.stringify(others)]) {
    for (let at = 0; at < part.length; at += 1) {
      const code = part.charCodeAt(at);
      high = Math.imul(high ^ code, 2654435761);
      low = Math.imul(low ^ code, 1597334677);
    }
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return (4294967296 * (2097151 & low) + (high >>> 0)).toString(36);
}

// An import, sent in batches. If it was cancelled or failed, `run` repeats the batch that was being
// sent, with the same idempotency key: no player is counted again.
export class Import {
  constructor(api, name, season, players) {
    Object.assign(this, { api, name, season, players });
    this.start = 0; // index of the next batch's first player
    this.ahead = 0; // players of that batch who are counted or created
    this.added = 0; // rows of players who are counted
    this.created = 0; // players who are new
    this.faults = [];
  }

  get isDone() {
    return this.start >= this.players.length;
  }

  get done() {
    return Math.min(this.start + this.ahead, this.players.length);
  }

  async run(signal, progress) {
    while (!this.isDone) {
      await this.sendBatch(this.players.slice(this.start, this.start + BATCH), signal, progress);
      this.start += BATCH;
      this.ahead = 0;
      progress();
    }
  }

  async sendBatch(batch, signal, progress) {
    let added = 0;
    const faults = [];
    const settle = (answers) => {
      for (const { player, result } of answers) {
        if (result.status === 200) added += player.rows;
        else faults.push(fault(player, result.detail));
      }
    };
    const answers = await this.add(batch, signal);
    const missing = answers.filter(({ result }) => result.status === 404);
    const there = answers.filter(({ result }) => result.status !== 404);
    settle(there);
    this.ahead = there.length;
    progress();
    const players = missing.map(({ player }) => player);
    const created = await this.createAll(players, faults, signal, progress);
    if (created.length) settle(await this.add(created, signal));
    this.added += added;
    this.faults.push(...faults);
  }

  async add(players, signal) {
    const rows = players.map(({ id, amount }) => ({ player: id, amount, season: this.season }));
    const key = `import-${this.name}-${this.start}`;
    const options = { key, signal, patient: true };
    const { results } = await this.api.send("POST", "scores/", rows, options);
    return players.map((player, number) => ({ player, result: results[number] }));
  }

  // Create the players; return those who are on the board then.
  async createAll(players, faults, signal, progress) {
    const created = new Set();
    // The workers share a generator, which ends for all of them when one fails.
    const rest = (function* () {
      yield* players;
    })();
    const work = async () => {
      for (const player of rest) {
        if (await this.create(player, faults, signal)) created.add(player);
        this.ahead += 1;
        progress();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return players.filter((player) => created.has(player));
  }

  async create(player, faults, signal) {
    const { id, name, email } = player;
    const body = email ? { id, name, email } : { id, name };
    try {
      await this.api.send("POST", "players/", body, { signal, patient: true });
      this.created += 1;
      return true;
    } catch (error) {
      if (!(error instanceof Failure) || ![409, 422].includes(error.status)) throw error;
      // A conflict: the player exists by now, or another player has the address.
      if (error.status === 409 && (await this.isThere(id, signal))) return true;
      faults.push(fault(player, error.message));
      return false;
    }
  }

  async isThere(id, signal) {
    try {
      await this.api.send("GET", playerPath(id), undefined, { signal, patient: true });
      return true;
    } catch (error) {
      if (error.status === 404) return false;
      throw error;
    }
  }
}

function fault(player, detail) {
  const more = player.rows - player.lines.length;
  const also = [...player.lines.slice(1), ...(more > 0 ? [`${more} more`] : [])];
  const others = also.length ? ` (with ${also.join(", ")})` : "";
  return { line: player.lines[0], detail: `${player.id}${others}: ${detail}` };
}
