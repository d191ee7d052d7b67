/** The client and the real service, through Pushpin. LEADERBOARD_URL and LEADERBOARD_WS_URL say where they are. */
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { after, beforeEach, describe, it } from "node:test";
import { Leaderboard, LeaderboardError } from "../dist/leaderboard.js";
import { openLink } from "./link.js";

globalThis.crypto ??= /** @type {Crypto} */ (webcrypto); // Node 18 has it elsewhere

const { LEADERBOARD_URL: URL_OF_STREAMS = "", LEADERBOARD_WS_URL: URL_OF_WEBSOCKETS = "", LEADERBOARD_TOKEN: token } = process.env;
const leaderboard = new Leaderboard(URL_OF_STREAMS, { token, patience: 30 });

/** Return all that there is.
 * @template T
 * @param {AsyncIterable<T>} rows */
async function all(rows) {
  const list = [];
  for await (const row of rows) list.push(row);
  return list;
}

/** Return whether an error is the service's, with this status.
 * @param {number} status */
const has = (status) => (/** @type {unknown} */ error) => error instanceof LeaderboardError && error.status === status;

/** @param {import("../dist/leaderboard.js").Snapshot} snapshot */
const scores = ({ players }) => players.map(({ score }) => score);

/** Wait until the board's older snapshots are published, so that each next one is of a change.
 * @param {AsyncIterator<any>} watch
 * @param {number[]} expected */
async function until(watch, expected) {
  for (;;) {
    const { value } = await watch.next();
    if (JSON.stringify(scores(value)) === JSON.stringify(expected)) return;
  }
}

it("boards and players are made, changed and deleted", async () => {
  const board = await leaderboard.createBoard({ name: "A board", size: 3 });
  assert.equal((await board.update({ ranking: "dense" })).ranking, "dense");
  assert.ok((await all(leaderboard.boards())).some(({ id }) => id === board.id));
  const [alice, bob] = [await board.addPlayer("Alice", { id: "alice" }), await board.addPlayer("Bob")];
  assert.deepEqual([(await alice.add()).score, (await alice.add(4)).score], [1, 5]);
  assert.deepEqual([(await alice.add(9, { key: "k" })).score, (await alice.add(9, { key: "k" })).score], [14, 14]);
  assert.deepEqual([(await bob.set(20)).score, (await bob.set(3, { best: true })).score], [20, 20]);
  assert.equal((await bob.update({ name: "Rob", hidden: false })).name, "Rob");
  const { id, name, score, rank } = await alice.read();
  assert.deepEqual({ id, name, score, rank }, { id: "alice", name: "Alice", score: 14, rank: 2 });
  assert.deepEqual((await alice.around()).map((row) => row.id), [bob.id, "alice"]);
  const selection = await board.select(new Set(["alice", "nobody"]));
  const [{ place, of, percentile } = /** @type {any} */ ({})] = selection.players;
  assert.deepEqual({ place, of, percentile, missing: selection.missing }, { place: 1, of: 2, percentile: 50, missing: ["nobody"] });
  assert.deepEqual(await board.rankOf(15), { score: 15, rank: 2, of: 3, percentile: 66.66 });
  assert.deepEqual((await all(board.players({ fromRank: 2 }))).map((row) => row.id), ["alice"]);
  const results = await board.addScores({ alice: 1, nobody: 1 });
  assert.deepEqual(results.map(({ status }) => status), [200, 404]);
  assert.deepEqual((await all(board.players())).map((row) => row.name), ["Rob", "Alice"]);
  assert.deepEqual(scores(await board.snapshot()), [20, 15]);
  await assert.rejects(board.addPlayer("Alice", { id: "alice" }), (error) => has(409)(error) && /alice is taken/.test(String(error)));
  await bob.delete();
  await board.delete();
  await assert.rejects(board.snapshot(), has(404));
});

it("a score says what its write did", async () => {
  const board = await leaderboard.createBoard();
  const alice = board.player("alice");
  await board.player("bob").set(9, { name: "Bob" });
  const did = { score: 5, previous: null, changed: true, repeated: false, rank: 2, of: 2, percentile: 50 };
  const options = { key: "k", name: "Alice", rank: true };
  assert.deepEqual(await alice.add(5, options), { id: "alice", name: "Alice", ...did });
  const again = { ...did, previous: 5, changed: false, repeated: true };
  assert.deepEqual(await alice.add(5, options), { id: "alice", name: "Alice", ...again });
  assert.equal((await alice.set(10, { rank: true })).rank, 1);
  const [{ previous, rank }] = await board.addScores({ bob: 1 }, { rank: true });
  assert.deepEqual([previous, rank], [9, 2]);
});

it("data of players is kept, and viewers see what the board shows", async () => {
  /** @type {import("../dist/leaderboard.js").ScoreFormat} */
  const format = { type: "decimal", places: 2, unit: "km" };
  const board = await leaderboard.createBoard({ show: ["country"], format });
  const alice = await board.addPlayer("Alice", { data: { country: "NL", level: 7 } });
  assert.deepEqual((await alice.read()).data, { country: "NL", level: 7 });
  const shown = [];
  for await (const snapshot of board.watch()) {
    assert.deepEqual(snapshot.format, format);
    shown.push(snapshot.players[0]?.data);
    if (shown.length === 1) await alice.update({ data: { country: "BE" } });
    if (snapshot.players[0]?.data?.country === "BE") break;
  }
  assert.deepEqual(shown, [{ country: "NL" }, { country: "BE" }]);
});

it("a first score makes its player, once", async () => {
  const board = await leaderboard.createBoard({ size: 3 });
  const alice = board.player("alice");
  for (const name of ["Alice", "Another"]) assert.equal((await alice.add(5, { key: "k", name })).score, 5);
  assert.equal((await board.player("bob").set(7, { name: "Bob" })).name, "Bob");
  assert.equal((await board.player("carol").set(6, { best: true, name: "Carol" })).score, 6);
  const names = { dave: "Dave", alice: "Another", unused: "Nobody" };
  const results = await board.addScores({ dave: 4, alice: 1, nobody: 1 }, { names });
  assert.deepEqual(results.map(({ status }) => status), [201, 200, 404]);
  assert.deepEqual((await all(board.players())).map(({ name, score }) => [name, score]), [["Bob", 7], ["Carol", 6], ["Alice", 6], ["Dave", 4]]);
});

it("seasons end by the clocks of a zone", async () => {
  /** @type {import("../dist/leaderboard.js").Schedule} */
  const schedule = { every: "week", on: "friday", at: "06:00", zone: "Asia/Tokyo" };
  const board = await leaderboard.createBoard({ schedule });
  const state = await board.update({});
  assert.deepEqual(state.schedule, schedule);
  assert.deepEqual(state.next_ends.map((end) => [new Date(end).getUTCDay(), end.slice(11)]), Array(3).fill([4, "21:00:00Z"]));
  assert.equal(state.next_ends[0], state.ends_at);
  assert.equal((await board.update({ schedule: "daily" })).schedule, "daily");
});

it("seasons end once and stay readable", async () => {
  const board = await leaderboard.createBoard();
  const dora = await board.addPlayer("Dora", { id: "dora" });
  assert.equal((await dora.add(5, { season: 1 })).score, 5);
  assert.equal((await board.reset(1)).season, 2);
  for (const late of [() => board.reset(1), () => dora.add(1, { season: 1 }), () => dora.set(1, { season: 1 })]) {
    await assert.rejects(late, has(409));
  }
  assert.equal((await board.addScores({ dora: 2 }, { season: 1 }))[0].status, 409);
  assert.equal((await board.addScores({ dora: 2 }, { season: 2 }))[0].score, 2);
  assert.deepEqual((await all(board.seasons())).map(({ season }) => season), [1]);
  assert.deepEqual((await board.season(1)).players, [{ id: "dora", name: "Dora", score: 5, rank: 1 }]);
});

it("past seasons are read whole", async () => {
  const board = await leaderboard.createBoard({ size: 3 });
  for (const place of [1, 2, 3, 4, 5]) await board.player(`p${place}`).set(10 - place, { name: `P${place}` });
  await board.reset(1);
  await board.player("p5").set(50);
  const ids = async (/** @type {{ fromRank?: number, season?: number }} */ options) => (await all(board.players(options))).map(({ id }) => id);
  assert.equal((await ids({}))[0], "p5");
  assert.deepEqual(await ids({ season: 1 }), ["p1", "p2", "p3", "p4", "p5"]);
  assert.deepEqual(await ids({ season: 1, fromRank: 4 }), ["p4", "p5"]);
  const player = board.player("p5");
  const standing = { id: "p5", name: "P5", score: 5, rank: 5, of: 5, percentile: 20 };
  assert.deepEqual(await player.read({ season: 1 }), standing);
  assert.deepEqual((await player.around(2, { season: 1 })).map(({ rank }) => rank), [4, 5]);
  const { ended_at } = await board.season(1);
  assert.deepEqual(await all(player.seasons()), [{ season: 1, ended_at, ...standing }]);
  await assert.rejects(player.read({ season: 2 }), { type: "/docs/problems/#season-not-found" });
});

it("a window has what was scored in it", async () => {
  const board = await leaderboard.createBoard({ private: true });
  await board.player("alice").add(5, { name: "Alice" });
  assert.deepEqual((await board.update({ windows: ["week", "day"] })).windows, ["day", "week"]);
  const week = leaderboard.board(board.id, { window: "week" });
  const { score, windows } = await week.player("alice").add(2, { rank: true });
  const standing = { score: 2, rank: 1, of: 1, percentile: 100 };
  assert.deepEqual({ score, windows }, { score: 7, windows: { day: standing, week: standing } });
  const { window, since = "", ends_at = "" } = await week.snapshot();
  assert.ok(window === "week" && since && since < ends_at);
  assert.deepEqual((await all(week.players())).map((row) => row.score), [2]);
  assert.deepEqual([(await week.player("alice").read()).score, (await board.player("alice").read()).score], [2, 7]);
  assert.deepEqual((await week.player("alice").around()).map((row) => row.score), [2]);
  assert.equal((await week.select(["alice"])).players[0]?.score, 2);
  assert.deepEqual([(await week.rankOf(3)).rank, (await board.rankOf(3)).rank], [1, 2]);
  assert.deepEqual([await all(week.seasons()), await all(week.player("alice").seasons())], [[], []]);
  const month = leaderboard.board(board.id, { window: "month" });
  await assert.rejects(month.watch().next(), { type: "/docs/problems/#window-not-found" });
});

it("a watch shows each change, says who joined, and ends with the board", async () => {
  const board = await leaderboard.createBoard({ private: true });
  await assert.rejects(new Leaderboard(URL_OF_STREAMS).board(board.id).watch().next(), has(401));
  /** @type {Promise<string>} */
  const joined = new Promise((resolve) => {
    const watch = board.watch({ onEvent: (event, { player }) => event === "joined" && resolve(player.name) });
    void (async () => {
      await until(watch, [0]);
      await joined; // which may come after the snapshot
      await watch.return?.();
    })();
  });
  const watch = board.watch();
  await until(watch, []);
  const alice = await board.addPlayer("Alice");
  await until(watch, [0]);
  assert.equal(await joined, "Alice");
  await alice.add(3);
  await until(watch, [3]);
  await board.delete();
  await assert.rejects(watch.next(), has(404));
});

describe("on a link", () => {
  /** @type {Awaited<ReturnType<typeof openLink>>} */
  let link;
  /** @type {import("../dist/leaderboard.js").Board} */
  let board;
  /** @type {import("../dist/leaderboard.js").Board} */
  let far; // the same board, on the link
  /** @type {string[]} */
  let states;
  const options = {
    onLive: () => states.push("live"),
    onLost: (/** @type {unknown} */ _, /** @type {LeaderboardError} */ { message }) => states.push(message),
  };

  beforeEach(async () => {
    link?.close();
    link = await openLink(Number(new URL(URL_OF_STREAMS).port));
    board = await leaderboard.createBoard();
    far = new Leaderboard(`http://localhost:${link.port}`, { token, patience: 30 }).board(board.id);
    await board.addPlayer("Alice", { id: "alice" });
    states = [];
  });
  after(() => link.close());

  it("that dies silently a watch notices, and comes back", async () => {
    const watch = far.watch({ ...options, silence: 1 });
    await until(watch, [0]);
    link.goSilent();
    await board.player("alice").add();
    while (states.length < 2) await new Promise((resolve) => setTimeout(resolve, 50));
    link.restore();
    await until(watch, [1]);
    await watch.return?.();
    assert.deepEqual(states, ["live", "no sign of life for 1 s", "live"]);
  });

  it("a watch comes back after a sleep of the machine", async () => {
    const watch = far.watch(options);
    await until(watch, [0]);
    link.goSilent(); // of what was open before, nothing is when it wakes
    await board.player("alice").add();
    link.restore();
    const { now } = Date;
    Date.now = () => now() + 9 * 3600 * 1000; // neither timers nor performance.now() go on during a sleep
    try {
      await until(watch, [1]);
    } finally {
      Date.now = now;
    }
    await watch.return?.();
    assert.deepEqual(states, ["live", "no sign of life for 45 s", "live"]);
  });
});

it("where streams are held back, a watch takes a WebSocket", { skip: !globalThis.WebSocket && "this Node has none" }, async () => {
  /** @type {typeof fetch} */
  const withoutStreams = (url, init) => {
    const isStream = new Headers(init?.headers).get("Accept") === "text/event-stream";
    return isStream ? Promise.reject(new TypeError("held back")) : fetch(url, init);
  };
  const far = new Leaderboard(URL_OF_WEBSOCKETS, { token, fetch: withoutStreams });
  const board = await far.createBoard({ private: true });
  const watch = board.watch();
  await until(watch, []);
  const alice = await board.addPlayer("Alice");
  await alice.add(2);
  await until(watch, [2]);
  await board.update({ windows: ["day"] });
  const day = far.board(board.id, { window: "day" }).watch();
  await until(day, []);
  await alice.add(3);
  await Promise.all([until(day, [3]), until(watch, [5])]);
  await board.delete();
  for (const ended of [watch, day]) await assert.rejects(ended.next(), has(404));
});
