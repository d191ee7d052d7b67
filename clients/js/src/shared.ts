import { randomId } from "./arguments.js";
import { LeaderboardError } from "./errors.js";
import { readEventStream } from "./event_stream.js";
import type { Listener, Transport } from "./transport.js";
import { readWebSocket } from "./web_socket.js";

const HELLO = 3000; // milliseconds within which a worker says that it is there
const direct = [readEventStream, readWebSocket];
let hasWorker = true;

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
export function sharedTransports(): Transport[] {
  return direct.map((readDirectly, number) => async (service, path, token, lastId, listener, signal) => {
    const port = await openPort();
    if (!port) return readDirectly(service, path, token, lastId, listener, signal);
    try {
      const request: Request = { lock: randomId(), connection: [number, service.url, path, token] };
      await navigator.locks.request(request.lock, () => read(port, request, listener, signal));
    } finally {
      port.close();
    }
  });
}

/** Read what comes through the port, until the connection ends. If it is dead, no tab can use it any more. */
function read(port: MessagePort, request: Request, listener: Listener, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      if (signal.reason instanceof LeaderboardError) port.postMessage(signal.reason.message);
      reject(signal.reason);
    };
    signal.throwIfAborted(); // before the worker has heard of it
    signal.addEventListener("abort", abort);
    port.onmessage = ({ data: [method, argument] }: MessageEvent<Message>) => {
      if (method !== "end") listener[method](argument as never);
      else if (argument) reject(new LeaderboardError(argument.status, argument.message, argument));
      else resolve();
    };
    port.postMessage(request);
  });
}

/** Return a port to the worker; undefined if there is none. Without TLS there are no locks. */
function openPort(): Promise<MessagePort | undefined> {
  return new Promise((resolve) => {
    const giveUp = (): void => {
      hasWorker = false;
      resolve(undefined);
    };
    if (!hasWorker || !globalThis.navigator?.locks) return giveUp();
    try {
      // Written in one piece, which bundlers look for. Another number for other messages: tabs with the client of a
      // former release have its worker.
      const worker = new SharedWorker(new URL("./leaderboard-worker.js", import.meta.url), { name: "leaderboard 2" });
      const timer = setTimeout(giveUp, HELLO);
      worker.onerror = giveUp;
      worker.port.onmessage = () => {
        clearTimeout(timer);
        worker.onerror = null; // an error from now on does not mean that there is none
        resolve(worker.port);
      };
    } catch {
      giveUp(); // such as for a script of another origin
    }
  });
}
