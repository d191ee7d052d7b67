/** Watching a board, against prepared answers. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LeaderboardError } from "../dist/leaderboard.js";
import { disconnect, failure, json, prepared, refusal, SOON, stream, update } from "./prepared.js";

const KEEP_ALIVE = "event: keep-alive\ndata: {}\n\n";

/** Return the numbers of the first snapshots, and end the loop.
 * @param {AsyncIterable<any>} watch
 * @param {number} count */
async function numbers(watch, count) {
  const seen = [];
  for await (const { number } of watch) if (seen.push(number) === count) break;
  return seen;
}

describe("a watch", { concurrency: true }, () => {
  it("shows each change once, and no other event", async () => {
    /** @type {any[]} */
    const events = [];
    const pieces = [KEEP_ALIVE, update(1), KEEP_ALIVE, update(1), 'event: joined\ndata: {"player":{"id":"p"}}\n\n'];
    const { board, sent } = prepared([stream(pieces, { stays: true })]);
    const watch = board.watch({ onEvent: (event, data) => events.push([event, data]) });
    assert.deepEqual((await watch.next()).value, { number: 1 });
    const next = watch.next();
    assert.equal(await Promise.race([next, sleep(50, "nothing")]), "nothing");
    assert.deepEqual(events, [["joined", { player: { id: "p" } }]]);
    await watch.return?.();
    assert.deepEqual(await next, { done: true, value: undefined });
    assert.ok(sent[0].signal.aborted);
  });

  it("of a player shows the own rank, in the board or in a window", async () => {
    const { leaderboard, board, sent } = prepared([stream([update(1)]), stream([update(2)])]);
    assert.deepEqual(await numbers(board.player("p").watch(), 1), [1]);
    const week = leaderboard.board("b", { window: "week" });
    assert.deepEqual(await numbers(week.player("p").watch(), 1), [2]);
    assert.deepEqual(sent.map(({ path }) => path), ["/boards/b/players/p/", "/boards/b/players/p/?window=week"]);
  });

  for (const status of [429, 500, 502, 503, 504]) {
    it(`is retried after ${status}`, async () => {
      const { board, sent } = prepared([failure(status), stream([update(1)])]);
      assert.deepEqual(await numbers(board.watch(), 1), [1]);
      assert.equal(sent.length, 2);
    });
  }

  it("that has begun is retried however long it takes, and resumes by id", async () => {
    const away = [failure(502), disconnect(), new Response("<h1>Log in</h1>"), stream([SOON]), stream(["garbage: {\n\n"])];
    const answers = [stream([SOON, update(1)]), ...away, stream([update(1), "event: update\nid: 2\ndata: {\n\n"]), stream([update(3)])];
    const { board, sent } = prepared(answers, { patience: 0.01 });
    assert.deepEqual(await numbers(board.watch(), 2), [1, 3]);
    const ids = sent.map(({ headers }) => headers.get("Last-Event-ID"));
    assert.deepEqual(ids.slice(0, 7), [null, ...Array(6).fill("1")]);
  });

  it("ends when the first snapshot has not come within the patience", async () => {
    const { board } = prepared(Array(9).fill(stream([SOON])), { patience: 0.02 });
    await assert.rejects(board.watch().next(), LeaderboardError);
  });

  it("takes no other answer for a stream", async () => {
    const { board } = prepared([new Response("<h1>Log in</h1>")], { patience: 0 });
    await assert.rejects(board.watch().next(), /no event stream/);
  });

  it("ends with a refusal, after the snapshot that was there", async () => {
    const { board } = prepared([stream([SOON, update(1)]), refusal(404)]);
    const watch = board.watch();
    assert.deepEqual((await watch.next()).value, { number: 1 });
    await assert.rejects(watch.next(), (error) => error instanceof LeaderboardError && error.type.endsWith("#board-not-found"));
    assert.equal((await watch.next()).done, true);
  });

  it("goes on with a fresh token after its own has expired", async () => {
    let number = 0;
    const refused = () => refusal(401, "invalid-token");
    const expiring = (/** @type {number} */ id) => stream([SOON, update(id), "event: token expired\ndata: {}\n\n"]);
    const answers = [expiring(1), refused(), expiring(2), refused(), stream([update(3)])];
    const { board, sent } = prepared(answers, { token: () => `t${++number}` });
    assert.deepEqual(await numbers(board.watch(), 3), [1, 2, 3]);
    const tokens = sent.slice(0, 5).map(({ headers }) => headers.get("Authorization"));
    assert.deepEqual(tokens, ["Bearer t1", "Bearer t1", "Bearer t2", "Bearer t2", "Bearer t3"]);
    assert.deepEqual(sent.slice(0, 3).map(({ headers }) => headers.get("Last-Event-ID")), [null, "1", "1"]);
  });

  it("ends when a fresh token is refused, too", async () => {
    const { board, sent } = prepared([refusal(401, "invalid-token"), refusal(401, "invalid-token")], { token: () => "t" });
    await assert.rejects(board.watch().next(), (error) => error instanceof LeaderboardError && error.status === 401);
    assert.equal(sent.length, 2);
  });

  it("ends with no token that was good until another failure came", async () => {
    let number = 0;
    const refused = () => refusal(401, "invalid-token");
    const answers = [refused(), failure(502), refused(), stream([SOON]), refused(), stream([update(1)])];
    const { board, sent } = prepared(answers, { token: () => `t${++number}` });
    assert.deepEqual(await numbers(board.watch(), 1), [1]);
    const tokens = sent.slice(0, 6).map(({ headers }) => headers.get("Authorization")?.slice(-1));
    assert.deepEqual(tokens, ["1", "2", "2", "3", "3", "4"]);
  });

  it("reads a stream in pieces of any size", async () => {
    const data = JSON.stringify({ number: "é😀" });
    for (const end of ["\n", "\r\n", "\r"]) {
      const text = `\ufeff: comment\n\n${SOON}id:7\nevent:update\ndata: {"number":\ndata: "é😀"}\n\n${update(8, data)}`;
      const bytes = new TextEncoder().encode(text.replaceAll("\n", end) + (end === "\r" ? "\n" : ""));
      for (let size = 1; size < bytes.length; size += size < 12 ? 1 : 37) {
        const pieces = [];
        for (let start = 0; start < bytes.length; start += size) pieces.push(bytes.slice(start, start + size));
        /** @type {any[]} */
        const lost = [];
        const { board } = prepared([stream(pieces, { stays: true })]);
        const watch = board.watch({ onLost: (_, failure) => lost.push(failure) });
        const first = (await watch.next()).value.number;
        if (size < bytes.length / 2) assert.equal((await watch.next()).value.number, "é😀");
        assert.deepEqual([first, lost], ["é😀", []]);
        await watch.return?.();
      }
    }
  });

  it("shows a slow loop the newest snapshot only", async () => {
    /** @type {() => void} */
    let hear;
    const heard = new Promise((resolve) => (hear = () => resolve(undefined)));
    const last = "event: joined\ndata: {}\n\n";
    const { board } = prepared([stream([update(1), update(2), update(3), update(4), last], { stays: true })]);
    const watch = board.watch({ onEvent: () => hear() });
    void watch.next();
    await heard;
    assert.deepEqual((await watch.next()).value, { number: 4 });
    assert.equal(await Promise.race([watch.next(), sleep(50, "nothing")]), "nothing");
    await watch.return?.();
  });

  it("ends without an error with its signal", async () => {
    const controller = new AbortController();
    const { board, sent } = prepared([stream([update(1)], { stays: true })]);
    for await (const _ of board.watch({ signal: controller.signal })) setTimeout(() => controller.abort(), 10);
    assert.ok(sent[0].signal.aborted);
    assert.equal((await board.watch({ signal: controller.signal }).next()).done, true);
    assert.equal(sent.length, 1);
  });

  it("that is not begun sends nothing", async () => {
    const { board, sent } = prepared([]);
    const watch = board.watch();
    await watch.return?.();
    assert.equal((await watch.next()).done, true);
    assert.deepEqual(sent, []);
  });

  it("comes back from silence, and says since when", async () => {
    /** @type {any[]} */
    const states = [];
    const { board, sent } = prepared([stream([SOON, update(1)], { stays: true }), stream([update(2)], { stays: true })]);
    const onLost = (/** @type {Date} */ since, /** @type {Error} */ failure) => states.push([since, Date.now(), failure.message]);
    const watch = board.watch({ silence: 1, onLive: () => states.push("live"), onLost });
    const began = Date.now();
    assert.deepEqual(await numbers(watch, 2), [1, 2]);
    const [live, [since, lost, reason], again] = states;
    assert.deepEqual([live, reason, again], ["live", "no sign of life for 1 s", "live"]);
    assert.ok(since.getTime() >= began && lost - since.getTime() >= 1000);
    assert.ok(sent[0].signal.aborted);
  });

  it("says once that its connection does not come about, since when, and why", async () => {
    /** @type {any[]} */
    const states = [];
    const began = Date.now();
    const { board } = prepared([failure(502), disconnect(), stream([update(1)], { stays: true })]);
    const onLost = (/** @type {Date} */ since, /** @type {LeaderboardError} */ { status }) => states.push([since.getTime(), status]);
    assert.deepEqual(await numbers(board.watch({ onLive: () => states.push("live"), onLost }), 1), [1]);
    const [[since, status], live] = states;
    assert.deepEqual([states.length, status, live], [2, 502, "live"]);
    assert.ok(since >= began && since <= Date.now());
  });

  it("has a connection of its own where there are no tabs", async () => {
    const { board, sent } = prepared([stream([SOON, update(1)]), stream([update(2)])]);
    assert.deepEqual(await numbers(board.watch({ share: true, whileVisible: true }), 2), [1, 2]);
    assert.equal(sent.length, 2);
  });

  it("is live without an event, if its stream stays open", async () => {
    let isLive = false;
    const { board } = prepared([stream([SOON], { stays: true })]);
    const watch = board.watch({ onLive: () => (isLive = true) });
    void watch.next();
    await sleep(800);
    assert.ok(isLive);
    await watch.return?.();
  });

  it("is not kept by a token that never comes", async () => {
    let number = 0;
    const token = () => (++number === 2 ? new Promise(() => undefined) : "t");
    const answers = [stream([SOON, update(1)]), refusal(401, "invalid-token"), stream([update(2)])];
    const { board } = prepared(answers, { token });
    assert.deepEqual(await numbers(board.watch(), 2), [1, 2]);
    assert.equal(number, 3);
  });
});

describe("the other transport", { concurrency: true }, () => {
  /** A WebSocket that gets prepared messages, then is closed. */
  const socket = (/** @type {(string | number)[][]} */ ...lives) =>
    /** @type {any} */ (
      class {
        static opened = /** @type {string[]} */ ([]);
        /** @param {string} url */
        constructor(url) {
          /** @type {any} */ (this.constructor).opened.push(url);
          const messages = lives.shift() ?? [1006];
          setTimeout(() => {
            for (const message of messages) {
              if (typeof message === "number") this.onclose?.({ code: message });
              else this.onmessage?.({ data: message });
            }
          });
        }
        /** @type {any} */ onclose;
        /** @type {any} */ onmessage;
        close() {}
      }
    );
  const message = (/** @type {number} */ id) => JSON.stringify({ event: "update", id: String(id), data: { number: id } });

  it("of a window names it over either transport, and has the board's ticket", async () => {
    const WebSocket = socket([message(1)]);
    const answers = [stream([SOON]), disconnect(), json(200, { ticket: "a.b", expires_in: 60 })];
    const { leaderboard, sent } = prepared(answers, { WebSocket, token: "t", patience: 5 });
    assert.deepEqual(await numbers(leaderboard.board("b", { window: "week" }).watch(), 1), [1]);
    const paths = ["/boards/b/?window=week", "/boards/b/?window=week", "/boards/b/ticket/"];
    assert.deepEqual(sent.map(({ path }) => path), paths);
    assert.deepEqual(WebSocket.opened, ["ws://localhost/boards/b/ws/?window=week&ticket=a.b"]);
  });

  it("of a window that the service refuses asks why, of the window", async () => {
    const answers = [stream([SOON]), stream([SOON]), refusal(404, "window-not-found")];
    const { leaderboard, sent } = prepared(answers, { WebSocket: socket([4404]) });
    await assert.rejects(leaderboard.board("b", { window: "month" }).watch().next(), { type: "/docs/problems/#window-not-found" });
    assert.equal(sent[2]?.path, "/boards/b/?window=month");
  });

  it("is a WebSocket, after two attempts in vain, and stays while it works", async () => {
    const WebSocket = socket([message(1), 1013], [message(1), message(2), 1006], [1006], [message(3)]);
    const { board, sent } = prepared([stream([SOON]), disconnect()], { WebSocket, patience: 5 });
    assert.deepEqual(await numbers(board.watch(), 2), [1, 2]);
    assert.equal(sent.length, 2);
    assert.deepEqual(WebSocket.opened, Array(2).fill("ws://localhost/boards/b/ws/"));
  });

  it("has a ticket in its address, a new one each time, and no token", async () => {
    const WebSocket = socket([message(1), 4401], [message(2)]);
    const ticket = (/** @type {string} */ ticket) => json(200, { ticket, expires_in: 60 });
    const answers = [stream([SOON]), disconnect(), ticket("a.b"), refusal(401, "invalid-token"), json(200, {}), ticket("c.d")];
    let number = 0;
    const { board, sent } = prepared(answers, { WebSocket, token: () => `t${++number}`, patience: 5 });
    assert.deepEqual(await numbers(board.watch(), 2), [1, 2]);
    assert.deepEqual(WebSocket.opened, ["a.b", "c.d"].map((ticket) => `ws://localhost/boards/b/ws/?ticket=${ticket}`));
    const asked = sent.filter(({ method }) => method === "POST").map(({ path, headers }) => [path, headers.get("Authorization")]);
    assert.deepEqual(asked, [["/boards/b/ticket/", "Bearer t1"], ["/boards/b/ticket/", "Bearer t2"]]);
  });

  for (const status of [401, 403]) {
    it(`has no ticket where the token is refused with ${status}, which a public board does not mind`, async () => {
      const WebSocket = socket([message(1)]);
      const { board } = prepared([stream([SOON]), disconnect(), refusal(status, "any")], { WebSocket, token: "t", patience: 5 });
      assert.deepEqual(await numbers(board.watch(), 1), [1]);
      assert.deepEqual(WebSocket.opened, ["ws://localhost/boards/b/ws/"]);
    });
  }

  it("says why a private board refuses the token", async () => {
    const answers = [stream([SOON]), disconnect(), refusal(403, "forbidden"), refusal(403, "forbidden")];
    const { board, sent } = prepared(answers, { WebSocket: socket([4403]), token: "t", patience: 5 });
    await assert.rejects(board.watch().next(), (error) => error instanceof LeaderboardError && error.status === 403);
    assert.deepEqual(sent.slice(2).map(({ method, path }) => [method, path]), [["POST", "/boards/b/ticket/"], ["GET", "/boards/b/"]]);
  });

  it("gives the service's reason, if it refuses", async () => {
    const { board } = prepared([stream([SOON]), stream([SOON]), refusal(404)], { WebSocket: socket([4404]) });
    await assert.rejects(board.watch().next(), (error) => error instanceof LeaderboardError && error.detail === "never");
  });

  it("is left again if it does not work either", async () => {
    const answers = [stream([SOON]), stream([SOON]), json(200, {}), stream([update(1)])];
    const WebSocket = socket([4401]);
    const { board, sent } = prepared(answers, { WebSocket });
    assert.deepEqual(await numbers(board.watch(), 1), [1]);
    assert.equal(WebSocket.opened.length, 1);
    assert.equal(sent[2].headers.get("Accept"), "application/json");
  });
});
