/** Measures the time since it was started.
 *
 * While a machine sleeps, performance.now() may stand still. Date.now() may be put back. */
export declare class Stopwatch {
    #private;
    started: Date;
    restart(): void;
    /** Return milliseconds. */
    elapsed(): number;
}
