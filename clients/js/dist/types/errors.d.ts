/** The members of a problem (RFC 9457), and what else an answer says about itself. */
interface Reason {
    type?: string;
    title?: string;
    retryAfter?: number;
    isTransient?: boolean;
    cause?: unknown;
}
/** A request failed for good: the service refused it, or the retry budget is used up.
 *
 * It is the service's problem: `type` is its kind, such as "/docs/problems/#board-not-found", and does not
 * change between releases. `detail`, which is the message as well, is a sentence for people. `status` is
 * that of the last answer, or 0 if there was none. The `type` is "about:blank" if only that is known. */
export declare class LeaderboardError extends Error {
    readonly name = "LeaderboardError";
    readonly status: number;
    readonly type: string;
    readonly title: string;
    /** Seconds for which the service asked to wait. */
    readonly retryAfter: number | undefined;
    /** Whether the same request may succeed later. */
    readonly isTransient: boolean;
    constructor(status: number, detail: string, reason?: Reason);
    get detail(): string;
}
/** Return whether the request that failed surely had no effect, and may succeed later. */
export declare function isUnapplied(failure: LeaderboardError): boolean;
/** Return the error for a request that got no answer, or only a part of one. */
export declare function connectionError(cause: unknown): LeaderboardError;
/** Return the error for an answer that is no success, with the members of its problem if it has one.
 *
 * A Pushpin that has just started answers 500 in plain text. A 500 of the service is a problem document,
 * and would be the same again. */
export declare function statusError({ status, statusText, headers }: Response, text: string): LeaderboardError;
export {};
