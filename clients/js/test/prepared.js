/** A service that gives prepared answers, and takes note of its requests. */
import { webcrypto } from "node:crypto";
import { Leaderboard } from "../dist/leaderboard.js";

globalThis.crypto ??= /** @type {Crypto} */ (webcrypto); // Node 18 has it elsewhere

/** @typedef {{ method: string, path: string, headers: Headers, body: any, signal: AbortSignal }} Sent */
/** @typedef {Response | Error | ((sent: Sent) => Response | Promise<Response>)} Answer */

export const PROBLEM = { "Content-Type": "application/problem+json" };
export const STREAM = { "Content-Type": "text/event-stream" };

/** Return an answer with this as its JSON.
 * @param {number} status
 * @param {unknown} body
 * @param {Record<string, string>} headers */
export function json(status, body, headers = {}) {
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });
}

/** Return the answer of a proxy that does not reach the service.
 * @param {number} status */
export const failure = (status) => new Response("no", { status });

/** Return a problem of the service.
 * @param {number} status */
export const refusal = (status, kind = "board-not-found") =>
  json(status, { type: `/docs/problems/#${kind}`, title: "A title", status, detail: "never" }, PROBLEM);

/** Return what fetch throws when there is no connection.
 * @param {string} code */
export const disconnect = (code = "") =>
  Object.assign(new TypeError("fetch failed"), { cause: Object.assign(new Error("why"), { code }) });

/** Return a client and the list of its requests, which get these answers, one after the other.
 * @param {Answer[]} answers
 * @param {import("../dist/leaderboard.js").ServiceOptions} options */
export function prepared(answers, options = {}) {
  /** @type {Sent[]} */
  const sent = [];
  const answer = async (/** @type {any} */ url, /** @type {RequestInit} */ init = {}) => {
    const request = {
      method: init.method ?? "GET",
      path: String(url).replace("http://localhost", ""),
      headers: new Headers(init.headers),
      body: init.body === undefined ? undefined : JSON.parse(String(init.body)),
      signal: /** @type {AbortSignal} */ (init.signal),
    };
    sent.push(request);
    const next = answers[sent.length - 1];
    if (next === undefined) throw new Error(`request ${sent.length} was not expected: ${request.path}`);
    if (next instanceof Error) throw next;
    return next instanceof Response ? next : next(request);
  };
  const leaderboard = new Leaderboard("http://localhost/", { patience: 20, WebSocket: undefined, ...options, fetch: answer });
  return { leaderboard, board: leaderboard.board("b"), sent };
}

/** Return a stream of these pieces, which ends after them, unless it is to stay open until it is aborted.
 * @param {(string | Uint8Array)[]} pieces
 * @returns {(sent: Sent) => Response} */
export function stream(pieces, { stays = false } = {}) {
  return ({ signal }) => {
    const body = new ReadableStream({
      start(controller) {
        for (const piece of pieces) controller.enqueue(typeof piece === "string" ? new TextEncoder().encode(piece) : piece);
        if (!stays) controller.close();
        signal.addEventListener("abort", () => {
          try {
            controller.error(signal.reason);
          } catch {} // it is closed
        });
      },
    });
    return new Response(body, { headers: STREAM });
  };
}

/** Return an update as a stream carries it.
 * @param {number | string} id */
export const update = (id, data = JSON.stringify({ number: id })) => `event: update\nid: ${id}\ndata: ${data}\n\n`;

export const SOON = "retry: 1\n\n";
