import { LeaderboardError } from "./errors.js";
import type { Service } from "./service.js";
/** How to watch a board, and who is told what happens meanwhile. */
export interface WatchOptions {
    /** Ends the loop. */
    signal?: AbortSignal;
    /** Called for each event but `update` and `keep-alive`, such as `joined` and `new leader`. */
    onEvent?: (event: string, data: any) => void;
    /** Called when the connection lives, at first and again after each loss. */
    onLive?: () => void;
    /** Called when the connection is lost, or does not come about, once, with the time of the last sign of life. */
    onLost?: (since: Date, failure: LeaderboardError) => void;
    /** Whether tabs of an origin have one connection to the board, where there are SharedWorkers. It needs
     * leaderboard-worker.js beside this file. The service's own `fetch` and `WebSocket` are not asked then. */
    share?: boolean;
    /** Whether to have no connection while the page is hidden. It comes back when the page is shown. */
    whileVisible?: boolean;
    /** Seconds without a sign of life after which the connection is dead, by default 45. */
    silence?: number;
}
/** Return an iterator over the snapshots at the path, of a board, a window or a player. It connects when it is first asked. */
export declare function watch<T>(service: Service, path: string, options: WatchOptions): AsyncIterableIterator<T>;
