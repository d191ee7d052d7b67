// Import: from players and amounts to increments. This module changes nothing in the page.

import { playerPath } from "../ids.js";
import { Failure } from "./api.js";
import { number, sentenceOf, text } from "../words.js";

const BATCH = 1000; // players with one idempotency key; another number would count those again who are counted
const REQUEST = 500; // of them in one request, so that it is not too large with the longest names
const AT_ONCE = 4; // players created at the same time
const REFUSED = [400, 409, 413, 422]; // statuses that are about one player

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
// sent, with the same idempotency key: no player is counted again. With `names`, players who are missing
// join by their score, in the order of the file, unless they bring data.
export class Import {
  constructor(api, name, season, players, names = false) {
    Object.assign(this, { api, name, season, players, names });
    this.start = 0; // index of the next batch's first player
    this.ahead = 0; // players of that batch who are counted or created
    this.added = 0; // rows of players who are counted
    this.known = 0; // rows of players whom an earlier import of this name has counted
    this.created = 0; // players who are new
    this.lost = false; // whether an answer was lost that said who is new
    this.unsure = false; // whether the batch may have been counted in this import, unheard
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
      try {
        await this.sendBatch(this.players.slice(this.start, this.start + BATCH), signal, progress);
      } catch (error) {
        this.unsure = true;
        throw error;
      }
      this.start += BATCH;
      this.ahead = 0;
      this.unsure = false;
      progress();
    }
  }

  async sendBatch(batch, signal, progress) {
    let [added, known, joined] = [0, 0, 0];
    const faults = [];
    const settle = (answers) => {
      for (const { player, result } of answers) {
        if (![200, 201].includes(result.status)) faults.push(fault(player, sentenceOf(result) || result.detail));
        else if (result.repeated && !this.unsure) known += player.rows;
        else added += player.rows;
        if (result.status === 201) joined += 1;
        this.lost ||= result.repeated && this.unsure;
      }
    };
    const answers = await this.add(batch, signal);
    const missing = answers.filter(({ result }) => result.status === 404);
    const there = answers.filter(({ result }) => result.status !== 404);
    settle(there);
    this.ahead = there.length;
    progress();
    const players = await this.keepAllowed(missing, faults, signal);
    const created = await this.createAll(players, faults, signal, progress);
    if (created.length) settle(await this.add(created, signal));
    this.added += added;
    this.known += known;
    this.created += joined;
    this.faults.push(...faults);
  }

  async add(players, signal) {
    const answers = [];
    for (let start = 0; start < players.length; start += REQUEST) {
      answers.push(...(await this.addPiece(players.slice(start, start + REQUEST), signal)));
    }
    return answers;
  }

  async addPiece(players, signal) {
    const rows = players.map(({ id, name, data, amount }) => {
      const row = { player: id, amount, season: this.season };
      return this.names && !data ? { ...row, name } : row;
    });
    const key = `import-${this.name}-${this.start}`;
    const options = { key, signal, patient: true, again: () => (this.unsure = true) };
    const { results } = await this.api.send("POST", "scores/", rows, options);
    return players.map((player, number) => ({ player, result: results[number] }));
  }

  // Return the players whose sum the board allows. Nobody is created who would be left with 0.
  async keepAllowed(missing, faults, signal) {
    if (missing.length === 0) return [];
    // An empty change: its answer has the settings, which may be others than when the page was loaded.
    const board = await this.api.send("PATCH", "", {}, { signal, patient: true });
    return missing.flatMap(({ player }) => {
      const detail = whyRefused(board, this.season, player);
      if (!detail) return [player];
      faults.push(fault(player, detail));
      this.ahead += 1;
      return [];
    });
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
    const { id, name, email, data } = player;
    const fields = JSON.stringify({ id, name, ...(email && { email }) });
    const json = data ? `${fields.slice(0, -1)},"data":${data}}` : fields; // as it is in the file
    try {
      await this.api.send("POST", "players/", json, { signal, patient: true });
      this.created += 1;
      return true;
    } catch (error) {
      if (!(error instanceof Failure) || !REFUSED.includes(error.status)) throw error;
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

// Return why the board does not allow the sum as a new player's first increment, as the service says
// it; nothing if it does.
export function whyRefused(board, season, { id, amount }) {
  if (board.season !== season) {
    return text("other_season", { season: board.season });
  }
  const most = Number.MAX_SAFE_INTEGER;
  const [least, greatest, largest] = [board.min ?? -most, board.max ?? most, board.max_amount ?? most];
  if (amount >= least && amount <= greatest && Math.abs(amount) <= largest) return "";
  const key = board.max_amount === null ? "beyond_limits" : "beyond_increments";
  return text(key, { id, least, most: greatest, down: -largest, up: largest });
}

function fault(player, detail) {
  const more = player.rows - player.lines.length;
  const also = [...player.lines.slice(1), ...(more > 0 ? [text("more_lines", { count: number(more) })] : [])];
  const who = also.length ? text("with_lines", { id: player.id, lines: also.join(", ") }) : player.id;
  return { line: player.lines[0], detail: `${who}: ${detail}` };
}
