/** Measures the time since it was started.
 *
 * While a machine sleeps, performance.now() may stand still. Date.now() may be put back. */
export class Stopwatch {
  started = new Date();
  #mark = performance.now();

  restart(): void {
    this.started = new Date();
    this.#mark = performance.now();
  }

  /** Return milliseconds. */
  elapsed(): number {
    return Math.max(Date.now() - this.started.getTime(), performance.now() - this.#mark);
  }
}
