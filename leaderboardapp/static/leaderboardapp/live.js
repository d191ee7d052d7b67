// A board's snapshots, and what becomes of their connection, for as long as the page is open.

import { Leaderboard } from "./leaderboard.js";

const LEAST = 1000, MOST = 30000; // milliseconds before a board that was refused is asked for again

/** Watch the board, or a window of it, and call `on.update(snapshot)`, `on.joined(player)` and `on.live()`.
 *
 * When the connection is lost, call `on.lost(since)` with the time of the last sign of life. If the
 * server refuses the board, call `on.refused(detail)` with its reason. */
export async function watch(id, window, token, on) {
  const board = new Leaderboard("/", { token, patience: Infinity }).board(id, { window });
  const options = {
    share: true,
    whileVisible: true,
    onEvent: (event, { player }) => event === "joined" && on.joined(player),
    onLive: on.live,
    onLost: on.lost,
  };
  for (let pause = LEAST; ; pause = Math.min(MOST, 2 * pause)) {
    try {
      for await (const snapshot of board.watch(options)) {
        pause = LEAST;
        on.update(snapshot);
      }
    } catch (error) {
      on.lost(new Date());
      on.refused(error.message);
    }
    await new Promise((done) => setTimeout(done, pause * (0.5 + Math.random() / 2)));
  }
}
