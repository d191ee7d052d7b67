// src/arguments.ts
var ID = /^[A-Za-z0-9_-]{1,64}$/;
var MAX_PAGE_ROWS = 100;
var MAX_SEASON = 2 ** 31 - 1;
function requireId(id) {
  if (typeof id !== "string" || !ID.test(id)) {
    throw new RangeError(`id ${show(id)}: must be 1 to 64 of the characters A-Z, a-z, 0-9, _ and -`);
  }
  return id;
}
function requireInteger(name, value, least, most) {
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw new RangeError(`${name} ${show(value)}: must be an integer from ${least} to ${most}`);
  }
  return value;
}
function requireScore(name, value) {
  return requireInteger(name, value, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
}
function seasonField(season) {
  return season === void 0 ? {} : { season: requireInteger("season", season, 1, MAX_SEASON) };
}
function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = bytes[6] & 15 | 64;
  bytes[8] = bytes[8] & 63 | 128;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
function show(value) {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

// src/errors.ts
var BLANK = "about:blank";
var LeaderboardError = class extends Error {
  name = "LeaderboardError";
  status;
  type;
  title;
  /** Seconds for which the service asked to wait. */
  retryAfter;
  /** Whether the same request may succeed later. */
  isTransient;
  constructor(status, detail, reason = {}) {
    super(detail, "cause" in reason ? { cause: reason.cause } : void 0);
    this.status = status;
    this.type = reason.type ?? BLANK;
    this.title = reason.title ?? "";
    this.retryAfter = reason.retryAfter;
    this.isTransient = reason.isTransient ?? status === 0;
  }
  get detail() {
    return this.message;
  }
};
var TRANSIENT = [429, 500, 502, 503, 504];
var NOT_APPLIED = [429, 503];
var NOT_CONNECTED = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"];
function isUnapplied(failure) {
  if (failure.status) return NOT_APPLIED.includes(failure.status);
  const { cause } = failure.cause instanceof Error ? failure.cause : {};
  return NOT_CONNECTED.includes(cause?.code ?? "");
}
function connectionError(cause) {
  if (cause instanceof LeaderboardError) return cause;
  const { message, cause: reason } = cause instanceof Error ? cause : new Error(String(cause));
  const detail = reason instanceof Error && reason.message ? `${message}: ${reason.message}` : message;
  return new LeaderboardError(0, detail, { cause });
}
function statusError({ status, statusText, headers }, text) {
  const isProblem = headers.get("Content-Type")?.startsWith("application/problem+json") ?? false;
  const isTransient = TRANSIENT.includes(status) && !(status === 500 && isProblem);
  const after = headers.get("Retry-After") ?? "";
  const retryAfter = /^\d{1,9}$/.test(after) ? Number(after) : void 0;
  const { type = BLANK, title = statusText, detail } = parseProblem(text);
  const message = detail ?? (text.slice(0, 200) || statusText || `status ${status}`);
  return new LeaderboardError(status, message, { type, title, retryAfter, isTransient });
}
function parseProblem(text) {
  try {
    const problem = JSON.parse(text);
    const members = Object.entries(problem ?? {}).filter(([, value]) => typeof value === "string");
    return Object.fromEntries(members);
  } catch {
    return {};
  }
}

// src/event_parser.ts
var EventParser = class {
  #rest = "";
  #lines = [];
  // of the event that is not complete yet
  /** Return the events that are complete with this piece. */
  feed(text) {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    const events = [];
    for (const line of lines) {
      if (line) {
        this.#lines.push(line);
      } else {
        events.push(parseEvent(this.#lines.splice(0)));
      }
    }
    return events;
  }
};
function parseEvent(lines) {
  const parsed = { event: "message" };
  const data = [];
  for (const line of lines) {
    const [, name, value = ""] = /^([^:]*)(?::[ ]?(.*))?$/su.exec(line);
    if (name === "data") data.push(value);
    if (name === "event" || name === "id") parsed[name] = value;
    if (name === "retry" && /^\d+$/.test(value)) parsed.retry = Number(value);
  }
  if (data.length) parsed.data = data.join("\n");
  return parsed;
}

// src/event_stream.ts
var TYPE = "text/event-stream";
var readEventStream = async (service, path, lastId, listener, signal) => {
  const headers = await service.headers({ Accept: TYPE, ...lastId && { "Last-Event-ID": lastId } });
  const response = await service.fetch(service.url + path, { headers, cache: "no-store", signal });
  listener.heard();
  if (response.status !== 200) throw statusError(response, await response.text());
  if (!response.body || !response.headers.get("Content-Type")?.startsWith(TYPE)) {
    void response.body?.cancel();
    throw new LeaderboardError(0, "the answer is no event stream");
  }
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  try {
    for (let { value } = await reader.read(); value; { value } = await reader.read()) {
      listener.heard();
      for (const { event, id, data, retry } of parser.feed(decoder.decode(value, { stream: true }))) {
        if (retry !== void 0) listener.retry(retry);
        if (data !== void 0) listener.event({ event, ...id && { id }, data: JSON.parse(data) });
      }
    }
  } finally {
    reader.cancel().catch(() => void 0);
  }
};

// src/newest.ts
var Newest = class {
  #values = [];
  // none or one
  #error = [];
  // none or one
  #isOver = false;
  #wake = [];
  /** Offer a value, which takes the place of one that nobody has taken. */
  offer(value) {
    if (!this.#isOver) this.#values = [value];
    this.#wakeAll();
  }
  /** End the loop, after the value that is still there. */
  end(...error) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#wakeAll();
  }
  /** Return the next value, once there is one. Throws the error with which it was ended, once. */
  async next() {
    while (!this.#values.length && !this.#isOver) await new Promise((resolve) => this.#wake.push(resolve));
    if (this.#values.length) return { done: false, value: this.#values.pop() };
    if (this.#error.length) throw this.#error.pop();
    return { done: true, value: void 0 };
  }
  /** Forget what nobody has taken. */
  clear() {
    this.#values = this.#error = [];
  }
  #wakeAll() {
    for (const wake of this.#wake.splice(0)) wake();
  }
};

// src/retry.ts
var FIRST_PAUSE = 200;
var RetryBudget = class {
  /** Milliseconds before the first retry. Each further pause is twice as long. */
  pause = FIRST_PAUSE;
  #maxPause;
  #end;
  #factor = 1;
  constructor(seconds, maxPause = 5e3) {
    this.#maxPause = maxPause;
    this.#end = performance.now() + seconds * 1e3;
  }
  /** Start the pauses anew, because something has succeeded. */
  restart() {
    this.#factor = 1;
  }
  /** Let retries go on without end. */
  lift() {
    this.#end = Infinity;
  }
  /** Sleep before the next attempt, or until the signal. Throw the failure if that would exceed the budget.
   *
   * The pause is jittered, so that clients who lost a server together do not return together. */
  async wait(failure, signal) {
    let pause = Math.min(this.pause * this.#factor, this.#maxPause) * jitter(0.8, 1.2);
    if (failure.retryAfter !== void 0) pause = Math.max(pause, failure.retryAfter * 1e3 * jitter(1, 1.2));
    if (performance.now() + pause > this.#end) throw failure;
    this.#factor *= 2;
    await sleep(pause, signal);
  }
};
function jitter(least, most) {
  return least + Math.random() * (most - least);
}
function sleep(milliseconds, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(done, Math.min(milliseconds, 2 ** 31 - 1));
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    signal?.addEventListener("abort", done);
  });
}

// src/stopwatch.ts
var Stopwatch = class {
  started = /* @__PURE__ */ new Date();
  #mark = performance.now();
  restart() {
    this.started = /* @__PURE__ */ new Date();
    this.#mark = performance.now();
  }
  /** Return milliseconds. */
  elapsed() {
    return Math.max(Date.now() - this.started.getTime(), performance.now() - this.#mark);
  }
};

// src/web_socket.ts
var REFUSED = 4400;
var readWebSocket = async (service, path, _lastId, listener, signal) => {
  const token = await service.token();
  const query = token && `?token=${encodeURIComponent(token)}`;
  signal.throwIfAborted();
  const socket = new service.WebSocket(`${service.url.replace(/^http/, "ws")}${path}ws/${query}`);
  let code;
  try {
    code = await new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      socket.onopen = () => listener.heard();
      socket.onclose = (closing) => resolve(closing.code);
      socket.onmessage = ({ data }) => {
        try {
          listener.heard();
          listener.event(JSON.parse(data));
        } catch (error) {
          reject(error);
        }
      };
    });
  } finally {
    socket.close();
  }
  if (code >= REFUSED) await service.request("GET", path, { signal });
  throw new LeaderboardError(0, `the WebSocket was closed with ${code}`);
};

// src/watch.ts
var SILENCE = 45;
var ANSWER = 1e4;
var SETTLED = 400;
var CHECK = 1e3;
var MAX_PAUSE = 3e4;
var MAX_WAKE = 1e3;
function watch(service, path, options) {
  const watcher = new Watcher(service, path, options);
  return {
    next: () => {
      watcher.start();
      return watcher.snapshots.next();
    },
    return: async () => {
      watcher.stop();
      return { done: true, value: void 0 };
    },
    [Symbol.asyncIterator]() {
      return this;
    }
  };
}
var Watcher = class {
  snapshots = new Newest();
  #service;
  #path;
  #options;
  #budget;
  #end = new AbortController();
  #attempt = new AbortController();
  // to connect
  #pause = new AbortController();
  // before the next attempt
  #hasStarted = false;
  #lastId = "";
  #transports = [readEventStream, readWebSocket];
  // the one that worked last is the first
  #failures = 0;
  // attempts in a row without an event
  #isLive = false;
  #settled;
  #silence = new Stopwatch();
  // since the last sign of life, or since the connection was last tried
  #limit = ANSWER;
  // of the silence, in milliseconds
  constructor(service, path, options) {
    this.#service = service;
    this.#path = path;
    this.#options = options;
    this.#budget = new RetryBudget(service.patience, MAX_PAUSE);
  }
  /** Begin to connect, if nothing has begun or ended it yet. */
  start() {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    const { signal } = this.#options;
    signal?.addEventListener("abort", () => this.stop(), { signal: this.#end.signal });
    if (signal?.aborted) this.stop();
    void this.#run();
  }
  /** End the connection, and the loop. */
  stop() {
    this.#hasStarted = true;
    this.snapshots.end();
    this.snapshots.clear();
    this.#end.abort();
    this.#drop("the watch has ended");
    this.#pause.abort();
  }
  heard() {
    this.#silence.restart();
    this.#limit = (this.#options.silence ?? SILENCE) * 1e3;
    this.#settled ??= setTimeout(() => this.#live(), SETTLED);
  }
  event({ event, id, data }) {
    this.#failures = 0;
    this.#budget.restart();
    this.#live();
    if (event === "update") {
      if (id && id === this.#lastId) return;
      this.#lastId = id ?? "";
      this.#budget.lift();
      this.snapshots.offer(data);
    } else if (event !== "keep-alive") {
      this.#tell(() => this.#options.onEvent?.(event, data));
    }
  }
  retry(milliseconds) {
    this.#budget.pause = milliseconds;
  }
  async #run() {
    this.#listenToPlatform();
    const timer = setInterval(() => this.#check(), CHECK);
    try {
      while (!this.#end.signal.aborted) {
        const failure = await this.#connect();
        if (this.#end.signal.aborted) break;
        if (!failure.isTransient) throw failure;
        this.#lose(failure);
        this.#pause = new AbortController();
        await this.#budget.wait(failure, this.#pause.signal);
        if (this.#pause.signal.aborted) await sleep(jitter(0, MAX_WAKE), this.#end.signal);
      }
    } catch (error) {
      this.snapshots.end(error);
    } finally {
      clearInterval(timer);
      this.#end.abort();
    }
  }
  /** Connect, and return why the connection has ended.
   *
   * Every third attempt in a row without an event takes the other transport: a proxy in between may hold back
   * streams, or know of no WebSockets. */
  async #connect() {
    const isOther = this.#failures % 3 === 2 && this.#service.WebSocket !== void 0;
    if (isOther) this.#transports.reverse();
    this.#attempt = new AbortController();
    this.#limit = ANSWER;
    this.#silence.restart();
    this.#failures++;
    const { signal } = this.#attempt;
    const dropped = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    try {
      await Promise.race([this.#transports[0](this.#service, this.#path, this.#lastId, this, signal), dropped]);
      return new LeaderboardError(0, "the stream ended");
    } catch (error) {
      return connectionError(signal.aborted ? signal.reason : error);
    } finally {
      clearTimeout(this.#settled);
      this.#settled = void 0;
      if (isOther && this.#failures) this.#transports.reverse();
    }
  }
  #live() {
    if (this.#isLive) return;
    this.#isLive = true;
    this.#tell(() => this.#options.onLive?.());
  }
  #lose(failure) {
    if (!this.#isLive) return;
    this.#isLive = false;
    const since = this.#silence.started;
    this.#tell(() => this.#options.onLost?.(since, failure));
  }
  /** Call back, so that what is thrown there is an error of the program, and no failure of the connection. */
  #tell(call) {
    queueMicrotask(call);
  }
  /** Find out by the clock that the connection is dead, or does not open. */
  #check() {
    if (this.#silence.elapsed() > this.#limit) this.#drop(`no sign of life for ${this.#limit / 1e3} s`);
  }
  #drop(reason) {
    this.#attempt.abort(new LeaderboardError(0, reason));
  }
  /** Connect again at once, whatever has become of the connection. */
  #reconnect(reason) {
    this.#budget.restart();
    this.#drop(reason);
    this.#pause.abort();
  }
  /** Browsers tell what becomes of the network, and of the page. */
  #listenToPlatform() {
    const { signal } = this.#end;
    globalThis.addEventListener?.("offline", () => this.#drop("the browser is offline"), { signal });
    globalThis.addEventListener?.("online", () => this.#reconnect("the browser was offline"), { signal });
    globalThis.addEventListener?.("pageshow", ({ persisted }) => persisted && this.#reconnect("the page was kept"), { signal });
    globalThis.document?.addEventListener("visibilitychange", () => this.#check(), { signal });
  }
};

// src/board.ts
var Board = class {
  leaderboard;
  id;
  path;
  constructor(leaderboard, id) {
    this.leaderboard = leaderboard;
    this.id = requireId(id);
    this.path = `/boards/${id}/`;
  }
  /** Return the board's top players. */
  snapshot() {
    return this.leaderboard.request("GET", this.path);
  }
  /** Iterate over the snapshot now, and after each change of it, without end.
   *
   * A loop that is slower than the changes gets the newest snapshot only. The stream reconnects by itself, also
   * after silence, a sleep of the machine, or time offline. LeaderboardError is thrown when the service
   * refuses the stream, such as with 404 after the board was deleted, and when the first snapshot has not
   * come within the patience. */
  watch(options = {}) {
    return watch(this.leaderboard, this.path, options);
  }
  /** Change settings; return the board with all of them. */
  update(settings) {
    return this.leaderboard.request("PATCH", this.path, { body: settings });
  }
  /** Delete the board with its players and seasons. */
  async delete() {
    await this.leaderboard.request("DELETE", this.path, { isDone: isMissing });
  }
  /** End this season once (if it is over: 409); return the board in the next one. */
  async reset(season) {
    requireInteger("season", season, 1, MAX_SEASON);
    return this.leaderboard.request("POST", `${this.path}reset/`, { body: { season } });
  }
  /** Yield past seasons, newest first, read page by page. */
  seasons() {
    return this.leaderboard.pages(`${this.path}seasons/`, "past");
  }
  /** Return the final snapshot of a past season. */
  async season(number) {
    requireInteger("season", number, 1, MAX_SEASON);
    return this.leaderboard.request("GET", `${this.path}seasons/${number}/`);
  }
  /** Return the player with this id, without asking the service whether there is one. */
  player(id) {
    return new Player(this, id);
  }
  /** Add a player and return it. Without an `id` the player gets a random one. */
  async addPlayer(name, { id, email } = {}) {
    const player = this.player(id ?? randomId());
    await this.leaderboard.request("POST", `${this.path}players/`, { body: { id: player.id, name, email }, ...hasId(id) });
    return player;
  }
  /** Yield all ranked players from a rank on, best first, read page by page. */
  players({ fromRank: from_rank = 1 } = {}) {
    requireInteger("fromRank", from_rank, 1, Number.MAX_SAFE_INTEGER);
    return this.leaderboard.pages(`${this.path}players/`, "players", from_rank > 1 ? { from_rank } : {});
  }
  /** Return up to 500 players, with their places. */
  async select(ids) {
    return this.leaderboard.request("POST", `${this.path}players/select/`, { body: { ids: Array.from(ids, requireId) } });
  }
  /** Return a score's rank. */
  async rankOf(score) {
    return this.leaderboard.request("GET", `${this.path}rank/`, { params: { score: requireScore("score", score) } });
  }
  /** Add to the scores of up to 1,000 players; return one result each, in the same order. */
  async addScores(amounts, { season } = {}) {
    const entries = Symbol.iterator in amounts ? amounts : Object.entries(amounts);
    const body = Array.from(entries, ([player, amount]) => {
      return { player: requireId(player), amount: requireScore("amount", amount), ...seasonField(season) };
    });
    const headers = { "Idempotency-Key": randomId() };
    const path = `${this.path}scores/`;
    return (await this.leaderboard.request("POST", path, { body, headers })).results;
  }
};
var Player = class {
  board;
  id;
  path;
  constructor(board, id) {
    this.board = board;
    this.id = requireId(id);
    this.path = `${board.path}players/${id}/`;
  }
  /** Return the player with score and rank. */
  read() {
    return this.#request("GET", "");
  }
  /** Return a window of the ranking with the player in its middle. */
  async around(limit = 5) {
    const params = { limit: requireInteger("limit", limit, 1, MAX_PAGE_ROWS) };
    return (await this.#request("GET", "around/", { params })).players;
  }
  /** Add to the score; return the answer, which has the new one. An idempotency key counts once.
   *
   * Without a `key` the call makes its own. If a `season` is named and another one is running,
   * LeaderboardError is thrown with status 409. */
  async add(amount = 1, options = {}) {
    const body = { amount: requireScore("amount", amount), ...seasonField(options.season) };
    const headers = { "Idempotency-Key": options.key ?? randomId() };
    return this.#request("POST", "score-add/", { body, headers });
  }
  /** Set the score, or with `best` keep the better of the two; return the answer, which has the score afterwards. */
  async set(score, options = {}) {
    const mode = options.best ? "best" : "set";
    const body = { score: requireScore("score", score), mode, ...seasonField(options.season) };
    return this.#request("PUT", "score/", { body });
  }
  /** Change `name` or `hidden`; return the player. */
  update(fields) {
    return this.#request("PATCH", "", { body: fields });
  }
  /** Delete the player. */
  async delete() {
    await this.#request("DELETE", "", { isDone: isMissing });
  }
  #request(method, path, options) {
    return this.board.leaderboard.request(method, this.path + path, options);
  }
};
function hasId(id) {
  if (id !== void 0) return { countsOnce: false };
  return { isDone: ({ type }) => type.endsWith("#id-taken") };
}
function isMissing({ status }) {
  return status === 404;
}

// src/service.ts
var JSON_TYPE = "application/json";
var ANSWER2 = 1e4;
var Service = class {
  url;
  patience;
  fetch;
  WebSocket;
  #token;
  /** Make a client; nothing is sent yet.
   *
   * The URL is the address of the service. In a browser it may be relative, such as "/". */
  constructor(url, options = {}) {
    const { protocol, origin, pathname, username } = new URL(url, globalThis.location?.href);
    if (!/^https?:$/.test(protocol) || username) throw new RangeError(`url ${url}: must be http or https, without a user`);
    this.url = origin + pathname.replace(/\/+$/, "");
    this.patience = options.patience ?? 30;
    this.#token = options.token;
    this.fetch = (...request) => (options.fetch ?? globalThis.fetch)(...request);
    this.WebSocket = "WebSocket" in options ? options.WebSocket : globalThis.WebSocket;
  }
  /** Return a token that is good now, or "" without one. */
  async token() {
    try {
      return await (typeof this.#token === "function" ? this.#token() : this.#token) ?? "";
    } catch (error) {
      throw connectionError(error);
    }
  }
  /** Return the headers, with the token. Throws TypeError if one of them cannot be sent. */
  async headers(more = {}) {
    const headers = new Headers(more);
    const token = await this.token();
    if (token) headers.set("Authorization", `Bearer ${token}`);
    return headers;
  }
  /** Send a request and return the JSON of its answer, or null if that has no body.
   *
   * It is retried after a failure that may pass. If the request does not count only once, it is retried only
   * if it surely had no effect. LeaderboardError is thrown when retries have no use, or the patience is over. */
  async request(method, path, options = {}) {
    const { countsOnce = true, isDone, signal } = options;
    const budget = new RetryBudget(this.patience);
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      try {
        return await this.#send(method, path, options);
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof LeaderboardError)) throw error;
        if (attempt > 1 && isDone?.(error)) return null;
        if (!error.isTransient || !(countsOnce || isUnapplied(error))) throw error;
        await budget.wait(error, signal);
      }
    }
  }
  /** Yield the rows of all pages at the path, in each of which they are the field `what`. */
  async *pages(path, what, first = {}) {
    let params = first;
    do {
      const page = await this.request("GET", path, { params: { limit: 100, ...params } });
      yield* page[what];
      params = { cursor: page.next };
    } while (params.cursor !== null);
  }
  async #send(method, path, { body, headers, params, signal }) {
    const query = params ? `?${new URLSearchParams(params)}` : "";
    const init = { method, headers: await this.headers({ Accept: JSON_TYPE, ...headers }) };
    if (body !== void 0) {
      init.headers.set("Content-Type", JSON_TYPE);
      init.body = JSON.stringify(body);
    }
    const controller = new AbortController();
    const giveUp = () => controller.abort(new Error(`no answer within ${ANSWER2 / 1e3} s`));
    const timer = setTimeout(giveUp, ANSWER2);
    signal?.addEventListener("abort", giveUp);
    try {
      const response = await this.fetch(this.url + path + query, { ...init, signal: controller.signal });
      const text = await response.text();
      if (!response.ok) throw statusError(response, text);
      return text ? JSON.parse(text) : null;
    } catch (error) {
      throw connectionError(error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
    }
  }
};

// src/client.ts
var Leaderboard = class extends Service {
  /** Return the board with this id, without asking the service whether it exists.
   *
   * Throws RangeError if no board can have the id. */
  board(id) {
    return new Board(this, id);
  }
  /** Create a board and return it. Without an `id` it gets a random one. */
  async createBoard({ id, ...settings } = {}) {
    const board = this.board(id ?? randomId());
    await this.request("POST", "/boards/", { body: { id: board.id, ...settings }, ...hasId(id) });
    return board;
  }
  /** Yield all boards that may be listed, with their settings, read page by page. */
  boards() {
    return this.pages("/boards/", "boards");
  }
};
export {
  Board,
  Leaderboard,
  LeaderboardError,
  Player
};
