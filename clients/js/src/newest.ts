/** Hands values over from a producer to a loop. A loop that is slow gets the newest one only. */
export class Newest<T> {
  #values: T[] = []; // none or one
  #error: unknown[] = []; // none or one
  #isOver = false;
  #wake: (() => void)[] = [];

  /** Offer a value, which takes the place of one that nobody has taken. */
  offer(value: T): void {
    if (!this.#isOver) this.#values = [value];
    this.#wakeAll();
  }

  /** End the loop, after the value that is still there. */
  end(...error: [unknown?]): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#wakeAll();
  }

  /** Return the next value, once there is one. Throws the error with which it was ended, once. */
  async next(): Promise<IteratorResult<T, undefined>> {
    while (!this.#values.length && !this.#isOver) await new Promise<void>((resolve) => this.#wake.push(resolve));
    if (this.#values.length) return { done: false, value: this.#values.pop()! };
    if (this.#error.length) throw this.#error.pop();
    return { done: true, value: undefined };
  }

  /** Forget what nobody has taken. */
  clear(): void {
    this.#values = this.#error = [];
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
