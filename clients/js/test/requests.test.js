/** Requests and their retries, against prepared answers. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Leaderboard, LeaderboardError } from "../dist/leaderboard.js";
import { disconnect, failure, json, prepared, refusal } from "./prepared.js";

/** @param {object} expected */
const isError = (expected) => (/** @type {any} */ error) => {
  assert.ok(error instanceof LeaderboardError);
  const picked = Object.keys(expected).map((name) => [name, /** @type {any} */ (error)[name]]);
  assert.deepEqual(Object.fromEntries(picked), expected);
  return true;
};

describe("a request", { concurrency: true }, () => {
  for (const status of [429, 500, 502, 503, 504]) {
    it(`is retried with its key after ${status}`, async () => {
      const { board, sent } = prepared([failure(status), failure(status), json(200, { score: 5, previous: 0 })]);
      assert.deepEqual(await board.player("p").add(5), { score: 5, previous: 0 });
      assert.equal(sent.length, 3);
      assert.equal(new Set(sent.map(({ headers }) => headers.get("Idempotency-Key"))).size, 1);
      assert.match(/** @type {string} */ (sent[0].headers.get("Idempotency-Key")), /^[0-9a-f-]{36}$/);
      assert.deepEqual(sent[2].body, { amount: 5 });
    });
  }

  for (const status of [400, 401, 403, 404, 409, 422, 500]) {
    it(`is not retried after a refusal with ${status}`, async () => {
      for (const call of ["add", "watch"]) {
        const { board, sent } = prepared([refusal(status)]);
        const result = call === "add" ? board.player("p").add() : board.watch().next();
        await assert.rejects(result, isError({ status, detail: "never", message: "never", isTransient: false }));
        assert.equal(sent.length, 1);
      }
    });
  }

  it("fails with the problem of the service", async () => {
    const { board } = prepared([refusal(409, "id-taken")]);
    const expected = { status: 409, type: "/docs/problems/#id-taken", title: "A title", detail: "never" };
    await assert.rejects(board.delete(), isError(expected));
  });

  it("fails with the text of an answer that is no problem", async () => {
    for (const answer of [json(409, ["no"]), json(409, null), json(409, { detail: 7 }), new Response("no", { status: 409 })]) {
      const { board } = prepared([answer]);
      await assert.rejects(board.delete(), (error) => isError({ status: 409, type: "about:blank" })(error));
    }
  });

  it("waits for as long as Retry-After says", async () => {
    const { board } = prepared([json(429, {}, { "Retry-After": "1" }), json(200, { score: 1 })]);
    const before = performance.now();
    await board.player("p").add();
    assert.ok(performance.now() - before >= 999);
  });

  it("is given up when the patience is over", async () => {
    const { board, sent } = prepared(Array(9).fill(disconnect()), { patience: 1.5 });
    await assert.rejects(board.snapshot(), isError({ status: 0, detail: "fetch failed: why" }));
    assert.ok(sent.length > 1 && sent.length < 6);
    for (const next of [prepared([failure(503)], { patience: 0 }), prepared([json(503, {}, { "Retry-After": "60" })])]) {
      await assert.rejects(next.board.snapshot(), isError({ status: 503 }));
    }
  });

  it("is sent again after an answer that is not JSON, as from a hotel's network", async () => {
    const { board, sent } = prepared([new Response("<h1>Log in</h1>"), json(200, { players: [] })]);
    assert.deepEqual(await board.snapshot(), { players: [] });
    assert.equal(sent.length, 2);
  });

  it("asks for a fresh token when the last one is refused, and for no other", async () => {
    let number = 0;
    const token = async () => `token-${++number}`;
    const refused = refusal(401, "invalid-token");
    const { board, sent } = prepared([failure(503), json(200, { score: 1 }), refused, json(200, { score: 2 })], { token });
    assert.equal((await board.player("p").add()).score, 1);
    assert.equal((await board.player("p").add()).score, 2);
    const tokens = sent.map(({ headers }) => headers.get("Authorization")?.slice(-1));
    assert.deepEqual(tokens, ["1", "1", "1", "2"]);
    assert.equal(sent[2].headers.get("Idempotency-Key"), sent[3].headers.get("Idempotency-Key"));
  });

  it("fails when a fresh token is refused, too, or the token never changes", async () => {
    const answers = () => [refusal(401, "invalid-token"), refusal(401, "invalid-token")];
    for (const [token, count] of /** @type {const} */ ([[() => "t", 2], ["t", 1]])) {
      const { board, sent } = prepared(answers(), { token });
      await assert.rejects(board.snapshot(), isError({ status: 401 }));
      assert.equal(sent.length, count);
    }
    const required = () => refusal(401, "token-required");
    const { board, sent } = prepared([required(), required()], { token: () => "" });
    await assert.rejects(board.snapshot(), isError({ status: 401 }));
    assert.equal(sent.length, 2);
  });

  it("asks again for a token where there was none", async () => {
    const tokens = ["", "", "t"];
    const answers = [json(200, {}), refusal(401, "token-required"), json(200, {})];
    const { board, sent } = prepared(answers, { token: () => /** @type {string} */ (tokens.shift()) });
    await board.snapshot();
    await board.snapshot();
    assert.deepEqual(sent.map(({ headers }) => headers.get("Authorization")), [null, null, "Bearer t"]);
  });

  it("shares a token with all that need one at once", async () => {
    let number = 0;
    const refused = () => refusal(401, "invalid-token");
    const late = async () => (await sleep(30), refused()); // of a token whose successor is there
    const done = Array.from(Array(3), () => json(200, {}));
    const { board, sent } = prepared([refused(), refused(), late, ...done], { token: async () => (await sleep(5), `t${++number}`) });
    await Promise.all(Array.from(Array(3), () => board.snapshot()));
    const tokens = sent.map(({ headers }) => headers.get("Authorization")?.slice(-1));
    assert.deepEqual(tokens, ["1", "1", "1", "2", "2", "2"]);
  });

  it("with a refused token has done nothing", async () => {
    const { board } = prepared([refusal(401, "invalid-token"), refusal(404)], { token: () => "t" });
    await assert.rejects(board.delete(), isError({ status: 404 }));
  });

  it("is sent later when there is no token to be had yet", async () => {
    let number = 0;
    const token = async () => {
      if (++number < 3) throw new TypeError("fetch failed");
      return "t";
    };
    const { board, sent } = prepared([json(200, { players: [] })], { token });
    assert.deepEqual(await board.snapshot(), { players: [] });
    assert.deepEqual([number, sent[0].headers.get("Authorization")], [3, "Bearer t"]);
  });

  it("is retried when a token could not be had", async () => {
    const tokens = [() => Promise.reject(disconnect()), async () => "t"];
    const { board, sent } = prepared([json(200, { players: [] })], { token: () => /** @type {any} */ (tokens.shift())() });
    await board.snapshot();
    assert.equal(sent.length, 1);
  });

  it("ends with its signal", async () => {
    const controller = new AbortController();
    const { leaderboard } = prepared(Array(9).fill(failure(503)));
    setTimeout(() => controller.abort(new Error("enough")), 50);
    await assert.rejects(leaderboard.request("GET", "/", { signal: controller.signal }), /enough/);
  });
});

describe("a creation", { concurrency: true }, () => {
  it("under an id of one's own is not repeated if it may have been done", async () => {
    for (const answer of [disconnect("ECONNRESET"), failure(500), failure(502), failure(504)]) {
      const { leaderboard, board, sent } = prepared([answer, answer]);
      await assert.rejects(leaderboard.createBoard({ id: "b" }), LeaderboardError);
      await assert.rejects(board.addPlayer("Alice", { id: "alice" }), LeaderboardError);
      assert.equal(sent.length, 2);
    }
  });

  it("under an id of one's own is repeated if it was surely not done", async () => {
    const { board, sent } = prepared([disconnect("ECONNREFUSED"), failure(503), failure(429), json(201, {})]);
    assert.equal((await board.addPlayer("Alice", { id: "alice" })).id, "alice");
    assert.deepEqual(sent[3].body, { id: "alice", name: "Alice" });
  });

  it("under an id that was made up is repeated, and taken by itself", async () => {
    const answers = [disconnect("ECONNRESET"), refusal(409, "id-taken")];
    const { board, sent } = prepared(answers);
    const { id } = await board.addPlayer("Alice", { email: "a@b.example" });
    assert.deepEqual(sent.map(({ body }) => body), Array(2).fill({ id, name: "Alice", email: "a@b.example" }));
    await assert.rejects(prepared([refusal(409, "id-taken")]).board.addPlayer("Alice"), isError({ status: 409 }));
    const other = prepared([failure(502), refusal(409, "email-taken")]);
    await assert.rejects(other.board.addPlayer("Alice"), isError({ status: 409 }));
  });
});

it("a deletion that is repeated may find nothing any more", async () => {
  await prepared([failure(504), refusal(404)]).board.player("p").delete();
  await assert.rejects(prepared([refusal(404)]).board.player("p").delete(), isError({ status: 404 }));
});

it("pages are read until there is no next one", async () => {
  const { board, sent } = prepared([json(200, { players: [1, 2], next: "a b" }), json(200, { players: [3], next: null })]);
  const players = [];
  for await (const player of board.players()) players.push(player);
  assert.deepEqual(players, [1, 2, 3]);
  assert.deepEqual(sent.map(({ path }) => path), ["/boards/b/players/?limit=100", "/boards/b/players/?limit=100&cursor=a+b"]);
});

it("only the first page begins with a rank", async () => {
  const { board, sent } = prepared([json(200, { players: [1], next: "a" }), json(200, { players: [2], next: null })]);
  for await (const player of board.players({ fromRank: 9 })) assert.ok(player);
  assert.deepEqual(sent.map(({ path }) => path), ["/boards/b/players/?limit=100&from_rank=9", "/boards/b/players/?limit=100&cursor=a"]);
});

it("each page of a search has its text", async () => {
  const { board, sent } = prepared([json(200, { players: [1], next: "a" }), json(200, { players: [2], next: null })]);
  for await (const player of board.search("é&=")) assert.ok(player);
  const text = "/boards/b/players/?search=%C3%A9%26%3D&limit=100";
  assert.deepEqual(sent.map(({ path }) => path), [text, `${text}&cursor=a`]);
});

/** Return the requests that these calls send, as method and path. All are answered by this.
 * @param {unknown} answer
 * @param {import("../dist/leaderboard.js").BoardWindow | undefined} window
 * @param {((board: import("../dist/leaderboard.js").Board) => unknown)[]} calls */
async function requestsOf(answer, window, calls) {
  const { leaderboard, sent } = prepared(calls.map(() => json(200, answer)));
  const board = leaderboard.board("b", { window });
  for (const call of calls) {
    const result = /** @type {any} */ (call(board));
    if (result[Symbol.asyncIterator]) for await (const row of result) assert.ok(row);
    else await result;
  }
  return sent.map(({ method, path }) => `${method} ${path.replace("/boards/b/", "")}`);
}

it("what is read of a window names it, on each page", async () => {
  const answer = { players: [], past: [], seasons: [], next: null };
  const sent = await requestsOf(answer, "week", [
    (board) => board.snapshot(),
    (board) => board.players(),
    (board) => board.players({ fromRank: 9, season: 3 }),
    (board) => board.select(["p"]),
    (board) => board.rankOf(0),
    (board) => board.seasons(),
    (board) => board.season(3),
    (board) => board.player("p").read(),
    (board) => board.player("p").around(2),
    (board) => board.player("p").seasons(),
    (board) => board.player("p").read({ season: 3 }),
    (board) => board.player("p").around(2, { season: 3 }),
  ]);
  assert.deepEqual(sent, [
    "GET ?window=week",
    "GET players/?window=week&limit=100",
    "GET seasons/3/players/?window=week&limit=100&from_rank=9",
    "POST players/select/?window=week",
    "GET rank/?window=week&score=0",
    "GET seasons/?window=week&limit=100",
    "GET seasons/3/?window=week",
    "GET players/p/?window=week",
    "GET players/p/around/?window=week&limit=2",
    "GET players/p/seasons/?window=week&limit=100",
    "GET seasons/3/players/p/?window=week",
    "GET seasons/3/players/p/around/?window=week&limit=2",
  ]);
  const { leaderboard, sent: pages } = prepared([json(200, { past: [1], next: "a" }), json(200, { past: [2], next: null })]);
  for await (const past of leaderboard.board("b", { window: "day" }).seasons()) assert.ok(past);
  assert.deepEqual(pages.map(({ path }) => path), ["limit=100", "limit=100&cursor=a"].map((page) => `/boards/b/seasons/?window=day&${page}`));
});

it("what is written on a window's handle is the board's", async () => {
  const sent = await requestsOf({ results: [] }, "week", [
    (board) => board.update({ size: 3 }),
    (board) => board.reset(3),
    (board) => board.addPlayer("P", { id: "p" }),
    (board) => board.addScores({ p: 1 }),
    (board) => board.addScores({ p: 1 }, { rank: true }),
    (board) => board.player("p").add(),
    (board) => board.player("p").set(1, { rank: true }),
    (board) => board.player("p").update({ name: "Q" }),
    (board) => board.player("p").delete(),
    (board) => board.delete(),
  ]);
  assert.deepEqual(sent, [
    "PATCH ",
    "POST reset/",
    "POST players/",
    "POST scores/",
    "POST scores/?rank=true",
    "POST players/p/score-add/",
    "PUT players/p/score/?rank=true",
    "PATCH players/p/",
    "DELETE players/p/",
    "DELETE ",
  ]);
});

it("a window that is none is for the service to refuse, and leads nowhere else", async () => {
  const window = /** @type {any} */ ("a/../&window=week#");
  assert.deepEqual(await requestsOf({}, window, [(board) => board.snapshot()]), ["GET ?window=a%2F..%2F%26window%3Dweek%23"]);
});

const BAD_KEYS = ["", " ", "a ", "a\nb", "a,b", "\u00e9", "a".repeat(256), 1];
const BAD_IDS = ["", ".", "..", "../..", "a/b", "a?b", "a#b", "%2e%2e", "a".repeat(65), "a\n", "é", null, 7, ["a"]];
const BAD_NUMBERS = [0, -1, 2 ** 31, true, 1.5, NaN, "1", "1/../../..", null, 5n];
const BAD_SCORES = [NaN, Infinity, 0.5, 2 ** 53, "5", null, 5n, [], true];

it("what cannot be an id, a number or a score is refused before anything is sent", async () => {
  const { leaderboard, board, sent } = prepared([]);
  /** @type {[any[], ((value: any) => unknown)[]][]} */
  const cases = [
    [BAD_IDS, [(id) => leaderboard.board(id), (id) => board.player(id), (id) => board.addScores([[id, 1]]), (id) => board.select([id])]],
    [BAD_IDS.filter((id) => id !== null), [(id) => leaderboard.createBoard({ id }), (id) => board.addPlayer("A", { id })]],
    [BAD_NUMBERS, [(n) => board.season(n), (n) => board.reset(n), (n) => board.player("p").around(n)]],
    [BAD_NUMBERS, [(season) => board.players({ season }), (season) => board.player("p").read({ season })]],
    [BAD_NUMBERS, [(season) => board.player("p").around(5, { season })]],
    [[undefined], [(n) => board.season(n), (n) => board.reset(n)]],
    [BAD_NUMBERS, [(season) => board.player("p").add(1, { season }), (season) => board.player("p").set(1, { season })]],
    [BAD_NUMBERS, [(season) => board.addScores({ p: 1 }, { season })]],
    [BAD_SCORES, [(n) => board.player("p").add(n), (n) => board.player("p").set(n), (n) => board.addScores({ p: n })]],
    [BAD_KEYS, [(key) => board.player("p").add(1, { key })]],
    [BAD_SCORES, [(n) => board.rankOf(n), (n) => board.players({ fromRank: n })]],
  ];
  for (const [values, calls] of cases) {
    for (const value of values) {
      for (const call of calls) await assert.rejects(async () => call(value), RangeError, `${String(value)}: ${call}`);
    }
  }
  assert.deepEqual(sent, []);
});

it("the amounts of many keep the order of their map", async () => {
  const { board, sent } = prepared([json(200, { results: [] })]);
  await board.addScores(new Map([["b", 1], ["2", 2], ["1", -3]]), { season: 4 });
  const rows = [{ player: "b", amount: 1 }, { player: "2", amount: 2 }, { player: "1", amount: -3 }];
  assert.deepEqual(sent[0].body, rows.map((row) => ({ ...row, season: 4 })));
});

it("an address is that of a service", () => {
  for (const url of ["ftp://a.example", "nonsense", "http://user:secret@a.example"]) assert.throws(() => new Leaderboard(url));
  assert.equal(new Leaderboard("https://a.example/scores/").url, "https://a.example/scores");
});
