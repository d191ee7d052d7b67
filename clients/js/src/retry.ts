import type { LeaderboardError } from "./errors.js";

const FIRST_PAUSE = 200; // milliseconds

/** The time that is left for retries, and the pause before the next one. */
export class RetryBudget {
  /** Milliseconds before the first retry. Each further pause is twice as long. */
  pause = FIRST_PAUSE;
  #seconds: number;
  #maxPause: number;
  #end!: number;
  #factor = 1;

  constructor(seconds: number, maxPause = 5000) {
    this.#maxPause = maxPause;
    this.#seconds = seconds;
    this.begin();
  }

  /** Have the time begin now. */
  begin(): void {
    this.#end = performance.now() + this.#seconds * 1000;
  }

  /** Start the pauses anew, because something has succeeded. */
  restart(): void {
    this.#factor = 1;
  }

  /** Let retries go on without end. */
  lift(): void {
    this.#seconds = this.#end = Infinity;
  }

  /** Sleep before the next attempt, or until the signal. Throw the failure if that would exceed the budget.
   *
   * The pause is jittered, so that clients who lost a server together do not return together. */
  async wait(failure: LeaderboardError, signal?: AbortSignal): Promise<void> {
    let pause = Math.min(this.pause * this.#factor, this.#maxPause) * jitter(0.8, 1.2);
    if (failure.retryAfter !== undefined) pause = Math.max(pause, failure.retryAfter * 1000 * jitter(1, 1.2));
    if (performance.now() + pause > this.#end) throw failure;
    this.#factor *= 2;
    await sleep(pause, signal);
  }
}

/** Return a random number between the two. */
export function jitter(least: number, most: number): number {
  return least + Math.random() * (most - least);
}

/** Wait so many milliseconds, or until the signal is aborted. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(done, Math.min(milliseconds, 2 ** 31 - 1));
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    signal?.addEventListener("abort", done);
  });
}
