"use strict";
(() => {
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
  var transports = [readEventStream, readWebSocket];
  var connections = /* @__PURE__ */ new Map();
  var Connection = class {
    #ports = /* @__PURE__ */ new Set();
    #key;
    #end = new AbortController();
    #retry;
    #snapshot;
    constructor(key, [number, url, path, token]) {
      this.#key = key;
      transports[number](new Service(url, { token }), path, token, "", this, this.#end.signal).then(() => this.end(), (error) => this.end(connectionError(error)));
    }
    heard() {
      this.#tell("heard");
    }
    event(event) {
      if (event.event === "update") this.#snapshot = event;
      this.#tell("event", event);
    }
    retry(milliseconds) {
      this.#retry = milliseconds;
      this.#tell("retry", milliseconds);
    }
    join(port) {
      this.#ports.add(port);
      if (this.#retry !== void 0) port.postMessage(["retry", this.#retry]);
      if (!this.#snapshot) return;
      port.postMessage(["heard"]);
      port.postMessage(["event", this.#snapshot]);
    }
    leave(port) {
      this.#ports.delete(port);
      if (!this.#ports.size) this.end();
    }
    end(failure) {
      if (connections.get(this.#key) === this) connections.delete(this.#key);
      this.#end.abort();
      this.#tell("end", failure && { ...failure, message: failure.message });
      this.#ports.clear();
    }
    #tell(...message) {
      for (const port of this.#ports) port.postMessage(message);
    }
  };
  addEventListener("connect", (event) => {
    const port = event.ports[0];
    port.onmessage = ({ data }) => {
      const key = JSON.stringify(data.connection);
      const connection = connections.get(key) ?? new Connection(key, data.connection);
      connections.set(key, connection);
      connection.join(port);
      port.onmessage = ({ data: data2 }) => connection.end(new LeaderboardError(0, data2));
      void navigator.locks.request(data.lock, () => connection.leave(port));
    };
    port.postMessage("hello");
  });
})();
