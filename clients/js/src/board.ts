import { MAX_PAGE_ROWS, MAX_SEASON, randomId, requireId, requireInteger, requireKey, requireScore, requireSeason } from "./arguments.js";
import type { RequestOptions, Service } from "./service.js";
import type {
  BoardState,
  BoardWindow,
  OwnRank,
  PastSeason,
  PastSnapshot,
  PlayerData,
  PlayerSeason,
  PlayerState,
  RankedPlayer,
  ScoreAnswer,
  ScoreRank,
  ScoreResult,
  Selection,
  Settings,
  Snapshot,
  Standing,
} from "./types.js";
import { watch, type WatchOptions } from "./watch.js";

/** Values by player id. A Map keeps its order; of an object, ids that are numbers come first. */
export type ByPlayer<T> = Record<string, T> | Iterable<readonly [string, T]>;
export type Amounts = ByPlayer<number>;

/** What a write of a score may say. */
export interface ScoreOptions {
  /** The season it is meant for. If another one is running, LeaderboardError is thrown with status 409. */
  season?: number | undefined;
  /** Creates the player under this name, if the board has none of the id. */
  name?: string | undefined;
  /** Whether the answer has the rank afterwards. */
  rank?: boolean | undefined;
}

/** What a new player may have beside the name. */
export interface NewPlayer {
  id?: string | undefined;
  email?: string | undefined;
  data?: PlayerData | undefined;
}

/** Which season is read: a past one, or without a number the running one. */
export interface SeasonOption {
  season?: number | undefined;
}

/** A board of the service, by its id, or a window of it. */
export class Board {
  readonly leaderboard: Service;
  readonly id: string;
  readonly path: string;
  /** The query of all that is read, which names the window; "" without one. Writes are the board's. */
  readonly query: string;

  constructor(leaderboard: Service, id: string, window?: BoardWindow) {
    this.leaderboard = leaderboard;
    this.id = requireId(id);
    this.path = `/boards/${id}/`;
    this.query = window === undefined ? "" : `?${new URLSearchParams({ window })}`;
  }

  /** Return the board's top players. */
  snapshot(): Promise<Snapshot> {
    return this.leaderboard.request("GET", this.path + this.query);
  }

  /** Iterate over the snapshot now, and after each change of it, without end.
   *
   * A loop that is slower than the changes gets the newest snapshot only. The stream reconnects by itself, also
   * after silence, a sleep of the machine, or time offline. LeaderboardError is thrown when the service
   * refuses the stream, such as with 404 after the board was deleted, and when the first snapshot has not
   * come within the patience. */
  watch(options: WatchOptions = {}): AsyncIterableIterator<Snapshot> {
    return watch(this.leaderboard, this.path + this.query, options);
  }

  /** Change settings; return the board with all of them. */
  update(settings: Settings): Promise<BoardState> {
    return this.leaderboard.request("PATCH", this.path, { body: settings });
  }

  /** Delete the board with its players and seasons. */
  async delete(): Promise<void> {
    await this.leaderboard.request("DELETE", this.path, { isDone: isMissing });
  }

  /** End this season once (if it is over: 409); return the board in the next one. */
  async reset(season: number): Promise<BoardState> {
    requireInteger("season", season, 1, MAX_SEASON);
    return this.leaderboard.request("POST", `${this.path}reset/`, { body: { season } });
  }

  /** Yield past seasons, newest first, read page by page. */
  seasons(): AsyncGenerator<PastSeason, void, undefined> {
    return this.leaderboard.pages(`${this.path}seasons/${this.query}`, "past");
  }

  /** Return the final snapshot of a past season. */
  async season(number: number): Promise<PastSnapshot> {
    requireInteger("season", number, 1, MAX_SEASON);
    return this.leaderboard.request("GET", `${this.path}seasons/${number}/${this.query}`);
  }

  /** Return the player with this id, without asking the service whether there is one. */
  player(id: string): Player {
    return new Player(this, id);
  }

  /** Add a player and return it. Without an `id` the player gets a random one. */
  async addPlayer(name: string, { id, email, data }: NewPlayer = {}): Promise<Player> {
    const player = this.player(id ?? randomId());
    await this.leaderboard.request("POST", `${this.path}players/`, { body: { id: player.id, name, email, data }, ...hasId(id) });
    return player;
  }

  /** Yield all ranked players from a rank on, best first, read page by page. With a `season`, those of a past one. */
  players({ fromRank: from_rank = 1, season }: { fromRank?: number } & SeasonOption = {}): AsyncGenerator<RankedPlayer, void, undefined> {
    requireInteger("fromRank", from_rank, 1, Number.MAX_SAFE_INTEGER);
    const path = `${this.path}${seasonPath(season)}players/${this.query}`;
    return this.leaderboard.pages(path, "players", from_rank > 1 ? { from_rank } : {});
  }

  /** Yield the players whose name or id begins with the text, without case, by that text. */
  search(text: string): AsyncGenerator<RankedPlayer, void, undefined> {
    return this.leaderboard.pages(`${this.path}players/?${new URLSearchParams({ search: text })}`, "players");
  }

  /** Return up to 500 players, with their places. */
  async select(ids: Iterable<string>): Promise<Selection> {
    return this.leaderboard.request("POST", `${this.path}players/select/${this.query}`, { body: { ids: Array.from(ids, requireId) } });
  }

  /** Return a score's rank. */
  async rankOf(score: number): Promise<ScoreRank> {
    return this.leaderboard.request("GET", `${this.path}rank/${this.query}`, { params: { score: requireScore("score", score) } });
  }

  /** Add to the scores of up to 1,000 players; return one result each, in the same order.
   *
   * If a `season` is named, only that season is added to. A player who is missing is created if `names` has a name
   * for the id. With `rank` the results have the ranks afterwards. */
  async addScores(
    amounts: Amounts,
    { season, names = {}, rank }: Omit<ScoreOptions, "name"> & { names?: ByPlayer<string> | undefined } = {},
  ): Promise<ScoreResult[]> {
    const nameOf = new Map(entries(names));
    const body = Array.from(entries(amounts), ([player, amount]) => {
      const name = nameOf.get(player);
      return { player: requireId(player), amount: requireScore("amount", amount), name, season: requireSeason(season) };
    });
    const headers = { "Idempotency-Key": randomId() };
    const path = `${this.path}scores/`;
    const options = { body, headers, params: { rank } };
    return (await this.leaderboard.request<{ results: ScoreResult[] }>("POST", path, options)).results;
  }
}

/** A player of a board, by its id. */
export class Player {
  readonly board: Board;
  readonly id: string;
  readonly path: string;

  constructor(board: Board, id: string) {
    this.board = board;
    this.id = requireId(id);
    this.path = `${board.path}players/${id}/`;
  }

  /** Return the player with score and rank, now or as of the end of a past season. */
  read({ season }: SeasonOption = {}): Promise<PlayerState> {
    return this.#read(season);
  }

  /** Return a ranking window, perhaps of a past season, with the player in its middle. */
  async around(limit = 5, { season }: SeasonOption = {}): Promise<(RankedPlayer & Standing)[]> {
    const params = { limit: requireInteger("limit", limit, 1, MAX_PAGE_ROWS) };
    return (await this.#read<{ players: (RankedPlayer & Standing)[] }>(season, "around/", params)).players;
  }

  /** Iterate over the own rank now, and after each change of it, as `Board.watch` does over snapshots.
   *
   * LeaderboardError is thrown with status 501 where the service has no live ranks, and with 404 after the player was
   * deleted. In a window that is before the first score, too. */
  watch(options: WatchOptions = {}): AsyncIterableIterator<OwnRank> {
    return watch(this.board.leaderboard, this.path + this.board.query, options);
  }

  /** Yield the past seasons in which the player was ranked, newest first, read page by page. */
  seasons(): AsyncGenerator<PlayerSeason, void, undefined> {
    return this.board.leaderboard.pages(`${this.path}seasons/${this.board.query}`, "seasons");
  }

  /** Add to the score; return the answer, which has the new one. An idempotency key counts once.
   *
   * Without a `key` the call makes its own. */
  async add(amount = 1, { key, season, name, rank }: ScoreOptions & { key?: string | undefined } = {}): Promise<ScoreAnswer> {
    const body = { amount: requireScore("amount", amount), name, season: requireSeason(season) };
    const headers = { "Idempotency-Key": requireKey(key ?? randomId()) };
    return this.#request("POST", "score-add/", { body, headers, params: { rank } });
  }

  /** Set the score, or with `best` keep the better of the two; return the answer, which has the score afterwards. */
  async set(score: number, { best, season, name, rank }: ScoreOptions & { best?: boolean } = {}): Promise<ScoreAnswer> {
    const mode = best ? "best" : "set";
    const body = { score: requireScore("score", score), mode, name, season: requireSeason(season) };
    return this.#request("PUT", "score/", { body, params: { rank } });
  }

  /** Change `name`, `hidden` or `data`, which is replaced whole; return the player. */
  update(fields: { name?: string; hidden?: boolean; data?: PlayerData }): Promise<PlayerState> {
    return this.#request("PATCH", "", { body: fields });
  }

  /** Delete the player. */
  async delete(): Promise<void> {
    await this.#request("DELETE", "", { isDone: isMissing });
  }

  async #read<T>(season: number | undefined, path = "", params: RequestOptions["params"] = {}): Promise<T> {
    const { leaderboard, path: board, query } = this.board;
    return leaderboard.request("GET", `${board}${seasonPath(season)}players/${this.id}/${path}${query}`, { params });
  }

  #request<T>(method: string, path: string, options?: RequestOptions): Promise<T> {
    return this.board.leaderboard.request(method, this.path + path, options);
  }
}

/** Return how to retry the creation of what has this id.
 *
 * An id that was made up here is nobody else's: if it is taken, an earlier attempt has taken it. */
export function hasId(id: string | undefined): Pick<RequestOptions, "countsOnce" | "isDone"> {
  if (id !== undefined) return { countsOnce: false };
  return { isDone: ({ type }) => type.endsWith("#id-taken") };
}

/** Return where a past season is, below its board; "" without one. */
function seasonPath(season: number | undefined): string {
  return season === undefined ? "" : `seasons/${requireSeason(season)}/`;
}

function entries<T>(values: ByPlayer<T>): Iterable<readonly [string, T]> {
  return Symbol.iterator in values ? (values as Iterable<readonly [string, T]>) : Object.entries(values);
}

function isMissing({ status }: { status: number }): boolean {
  return status === 404;
}
