var ID = /^[A-Za-z0-9_-]{1,64}$/;
var KEY = /^[!-+\--~]{1,255}$/;
var MAX_PAGE_ROWS = 100;
var MAX_SEASON = 2 ** 31 - 1;
function requireId(id) {
  if (typeof id !== "string" || !ID.test(id)) {
    throw new RangeError(`id ${show(id)}: must be 1 to 64 of the characters A-Z, a-z, 0-9, _ and -`);
  }
  return id;
}
function requireKey(key) {
  if (typeof key !== "string" || !KEY.test(key)) {
    throw new RangeError(`key ${show(key)}: must be 1 to 255 visible ASCII characters without a comma`);
  }
  return key;
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
function requireSeason(season) {
  if (season !== void 0) requireInteger("season", season, 1, MAX_SEASON);
  return season;
}
function randomId() {
  const digit = () => (crypto.getRandomValues(new Uint8Array(1))[0] % 16).toString(16);
  return "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, digit);
}
function show(value) {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
var BLANK = "about:blank";
var LeaderboardError = class extends Error {
  name = "LeaderboardError";
  status;
  type;
  title;
  retryAfter;
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
var EventParser = class {
  #rest = "";
  #lines = [];
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
var FIRST_PAUSE = 200;
var RetryBudget = class {
  pause = FIRST_PAUSE;
  #seconds;
  #maxPause;
  #end;
  #factor = 1;
  constructor(seconds, maxPause = 5e3) {
    this.#maxPause = maxPause;
    this.#seconds = seconds;
    this.begin();
  }
  begin() {
    this.#end = performance.now() + this.#seconds * 1e3;
  }
  restart() {
    this.#factor = 1;
  }
  lift() {
    this.#seconds = this.#end = Infinity;
  }
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
var JSON_TYPE = "application/json";
var ANSWER = 1e4;
var REFUSED = /#(invalid-token|token-required)$/;
var Service = class {
  url;
  patience;
  fetch;
  WebSocket;
  #token;
  #current = "";
  #next;
  constructor(url, options = {}) {
    const { protocol, origin, pathname, username } = new URL(url, globalThis.location?.href);
    if (!/^https?:$/.test(protocol) || username) throw new RangeError(`url ${url}: must be http or https, without a user`);
    this.url = origin + pathname.replace(/\/+$/, "");
    this.patience = options.patience ?? 30;
    this.#token = options.token;
    this.fetch = (...request) => (options.fetch ?? globalThis.fetch)(...request);
    this.WebSocket = "WebSocket" in options ? options.WebSocket : globalThis.WebSocket;
  }
  async token() {
    if (typeof this.#token !== "function") return this.#token ?? "";
    return this.#current || (this.#next ??= this.#fetchToken(this.#token));
  }
  async #fetchToken(create) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no token within ${ANSWER / 1e3} s`)), ANSWER);
    });
    try {
      return this.#current = await Promise.race([Promise.resolve().then(create), late]) ?? "";
    } catch (error) {
      throw connectionError(error);
    } finally {
      clearTimeout(timer);
      this.#next = void 0;
    }
  }
  renew({ type }, token) {
    const isRefused = typeof this.#token === "function" && REFUSED.test(type);
    if (isRefused && this.#current === token) this.#current = "";
    return isRefused;
  }
  async request(method, path, options = {}) {
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
        if (isRetried && isDone?.(error)) return null;
        if (!error.isTransient || !(countsOnce || isUnapplied(error))) throw error;
        await budget.wait(error, signal);
        isRetried = true;
      }
    }
  }
  async *pages(path, what, first = {}) {
    let params = first;
    do {
      const page = await this.request("GET", path, { params: { limit: 100, ...params } });
      yield* page[what];
      params = { cursor: page.next };
    } while (params.cursor !== null);
  }
  address(path, params = {}) {
    const url = new URL(this.url + path);
    for (const [name, value] of Object.entries(params)) {
      if (value || value === 0) url.searchParams.set(name, String(value));
    }
    return url;
  }
  async #send(method, path, token, { body, headers, params, signal }) {
    const init = { method, headers: authorized(token, { Accept: JSON_TYPE, ...headers }) };
    if (body !== void 0) {
      init.headers.set("Content-Type", JSON_TYPE);
      init.body = JSON.stringify(body);
    }
    const controller = new AbortController();
    const giveUp = () => controller.abort(new Error(`no answer within ${ANSWER / 1e3} s`));
    const timer = setTimeout(giveUp, ANSWER);
    signal?.addEventListener("abort", giveUp);
    try {
      const response = await this.fetch(this.address(path, params).href, { ...init, signal: controller.signal });
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
function authorized(token, more) {
  const headers = new Headers(more);
  if (token) headers.set("Authorization", `Bearer ${token}`);
  return headers;
}
var TYPE = "text/event-stream";
var readEventStream = async (service, path, token, lastId, listener, signal) => {
  const headers = authorized(token, { Accept: TYPE, ...lastId && { "Last-Event-ID": lastId } });
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
var Newest = class {
  #values = [];
  #error = [];
  #isOver = false;
  #wake = [];
  offer(value) {
    if (!this.#isOver) this.#values = [value];
    this.#wakeAll();
  }
  end(...error) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#wakeAll();
  }
  async next() {
    while (!this.#values.length && !this.#isOver) await new Promise((resolve) => this.#wake.push(resolve));
    if (this.#values.length) return { done: false, value: this.#values.pop() };
    if (this.#error.length) throw this.#error.pop();
    return { done: true, value: void 0 };
  }
  clear() {
    this.#values = this.#error = [];
  }
  #wakeAll() {
    for (const wake of this.#wake.splice(0)) wake();
  }
};
var REFUSED2 = 4400;
var readWebSocket = async (service, path, token, _lastId, listener, signal) => {
  const ticket = token && await getTicket(service, path, signal);
  const url = service.address(path, { ticket });
  url.protocol = url.protocol.replace("http", "ws");
  url.pathname += "ws/";
  signal.throwIfAborted();
  const socket = new service.WebSocket(url.href);
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
  if (code >= REFUSED2) await service.request("GET", path, { signal });
  throw new LeaderboardError(0, `the WebSocket was closed with ${code}`);
};
async function getTicket(service, path, signal) {
  try {
    return (await service.request("POST", `${path.split("?")[0]}ticket/`, { signal })).ticket;
  } catch (error) {
    if (error instanceof LeaderboardError && [401, 403].includes(error.status)) return "";
    throw error;
  }
}
var HELLO = 3e3;
var direct = [readEventStream, readWebSocket];
var hasWorker = true;
function sharedTransports() {
  return direct.map((readDirectly, number) => async (service, path, token, lastId, listener, signal) => {
    const port = await openPort();
    if (!port) return readDirectly(service, path, token, lastId, listener, signal);
    try {
      const request = { lock: randomId(), connection: [number, service.url, path, token] };
      await navigator.locks.request(request.lock, () => read(port, request, listener, signal));
    } finally {
      port.close();
    }
  });
}
function read(port, request, listener, signal) {
  return new Promise((resolve, reject) => {
    const abort = () => {
      if (signal.reason instanceof LeaderboardError) port.postMessage(signal.reason.message);
      reject(signal.reason);
    };
    signal.throwIfAborted();
    signal.addEventListener("abort", abort);
    port.onmessage = ({ data: [method, argument] }) => {
      if (method !== "end") listener[method](argument);
      else if (argument) reject(new LeaderboardError(argument.status, argument.message, argument));
      else resolve();
    };
    port.postMessage(request);
  });
}
function openPort() {
  return new Promise((resolve) => {
    const giveUp = () => {
      hasWorker = false;
      resolve(void 0);
    };
    if (!hasWorker || !globalThis.navigator?.locks) return giveUp();
    try {
      const worker = new SharedWorker(new URL("./leaderboard-worker.js", import.meta.url), { name: "leaderboard 2" });
      const timer = setTimeout(giveUp, HELLO);
      worker.onerror = giveUp;
      worker.port.onmessage = () => {
        clearTimeout(timer);
        worker.onerror = null;
        resolve(worker.port);
      };
    } catch {
      giveUp();
    }
  });
}
var Stopwatch = class {
  started = /* @__PURE__ */ new Date();
  #mark = performance.now();
  restart() {
    this.started = /* @__PURE__ */ new Date();
    this.#mark = performance.now();
  }
  elapsed() {
    return Math.max(Date.now() - this.started.getTime(), performance.now() - this.#mark);
  }
};
var SILENCE = 45;
var ANSWER2 = 1e4;
var SETTLED = 400;
var CHECK = 1e3;
var MAX_PAUSE = 3e4;
var NEW = 500;
var MAX_WAKE = 1e3;
function watch(service, path, options) {
  const watcher = new Watcher(service, path, options);
  return { next: () => {
    watcher.start();
    return watcher.snapshots.next();
  }, return: async () => {
    watcher.stop();
    return { done: true, value: void 0 };
  }, [Symbol.asyncIterator]() {
    return this;
  } };
}
var Watcher = class {
  snapshots = new Newest();
  #service;
  #path;
  #options;
  #budget;
  #end = new AbortController();
  #attempt = new AbortController();
  #pause = new AbortController();
  #hasStarted = false;
  #lastId = "";
  #transports;
  #failures = 0;
  #isLive;
  #token = "";
  #isRenewed = false;
  #settled;
  #heard = new Stopwatch();
  #silence = new Stopwatch();
  #limit = ANSWER2;
  #begun = new Stopwatch();
  constructor(service, path, options) {
    this.#service = service;
    this.#path = path;
    this.#options = options;
    this.#budget = new RetryBudget(service.patience, MAX_PAUSE);
    this.#transports = options.share ? sharedTransports() : [readEventStream, readWebSocket];
  }
  get #maxSilence() {
    return (this.#options.silence ?? SILENCE) * 1e3;
  }
  get #isHidden() {
    return this.#options.whileVisible === true && globalThis.document?.visibilityState === "hidden";
  }
  start() {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    const { signal } = this.#options;
    signal?.addEventListener("abort", () => this.stop(), { signal: this.#end.signal });
    if (signal?.aborted) this.stop();
    void this.#run();
  }
  stop() {
    this.#hasStarted = true;
    this.snapshots.end();
    this.snapshots.clear();
    this.#end.abort();
    this.#attempt.abort();
    this.#pause.abort();
  }
  heard() {
    this.#heard.restart();
    this.#silence.restart();
    this.#limit = this.#maxSilence;
    this.#settled ??= setTimeout(() => this.#live(), SETTLED);
  }
  event({ event, id, data }) {
    this.#failures = 0;
    this.#isRenewed = false;
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
    this.#budget.begin();
    const timer = setInterval(() => this.#check(), CHECK);
    try {
      while (!this.#end.signal.aborted) {
        if (this.#isHidden) await this.#becomeVisible();
        const failure = await this.#connect();
        if (this.#end.signal.aborted) break;
        this.#isRenewed = !this.#isRenewed && this.#service.renew(failure, this.#token);
        if (this.#isRenewed || this.#isHidden) continue;
        if (!failure.isTransient) throw failure;
        this.#lose(failure);
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
  async #connect() {
    this.#pause = new AbortController();
    const isOther = this.#failures % 3 === 2 && this.#service.WebSocket !== void 0;
    if (isOther) this.#transports.reverse();
    this.#attempt = new AbortController();
    this.#limit = ANSWER2;
    this.#silence.restart();
    this.#begun.restart();
    this.#failures++;
    const { signal } = this.#attempt;
    const dropped = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    try {
      this.#token = await Promise.race([this.#service.token(), dropped]);
      const reading = this.#transports[0](this.#service, this.#path, this.#token, this.#lastId, this, signal);
      await Promise.race([reading, dropped]);
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
    if (this.#isLive === false) return;
    this.#isLive = false;
    const since = this.#heard.started;
    this.#tell(() => this.#options.onLost?.(since, failure));
  }
  #tell(call) {
    queueMicrotask(call);
  }
  #check() {
    if (this.#silence.elapsed() > this.#limit) this.#drop(`no sign of life for ${this.#limit / 1e3} s`);
  }
  async #becomeVisible() {
    while (this.#isHidden && !this.#end.signal.aborted) {
      this.#pause = new AbortController();
      await sleep(Infinity, this.#pause.signal);
    }
    this.#budget.begin();
    if (this.#heard.elapsed() > this.#maxSilence) this.#lose(new LeaderboardError(0, "the page was hidden"));
  }
  #turn() {
    this.#check();
    if (this.#isHidden) this.#attempt.abort();
    else if (this.#options.whileVisible) this.#pause.abort();
  }
  #drop(reason) {
    this.#attempt.abort(new LeaderboardError(0, reason));
  }
  #reconnect(reason) {
    this.#budget.restart();
    this.#pause.abort();
    if (this.#begun.elapsed() > NEW) this.#drop(reason);
  }
  #listenToPlatform() {
    const { signal } = this.#end;
    globalThis.addEventListener?.("offline", () => this.#drop("the browser is offline"), { signal });
    globalThis.addEventListener?.("online", () => this.#reconnect("the browser was offline"), { signal });
    globalThis.addEventListener?.("pageshow", ({ persisted }) => persisted && this.#reconnect("the page was kept"), { signal });
    globalThis.document?.addEventListener("visibilitychange", () => this.#turn(), { signal });
  }
};
var Board = class {
  leaderboard;
  id;
  path;
  query;
  constructor(leaderboard, id, window) {
    this.leaderboard = leaderboard;
    this.id = requireId(id);
    this.path = `/boards/${id}/`;
    this.query = window === void 0 ? "" : `?${new URLSearchParams({ window })}`;
  }
  snapshot() {
    return this.leaderboard.request("GET", this.path + this.query);
  }
  watch(options = {}) {
    return watch(this.leaderboard, this.path + this.query, options);
  }
  update(settings) {
    return this.leaderboard.request("PATCH", this.path, { body: settings });
  }
  async delete() {
    await this.leaderboard.request("DELETE", this.path, { isDone: isMissing });
  }
  async reset(season) {
    requireInteger("season", season, 1, MAX_SEASON);
    return this.leaderboard.request("POST", `${this.path}reset/`, { body: { season } });
  }
  seasons() {
    return this.leaderboard.pages(`${this.path}seasons/${this.query}`, "past");
  }
  async season(number) {
    requireInteger("season", number, 1, MAX_SEASON);
    return this.leaderboard.request("GET", `${this.path}seasons/${number}/${this.query}`);
  }
  player(id) {
    return new Player(this, id);
  }
  async addPlayer(name, { id, email, data } = {}) {
    const player = this.player(id ?? randomId());
    await this.leaderboard.request("POST", `${this.path}players/`, { body: { id: player.id, name, email, data }, ...hasId(id) });
    return player;
  }
  players({ fromRank: from_rank = 1, season } = {}) {
    requireInteger("fromRank", from_rank, 1, Number.MAX_SAFE_INTEGER);
    const path = `${this.path}${seasonPath(season)}players/${this.query}`;
    return this.leaderboard.pages(path, "players", from_rank > 1 ? { from_rank } : {});
  }
  search(text) {
    return this.leaderboard.pages(`${this.path}players/?${new URLSearchParams({ search: text })}`, "players");
  }
  async select(ids) {
    return this.leaderboard.request("POST", `${this.path}players/select/${this.query}`, { body: { ids: Array.from(ids, requireId) } });
  }
  async rankOf(score) {
    return this.leaderboard.request("GET", `${this.path}rank/${this.query}`, { params: { score: requireScore("score", score) } });
  }
  async addScores(amounts, { season, names = {}, rank } = {}) {
    const nameOf = new Map(entries(names));
    const body = Array.from(entries(amounts), ([player, amount]) => {
      const name = nameOf.get(player);
      return { player: requireId(player), amount: requireScore("amount", amount), name, season: requireSeason(season) };
    });
    const headers = { "Idempotency-Key": randomId() };
    const path = `${this.path}scores/`;
    const options = { body, headers, params: { rank } };
    return (await this.leaderboard.request("POST", path, options)).results;
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
  read({ season } = {}) {
    return this.#read(season);
  }
  async around(limit = 5, { season } = {}) {
    const params = { limit: requireInteger("limit", limit, 1, MAX_PAGE_ROWS) };
    return (await this.#read(season, "around/", params)).players;
  }
  watch(options = {}) {
    return watch(this.board.leaderboard, this.path + this.board.query, options);
  }
  seasons() {
    return this.board.leaderboard.pages(`${this.path}seasons/${this.board.query}`, "seasons");
  }
  async add(amount = 1, { key, season, name, rank } = {}) {
    const body = { amount: requireScore("amount", amount), name, season: requireSeason(season) };
    const headers = { "Idempotency-Key": requireKey(key ?? randomId()) };
    return this.#request("POST", "score-add/", { body, headers, params: { rank } });
  }
  async set(score, { best, season, name, rank } = {}) {
    const mode = best ? "best" : "set";
    const body = { score: requireScore("score", score), mode, name, season: requireSeason(season) };
    return this.#request("PUT", "score/", { body, params: { rank } });
  }
  update(fields) {
    return this.#request("PATCH", "", { body: fields });
  }
  async delete() {
    await this.#request("DELETE", "", { isDone: isMissing });
  }
  async #read(season, path = "", params = {}) {
    const { leaderboard, path: board, query } = this.board;
    return leaderboard.request("GET", `${board}${seasonPath(season)}players/${this.id}/${path}${query}`, { params });
  }
  #request(method, path, options) {
    return this.board.leaderboard.request(method, this.path + path, options);
  }
};
function hasId(id) {
  if (id !== void 0) return { countsOnce: false };
  return { isDone: ({ type }) => type.endsWith("#id-taken") };
}
function seasonPath(season) {
  return season === void 0 ? "" : `seasons/${requireSeason(season)}/`;
}
function entries(values) {
  return Symbol.iterator in values ? values : Object.entries(values);
}
function isMissing({ status }) {
  return status === 404;
}
var POINTS = { type: "points" };
function formatScore(score, format = POINTS, locale) {
  const whole = (value, digits = 1) => {
    const text = value.toLocaleString(locale, { minimumIntegerDigits: digits, useGrouping: digits === 1 });
    return text.replace("-", "−");
  };
  const unit = "unit" in format && format.unit ? ` ${format.unit}` : "";
  if (format.type === "points") return whole(score) + unit;
  const places = format.type === "time" ? 3 : format.places;
  const rest = Math.abs(score) % 10 ** places;
  const units = (Math.abs(score) - rest) / 10 ** places;
  const signed = (value) => whole(score < 0 ? -value : value);
  const point = 0.1.toLocaleString(locale, { minimumFractionDigits: 1 }).at(1);
  const fraction = point + whole(rest, places);
  if (format.type === "decimal") return signed(units) + fraction + unit;
  const [minutes, hours] = [Math.floor(units / 60) % 60, Math.floor(units / 3600)];
  const above = hours ? `${signed(hours)}:${whole(minutes, 2)}` : signed(minutes);
  return `${above}:${whole(units % 60, 2)}${fraction}`;
}
var Leaderboard = class extends Service {
  board(id, { window } = {}) {
    return new Board(this, id, window);
  }
  async createBoard({ id, ...settings } = {}) {
    const board = this.board(id ?? randomId());
    await this.request("POST", "/boards/", { body: { id: board.id, ...settings }, ...hasId(id) });
    return board;
  }
  boards() {
    return this.pages("/boards/", "boards");
  }
};
export { Board, Leaderboard, LeaderboardError, Player, formatScore };
