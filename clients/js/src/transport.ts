import type { Service } from "./service.js";

/** An event of a board, as a stream or a WebSocket carries it. */
export interface BoardEvent {
  event: string;
  id?: string;
  data: unknown;
}

/** Who is told what comes over a connection. */
export interface Listener {
  /** Something has come, such as the beginning of an answer. */
  heard(): void;
  event(event: BoardEvent): void;
  /** The service says after how many milliseconds to reconnect. */
  retry(milliseconds: number): void;
}

/** Opens a connection to the path, which may have a query, and reads it to its end. Throws LeaderboardError, whatever goes wrong.
 *
 * The token is "" if there is none. `lastId` is that of the newest snapshot that the client has, "" if it has none. The signal's reason is a
 * LeaderboardError if the connection is dead, and another error if nobody needs it any more. */
export type Transport = (
  service: Service,
  path: string,
  token: string,
  lastId: string,
  listener: Listener,
  signal: AbortSignal,
) => Promise<void>;
