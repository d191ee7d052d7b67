// Requests about one board, with a token.

import { PASSING } from "../api.js";
import { sentenceOf, text } from "../words.js";

const TRIES = 6;
const ANSWER = 60000; // milliseconds within which a request has to be answered; a link may be dead

// A problem (RFC 9457) that was answered. The status 0 means that there was no answer. The message is for people:
// the sentence of the problem's kind in the page's language, or else its detail.
export class Failure extends Error {
  constructor(status, detail, { wait = 0, errors, type } = {}) {
    const sentence = sentenceOf({ type });
    super(sentence || detail);
    this.status = status;
    this.detail = detail;
    this.sentence = sentence;
    this.wait = wait; // seconds after which to try again
    this.errors = errors; // all reasons, if there are several
  }
}

export class Api {
  // `path` is the board's. `denied(detail)` is called when the token does not allow a request, and
  // `waiting(seconds)` when a request waits because of the rate limit.
  constructor(path, { denied, waiting }) {
    this.path = path;
    this.token = null;
    this.denied = denied;
    this.waiting = waiting;
  }

  // Return the answer's JSON. The body is a value, or its JSON as text. A `patient` request is retried
  // while the service does not answer; it must be one that may be sent twice: a read,
  // or one with an idempotency `key`. `again` is called before one is sent again that may have been done.
  async send(method, path, body, { key, signal, patient = false, again } = {}) {
    for (let tries = 1; ; ) {
      try {
        return await this.once(method, path, body, key, signal);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        const away = patient && (error.status === 0 || PASSING.includes(error.status));
        if (error.status === 429) {
          this.waiting(error.wait);
        } else if (!away || tries++ === TRIES) {
          if ([401, 403].includes(error.status)) this.denied(error.message);
          throw error;
        } else {
          again?.();
        }
        await sleep(error.wait || 2 ** (tries - 2), signal);
      }
    }
  }

  // Yield all pages of a list.
  async *pages(path, options) {
    for (let next = ""; next !== null; ) {
      const page = await this.send("GET", next ? `${path}&cursor=${encodeURIComponent(next)}` : path, undefined, {
        ...options,
        patient: true,
      });
      yield page;
      next = page.next;
    }
  }

  async once(method, path, body, key, signal) {
    const headers = { Accept: "application/json" };
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    if (key) headers["Idempotency-Key"] = key;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const limit = AbortSignal.timeout(ANSWER);
    const options = {
      method,
      headers,
      body: typeof body === "string" ? body : JSON.stringify(body),
      cache: "no-store",
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    };
    let response;
    try {
      response = await fetch(this.path + path, options);
      if (response.ok) return response.status === 204 ? null : await response.json();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Failure(0, text("cannot_reach"));
    }
    throw await failure(response);
  }
}

async function failure(response) {
  const wait = Number(response.headers.get("Retry-After")) || 0;
  const problem = await response.json().catch(() => ({}));
  const detail = problem.detail ?? text("answered", { status: response.status });
  return new Failure(response.status, detail, { ...problem, wait: response.status === 429 ? wait || 1 : wait });
}

export function sleep(seconds, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
