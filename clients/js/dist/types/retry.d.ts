import type { LeaderboardError } from "./errors.js";
/** The time that is left for retries, and the pause before the next one. */
export declare class RetryBudget {
    #private;
    /** Milliseconds before the first retry. Each further pause is twice as long. */
    pause: number;
    constructor(seconds: number, maxPause?: number);
    /** Have the time begin now. */
    begin(): void;
    /** Start the pauses anew, because something has succeeded. */
    restart(): void;
    /** Let retries go on without end. */
    lift(): void;
    /** Sleep before the next attempt, or until the signal. Throw the failure if that would exceed the budget.
     *
     * The pause is jittered, so that clients who lost a server together do not return together. */
    wait(failure: LeaderboardError, signal?: AbortSignal): Promise<void>;
}
/** Return a random number between the two. */
export declare function jitter(least: number, most: number): number;
/** Wait so many milliseconds, or until the signal is aborted. */
export declare function sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
