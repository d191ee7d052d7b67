// Snapshots, and what becomes of their connection, for as long as the page is open.

const LEAST = 1000, MOST = 30000; // milliseconds before what was refused is asked for again
const SILENCE = 43; // seconds without a sign of life: two keep-alives are missing, and nobody waits for 45

/** Watch what `open(options)` opens, and call `on.update(snapshot)`, and if they are there `on.event(name, data)`
 * and `on.live()`, until `on.signal` says otherwise.
 *
 * When the connection is lost, call `on.lost(since)` with the time of the last sign of life. If the
 * server refuses it, call `on.refused(error)`. It is tried again all the same. */
export async function watch(open, on) {
  const options = {
    share: true,
    whileVisible: true,
    silence: SILENCE,
    signal: on.signal,
    onEvent: (event, data) => on.event?.(event, data),
    onLive: () => on.live?.(),
    onLost: (since) => on.lost?.(since),
  };
  for (let pause = LEAST; !on.signal?.aborted; pause = Math.min(MOST, 2 * pause)) {
    try {
      for await (const snapshot of open(options)) {
        pause = LEAST;
        on.update(snapshot);
      }
    } catch (error) {
      on.lost?.(new Date());
      on.refused(error);
    }
    await new Promise((done) => setTimeout(done, pause * (0.5 + Math.random() / 2)));
  }
}
