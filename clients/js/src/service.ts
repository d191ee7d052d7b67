import { connectionError, isUnapplied, LeaderboardError, statusError } from "./errors.js";
import { RetryBudget } from "./retry.js";

const JSON_TYPE = "application/json";
const ANSWER = 10_000; // milliseconds within which a request has to be answered, and a token has to be there
const REFUSED = /#(invalid-token|token-required)$/;

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
export class Service {
  readonly url: string;
  readonly patience: number;
  readonly fetch: typeof fetch;
  readonly WebSocket: typeof WebSocket | undefined;
  readonly #token: Token | undefined;
  #current = ""; // until it is refused
  #next: Promise<string> | undefined; // while the function is asked for it

  /** Make a client; nothing is sent yet.
   *
   * The URL is the address of the service. In a browser it may be relative, such as "/". */
  constructor(url: string | URL, options: ServiceOptions = {}) {
    const { protocol, origin, pathname, username } = new URL(url, globalThis.location?.href);
    if (!/^https?:$/.test(protocol) || username) throw new RangeError(`url ${url}: must be http or https, without a user`);
    this.url = origin + pathname.replace(/\/+$/, "");
    this.patience = options.patience ?? 30;
    this.#token = options.token;
    // A browser's fetch must not be called as a method of anything else.
    this.fetch = (...request) => (options.fetch ?? globalThis.fetch)(...request);
    this.WebSocket = "WebSocket" in options ? options.WebSocket : globalThis.WebSocket;
  }

  /** Return a token that is good, as far as is known, or "" without one. */
  async token(): Promise<string> {
    if (typeof this.#token !== "function") return this.#token ?? "";
    return this.#current || (this.#next ??= this.#fetchToken(this.#token));
  }

  async #fetchToken(create: () => string | Promise<string>): Promise<string> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no token within ${ANSWER / 1000} s`)), ANSWER);
    });
    try {
      return (this.#current = (await Promise.race([Promise.resolve().then(create), late])) ?? "");
    } catch (error) {
      throw connectionError(error); // it has to be fetched from somewhere, too
    } finally {
      clearTimeout(timer);
      this.#next = undefined;
    }
  }

  /** Forget the token with which this failed, if it was refused. Return whether to try again, with a fresh one. */
  renew({ type }: LeaderboardError, token: string): boolean {
    const isRefused = typeof this.#token === "function" && REFUSED.test(type);
    if (isRefused && this.#current === token) this.#current = "";
    return isRefused;
  }

  /** Send a request and return the JSON of its answer, or null if that has no body. The path may have a query.
   *
   * It is retried after a failure that may pass. If the request does not count only once, it is retried only
   * if it surely had no effect. LeaderboardError is thrown when retries have no use, or the patience is over.
   * When the token is refused it is tried again, once, with a fresh one. */
  async request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const { countsOnce = true, isDone, signal } = options;
    const budget = new RetryBudget(this.patience);
    for (let isRetried = false, isRenewed = false, token = ""; ; ) {
      signal?.throwIfAborted();
      try {
        token = await this.token();
        return await this.#send(method, path, token, options);
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof LeaderboardError)) throw error;
        if (!isRenewed && (isRenewed = this.renew(error, token))) continue;
        if (isRetried && isDone?.(error)) return null!;
        if (!error.isTransient || !(countsOnce || isUnapplied(error))) throw error;
        await budget.wait(error, signal);
        isRetried = true;
      }
    }
  }

  /** Yield the rows of all pages at the path, in each of which they are the field `what`. */
  async *pages<T>(path: string, what: string, first: Record<string, number> = {}): AsyncGenerator<T, void, undefined> {
    let params: Record<string, string | number> = first;
    do {
      const page: Record<string, any> = await this.request("GET", path, { params: { limit: 100, ...params } });
      yield* page[what] as T[];
      params = { cursor: page.next };
    } while (params.cursor !== null);
  }

  /** Return the address of a path, which may have a query, with these parameters as well. */
  address(path: string, params: RequestOptions["params"] = {}): URL {
    const url = new URL(this.url + path);
    for (const [name, value] of Object.entries(params)) {
      if (value || value === 0) url.searchParams.set(name, String(value));
    }
    return url;
  }

  async #send(method: string, path: string, token: string, { body, headers, params, signal }: RequestOptions): Promise<any> {
    const init: RequestInit = { method, headers: authorized(token, { Accept: JSON_TYPE, ...headers }) };
    if (body !== undefined) {
      (init.headers as Headers).set("Content-Type", JSON_TYPE);
      init.body = JSON.stringify(body);
    }
    const controller = new AbortController();
    const giveUp = (): void => controller.abort(new Error(`no answer within ${ANSWER / 1000} s`));
    const timer = setTimeout(giveUp, ANSWER);
    signal?.addEventListener("abort", giveUp);
    try {
      const response = await this.fetch(this.address(path, params).href, { ...init, signal: controller.signal });
      const text = await response.text();
      if (!response.ok) throw statusError(response, text);
      return text ? JSON.parse(text) : null; // what is not JSON comes from somebody in between
    } catch (error) {
      throw connectionError(error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
    }
  }
}

/** Return the headers, with the token if there is one. Throws TypeError if one of them cannot be sent. */
export function authorized(token: string, more: Record<string, string>): Headers {
  const headers = new Headers(more);
  if (token) headers.set("Authorization", `Bearer ${token}`);
  return headers;
}
