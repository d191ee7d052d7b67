import type { RequestOptions, Service } from "./service.js";
import type { BoardState, BoardWindow, OwnRank, PastSeason, PastSnapshot, PlayerData, PlayerSeason, PlayerState, RankedPlayer, ScoreAnswer, ScoreRank, ScoreResult, Selection, Settings, Snapshot, Standing } from "./types.js";
import { type WatchOptions } from "./watch.js";
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
export declare class Board {
    readonly leaderboard: Service;
    readonly id: string;
    readonly path: string;
    /** The query of all that is read, which names the window; "" without one. Writes are the board's. */
    readonly query: string;
    constructor(leaderboard: Service, id: string, window?: BoardWindow);
    /** Return the board's top players. */
    snapshot(): Promise<Snapshot>;
    /** Iterate over the snapshot now, and after each change of it, without end.
     *
     * A loop that is slower than the changes gets the newest snapshot only. The stream reconnects by itself, also
     * after silence, a sleep of the machine, or time offline. LeaderboardError is thrown when the service
     * refuses the stream, such as with 404 after the board was deleted, and when the first snapshot has not
     * come within the patience. */
    watch(options?: WatchOptions): AsyncIterableIterator<Snapshot>;
    /** Change settings; return the board with all of them. */
    update(settings: Settings): Promise<BoardState>;
    /** Delete the board with its players and seasons. */
    delete(): Promise<void>;
    /** End this season once (if it is over: 409); return the board in the next one. */
    reset(season: number): Promise<BoardState>;
    /** Yield past seasons, newest first, read page by page. */
    seasons(): AsyncGenerator<PastSeason, void, undefined>;
    /** Return the final snapshot of a past season. */
    season(number: number): Promise<PastSnapshot>;
    /** Return the player with this id, without asking the service whether there is one. */
    player(id: string): Player;
    /** Add a player and return it. Without an `id` the player gets a random one. */
    addPlayer(name: string, { id, email, data }?: NewPlayer): Promise<Player>;
    /** Yield all ranked players from a rank on, best first, read page by page. With a `season`, those of a past one. */
    players({ fromRank: from_rank, season }?: {
        fromRank?: number;
    } & SeasonOption): AsyncGenerator<RankedPlayer, void, undefined>;
    /** Yield the players whose name or id begins with the text, without case, by that text. */
    search(text: string): AsyncGenerator<RankedPlayer, void, undefined>;
    /** Return up to 500 players, with their places. */
    select(ids: Iterable<string>): Promise<Selection>;
    /** Return a score's rank. */
    rankOf(score: number): Promise<ScoreRank>;
    /** Add to the scores of up to 1,000 players; return one result each, in the same order.
     *
     * If a `season` is named, only that season is added to. A player who is missing is created if `names` has a name
     * for the id. With `rank` the results have the ranks afterwards. */
    addScores(amounts: Amounts, { season, names, rank }?: Omit<ScoreOptions, "name"> & {
        names?: ByPlayer<string> | undefined;
    }): Promise<ScoreResult[]>;
}
/** A player of a board, by its id. */
export declare class Player {
    #private;
    readonly board: Board;
    readonly id: string;
    readonly path: string;
    constructor(board: Board, id: string);
    /** Return the player with score and rank, now or as of the end of a past season. */
    read({ season }?: SeasonOption): Promise<PlayerState>;
    /** Return a ranking window, perhaps of a past season, with the player in its middle. */
    around(limit?: number, { season }?: SeasonOption): Promise<(RankedPlayer & Standing)[]>;
    /** Iterate over the own rank now, and after each change of it, as `Board.watch` does over snapshots.
     *
     * LeaderboardError is thrown with status 501 where the service has no live ranks, and with 404 after the player was
     * deleted. In a window that is before the first score, too. */
    watch(options?: WatchOptions): AsyncIterableIterator<OwnRank>;
    /** Yield the past seasons in which the player was ranked, newest first, read page by page. */
    seasons(): AsyncGenerator<PlayerSeason, void, undefined>;
    /** Add to the score; return the answer, which has the new one. An idempotency key counts once.
     *
     * Without a `key` the call makes its own. */
    add(amount?: number, { key, season, name, rank }?: ScoreOptions & {
        key?: string | undefined;
    }): Promise<ScoreAnswer>;
    /** Set the score, or with `best` keep the better of the two; return the answer, which has the score afterwards. */
    set(score: number, { best, season, name, rank }?: ScoreOptions & {
        best?: boolean;
    }): Promise<ScoreAnswer>;
    /** Change `name`, `hidden` or `data`, which is replaced whole; return the player. */
    update(fields: {
        name?: string;
        hidden?: boolean;
        data?: PlayerData;
    }): Promise<PlayerState>;
    /** Delete the player. */
    delete(): Promise<void>;
}
/** Return how to retry the creation of what has this id.
 *
 * An id that was made up here is nobody else's: if it is taken, an earlier attempt has taken it. */
export declare function hasId(id: string | undefined): Pick<RequestOptions, "countsOnce" | "isDone">;
