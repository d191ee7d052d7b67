/** Hands values over from a producer to a loop. A loop that is slow gets the newest one only. */
export declare class Newest<T> {
    #private;
    /** Offer a value, which takes the place of one that nobody has taken. */
    offer(value: T): void;
    /** End the loop, after the value that is still there. */
    end(...error: [unknown?]): void;
    /** Return the next value, once there is one. Throws the error with which it was ended, once. */
    next(): Promise<IteratorResult<T, undefined>>;
    /** Forget what nobody has taken. */
    clear(): void;
}
