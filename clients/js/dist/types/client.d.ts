import { Board } from "./board.js";
import { Service } from "./service.js";
import type { BoardState, BoardWindow, Settings } from "./types.js";
/** A leaderboard service at one address. */
export declare class Leaderboard extends Service {
    /** Return the board with this id, without asking the service whether it exists.
     *
     * With a `window` all reads are of that window of the board; writes are the board's. Throws RangeError if no
     * board can have the id. */
    board(id: string, { window }?: {
        window?: BoardWindow | undefined;
    }): Board;
    /** Create a board and return it. Without an `id` it gets a random one. */
    createBoard({ id, ...settings }?: {
        id?: string | undefined;
    } & Settings): Promise<Board>;
    /** Yield all boards that may be listed, with their settings, read page by page. */
    boards(): AsyncGenerator<BoardState, void, undefined>;
}
