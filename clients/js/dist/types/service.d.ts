import { LeaderboardError } from "./errors.js";
/** What a request may have. */
export interface RequestOptions {
    body?: unknown;
    headers?: Record<string, string>;
    /** What is added to the query. What is undefined, false or "" is left out. */
    params?: Record<string, string | number | boolean | undefined>;
    /** Gives the request up. */
    signal?: AbortSignal | undefined;
    /** Whether the request counts only once, however often it is sent. By default it does. */
    countsOnce?: boolean;
    /** Returns whether this refusal of a retry says that an earlier attempt has done it. */
    isDone?: (failure: LeaderboardError) => boolean;
}
/** A JWT, or a function that returns one that is fresh. It is asked for the first, and again when one is refused. */
export type Token = string | (() => string | Promise<string>);
/** How to reach a service. */
export interface ServiceOptions {
    /** What the Authorization header has. */
    token?: Token | undefined;
    /** For how many seconds a request is retried; by default 30. */
    patience?: number;
    /** What to use instead of the platform's own, such as in tests. */
    fetch?: typeof fetch;
    WebSocket?: typeof WebSocket | undefined;
}
/** Requests to a service, and their retries. */
export declare class Service {
    #private;
    readonly url: string;
    readonly patience: number;
    readonly fetch: typeof fetch;
    readonly WebSocket: typeof WebSocket | undefined;
    /** Make a client; nothing is sent yet.
     *
     * The URL is the address of the service. In a browser it may be relative, such as "/". */
    constructor(url: string | URL, options?: ServiceOptions);
    /** Return a token that is good, as far as is known, or "" without one. */
    token(): Promise<string>;
    /** Forget the token with which this failed, if it was refused. Return whether to try again, with a fresh one. */
    renew({ type }: LeaderboardError, token: string): boolean;
    /** Send a request and return the JSON of its answer, or null if that has no body. The path may have a query.
     *
     * It is retried after a failure that may pass. If the request does not count only once, it is retried only
     * if it surely had no effect. LeaderboardError is thrown when retries have no use, or the patience is over.
     * When the token is refused it is tried again, once, with a fresh one. */
    request<T>(method: string, path: string, options?: RequestOptions): Promise<T>;
    /** Yield the rows of all pages at the path, in each of which they are the field `what`. */
    pages<T>(path: string, what: string, first?: Record<string, number>): AsyncGenerator<T, void, undefined>;
    /** Return the address of a path, which may have a query, with these parameters as well. */
    address(path: string, params?: RequestOptions["params"]): URL;
}
/** Return the headers, with the token if there is one. Throws TypeError if one of them cannot be sent. */
export declare function authorized(token: string, more: Record<string, string>): Headers;
