/** Watches that outlast their tokens, with the real service. LEADERBOARD_KEY is the base64 of the key that it knows. */
import assert from "node:assert/strict";
import { createHmac, webcrypto } from "node:crypto";
import { describe, it } from "node:test";
import { Leaderboard } from "../dist/leaderboard.js";

globalThis.crypto ??= /** @type {Crypto} */ (webcrypto); // Node 18 has it elsewhere

const { LEADERBOARD_URL: URL_OF_STREAMS = "", LEADERBOARD_WS_URL: URL_OF_WEBSOCKETS = "", LEADERBOARD_KEY: key = "" } = process.env;
const ENDS = 2; // how often each watch is to outlast its token

/** Return a token that expires in so many seconds.
 * @param {string} scope
 * @param {number} seconds */
function sign(scope, seconds) {
  const encode = (/** @type {object} */ part) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const claims = { scope, exp: Math.floor(Date.now() / 1000) + seconds };
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${signed}.${createHmac("sha256", Buffer.from(key, "base64")).update(signed).digest("base64url")}`;
}

/** @type {typeof fetch} */
const withoutStreams = (url, init) => {
  const isStream = new Headers(init?.headers).get("Accept") === "text/event-stream";
  return isStream ? Promise.reject(new TypeError("held back")) : fetch(url, init);
};

describe("a watch that outlasts its token shows everything", { concurrency: true }, () => {
  /** @type {[string, string, object, boolean][]} */
  const transports = [
    ["over a stream", URL_OF_STREAMS, { WebSocket: undefined }, true],
    ["over a WebSocket", URL_OF_WEBSOCKETS, { fetch: withoutStreams }, !!globalThis.WebSocket],
  ];
  for (const [name, url, options, isThere] of transports) {
    it(name, { skip: !isThere && "this Node has no WebSocket" }, async () => {
      const admin = new Leaderboard(URL_OF_STREAMS, { token: sign("admin", 600) });
      const board = await admin.createBoard({ private: true });
      const alice = await board.addPlayer("Alice");
      let tokens = 0;
      const token = () => {
        tokens++;
        return sign("read", -6); // accepted for some more seconds
      };
      let written = 0;
      let isDone = false;
      const writing = (async () => {
        while (!isDone) {
          written = (await alice.add()).score;
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      })();
      const watch = new Leaderboard(url, { token, ...options }).board(board.id).watch();
      let shown = 0;
      for await (const { players } of watch) {
        assert.ok(players[0].score >= shown, "no older snapshot");
        shown = players[0].score;
        isDone ||= tokens > ENDS;
        if (isDone) await writing;
        if (isDone && shown === written) break;
      }
      assert.ok(written > 20 && tokens > ENDS);
    });
  }
});
