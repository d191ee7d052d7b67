/** Watching in a browser, of which this has what a watch asks: a page that is hidden and kept, and a worker for tabs. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { beforeEach, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { failure, prepared, refusal, stream, update } from "./prepared.js";

const globals = /** @type {any} */ (globalThis);
const page = new EventTarget();
const target = new EventTarget(); // the window, and the worker's scope
/** @type {any[]} */
const workers = [];
globals.document = page;
globals.addEventListener = target.addEventListener.bind(target);
/** @type {Map<string, Promise<unknown>>} */
const held = new Map();
const locks = {
  /** @param {string} name
   * @param {() => unknown} call */
  request(name, call) {
    const before = held.get(name);
    const result = Promise.allSettled([before]).then(call);
    held.set(name, result);
    return result;
  },
};
Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });

/** The worker, in this process. Notes what tabs send to it, and what they hear. */
globals.SharedWorker = class {
  /** @type {unknown[]} */ sent = [];
  /** @type {any[]} */ told = [];
  onerror = null;
  constructor() {
    const { port1, port2 } = new MessageChannel();
    const post = port1.postMessage.bind(port1);
    port1.postMessage = (/** @type {unknown} */ message) => {
      this.sent.push(message);
      post(message);
    };
    const tell = port2.postMessage.bind(port2);
    port2.postMessage = (/** @type {unknown} */ message) => {
      this.told.push(message);
      tell(message);
    };
    this.port = port1;
    workers.push(this);
    target.dispatchEvent(Object.assign(new Event("connect"), { ports: [port2] }));
  }
};
(0, eval)(readFileSync(new URL("../dist/leaderboard-worker.js", import.meta.url), "utf8"));

beforeEach(() => {
  turn("visible");
  workers.length = 0;
});

/** @param {"visible" | "hidden"} state */
function turn(state) {
  globals.document.visibilityState = state;
  page.dispatchEvent(new Event("visibilitychange"));
}

function showKept() {
  target.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
}

/** Wait until it is so, for at most so many milliseconds.
 * @param {() => unknown} isSo */
async function until(isSo, limit = 30_000) {
  for (const end = performance.now() + limit; !isSo(); await sleep(5)) assert.ok(performance.now() < end, String(isSo));
}

it("the patience begins when the page is shown", async () => {
  turn("hidden");
  const { board, sent } = prepared([failure(502), stream([update(1)], { stays: true })], { patience: 0.5 });
  const watch = board.watch({ whileVisible: true });
  const first = watch.next();
  await sleep(600);
  assert.equal(sent.length, 0);
  turn("visible");
  assert.deepEqual((await first).value, { number: 1 });
  await watch.return?.();
});

it("a kept page that is shown connects once", async () => {
  const { board, sent } = prepared([1, 2].map((id) => stream([update(id)], { stays: true })));
  /** @type {string[]} */
  const lost = [];
  const watch = board.watch({ whileVisible: true, onLost: (_, { message }) => lost.push(message) });
  await watch.next();
  turn("hidden");
  await sleep(0);
  assert.ok(sent[0].signal.aborted);
  turn("visible");
  await sleep(0);
  showKept();
  assert.deepEqual((await watch.next()).value, { number: 2 });
  assert.deepEqual([sent.length, sent[1].signal.aborted, lost], [2, false, []]);
  await watch.return?.();
});

it("a kept page that is shown comes back without a pause", async () => {
  const pieces = (/** @type {number} */ id) => ["retry: 30000\n\n", update(id)];
  const { board, sent } = prepared([stream(pieces(1), { stays: true }), stream(pieces(2))]);
  const watch = board.watch();
  await watch.next();
  await sleep(600); // until the connection is no new one
  showKept();
  assert.deepEqual(await Promise.race([watch.next().then(({ value }) => value), sleep(2000, "nothing")]), { number: 2 });
  await sleep(1200);
  assert.equal(sent.length, 2); // the next pause is as long as ever
  await watch.return?.();
});

it("a fresh token may be refused after the page was hidden", async () => {
  let number = 0;
  /** @type {() => void} */
  let hide = () => undefined;
  const answers = [
    refusal(401, "invalid-token"),
    () => (hide(), refusal(401, "invalid-token")),
    refusal(401, "invalid-token"),
    stream([update(1)], { stays: true }),
  ];
  const { board } = prepared(answers, { token: () => `t${++number}` });
  hide = () => turn("hidden");
  const watch = board.watch({ whileVisible: true });
  const first = watch.next();
  await until(() => globals.document.visibilityState === "hidden");
  turn("visible");
  assert.deepEqual((await first).value, { number: 1 });
  await watch.return?.();
});

it("tabs that join a connection hear its pause, and an error of the worker later is none of theirs", async () => {
  globals.fetch = async (/** @type {unknown} */ _, /** @type {RequestInit} */ { signal }) =>
    stream(["retry: 777\n\n", update(1)], { stays: true })(/** @type {any} */ ({ signal }));
  const watches = [];
  for (const _ of Array(2)) {
    const watch = prepared([]).board.watch({ share: true });
    watches.push(watch);
    assert.deepEqual((await watch.next()).value, { number: 1 });
  }
  assert.deepEqual(workers.map(({ told }) => told.filter((/** @type {unknown[]} */ [name]) => name === "retry")), Array(2).fill([["retry", 777]]));
  assert.deepEqual(workers.map(({ onerror }) => onerror), [null, null]);
  for (const watch of watches) await watch.return?.();
});

it("tabs that watch a board and its window share no connection of the two", async () => {
  /** @type {string[]} */
  const opened = [];
  globals.fetch = async (/** @type {string} */ url, /** @type {RequestInit} */ { signal }) => {
    const window = new URL(url).searchParams.get("window") ?? "none";
    opened.push(window);
    return stream([update(window)], { stays: true })(/** @type {any} */ ({ signal }));
  };
  /** @type {(import("../dist/leaderboard.js").BoardWindow | undefined)[]} */
  const windows = [undefined, "week", "day", "week", undefined];
  const watches = windows.map((window) => prepared([]).leaderboard.board("b", { window }).watch({ share: true }));
  const shown = await Promise.all(watches.map(async (watch) => (await watch.next()).value));
  for (const watch of watches) await watch.return?.();
  assert.deepEqual(shown, ["none", "week", "day", "week", "none"].map((number) => ({ number })));
  assert.deepEqual(opened.sort(), ["day", "none", "week"]);
});

it("a tab that ends before it has asked the worker for anything asks for nothing", async () => {
  /** @type {() => void} */
  let unlock = () => undefined;
  const { request } = locks;
  locks.request = (name, call) => {
    locks.request = request;
    return new Promise((resolve) => (unlock = () => resolve(request(name, call))));
  };
  const watch = prepared([]).board.watch({ share: true });
  const next = watch.next();
  await until(() => locks.request === request);
  target.dispatchEvent(new Event("offline"));
  unlock();
  await sleep(20);
  assert.deepEqual(workers[0].sent, []);
  await watch.return?.();
  await next;
});
