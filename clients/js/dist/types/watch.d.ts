import { LeaderboardError } from "./errors.js";
import type { Service } from "./service.js";
import type { Snapshot } from "./types.js";
/** How to watch a board, and who is told what happens meanwhile. */
export interface WatchOptions {
    /** Ends the loop. */
    signal?: AbortSignal;
    /** Called for each event but `update` and `keep-alive`, such as `joined` and `new leader`. */
    onEvent?: (event: string, data: any) => void;
    /** Called when the connection lives, at first and again after each loss. */
    onLive?: () => void;
    /** Called when the connection is lost, once, with the time of the last sign of life. */
    onLost?: (since: Date, failure: LeaderboardError) => void;
    /** Seconds without a sign of life after which the connection is dead, by default 45. */
    silence?: number;
}
/** Return an iterator over the snapshots of the board at the path. It connects when it is first asked. */
export declare function watch(service: Service, path: string, options: WatchOptions): AsyncIterableIterator<Snapshot>;
