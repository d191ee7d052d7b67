/** A client of the leaderboard service, for browsers and Node. It needs nothing else.
 *
 *     import { Leaderboard } from "./leaderboard.js";
 *
 *     const board = new Leaderboard("http://localhost:7999").board("demo");
 *     await board.player("alice").add(5);
 *     for await (const { players } of board.watch()) console.table(players);
 *
 * The client retries requests that count only once: reads, deletions, settings of scores, and increments,
 * each with an idempotency key of its own. It does so for `patience` seconds, through restarts and failures
 * of the service. */
export { Board, Player, type Amounts, type ByPlayer, type NewPlayer, type ScoreOptions, type SeasonOption } from "./board.js";
export { formatScore } from "./format.js";
export { LeaderboardError } from "./errors.js";
export { Leaderboard } from "./client.js";
export type { RequestOptions, Service, ServiceOptions, Token } from "./service.js";
export type * from "./types.js";
export type { WatchOptions } from "./watch.js";
