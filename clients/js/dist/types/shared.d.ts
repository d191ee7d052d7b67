import type { Listener, Transport } from "./transport.js";
/** What a tab asks of the worker: the connection of those who ask for the same, for as long as the tab holds the lock. */
export interface Request {
    lock: string;
    /** The number of the transport, the address, the path with the window, and the token. */
    connection: [number, string, string, string];
}
/** What a tab is told: which method of its listener to call with what, or that the connection has ended, and why. */
export type Message = [method: keyof Listener | "end", argument?: any];
/** Return transports whose connections all tabs share, through a SharedWorker. Where there is none, each has its own.
 *
 * A tab that is closed, or crashes, says nothing. It loses its locks, which the worker waits for. */
export declare function sharedTransports(): Transport[];
