import { connectionError, LeaderboardError } from "./errors.js";
import { readEventStream } from "./event_stream.js";
import { Newest } from "./newest.js";
import { jitter, RetryBudget, sleep } from "./retry.js";
import type { Service } from "./service.js";
import { sharedTransports } from "./shared.js";
import { Stopwatch } from "./stopwatch.js";
import type { BoardEvent, Listener, Transport } from "./transport.js";
import { readWebSocket } from "./web_socket.js";

const SILENCE = 45; // seconds without a sign of life after which a connection is dead: two keep-alives are missing
const ANSWER = 10_000; // milliseconds within which a connection has to open
const SETTLED = 400; // milliseconds; the service ends a stream sooner to have the client reconnect
const CHECK = 1000; // milliseconds between two looks at the clock
const MAX_PAUSE = 30_000; // milliseconds between two attempts
const NEW = 500; // milliseconds; what makes a younger attempt needed has begun it
const MAX_WAKE = 1000; // milliseconds between being online again and the next attempt, at most

/** How to watch a board, and who is told what happens meanwhile. */
export interface WatchOptions {
  /** Ends the loop. */
  signal?: AbortSignal;
  /** Called for each event but `update` and `keep-alive`, such as `joined` and `new leader`. */
  onEvent?: (event: string, data: any) => void;
  /** Called when the connection lives, at first and again after each loss. */
  onLive?: () => void;
  /** Called when the connection is lost, or does not come about, once, with the time of the last sign of life. */
  onLost?: (since: Date, failure: LeaderboardError) => void;
  /** Whether tabs of an origin have one connection to the board, where there are SharedWorkers. It needs
   * leaderboard-worker.js beside this file. The service's own `fetch` and `WebSocket` are not asked then. */
  share?: boolean;
  /** Whether to have no connection while the page is hidden. It comes back when the page is shown. */
  whileVisible?: boolean;
  /** Seconds without a sign of life after which the connection is dead, by default 45. */
  silence?: number;
}

/** Return an iterator over the snapshots at the path, of a board, a window or a player. It connects when it is first asked. */
export function watch<T>(service: Service, path: string, options: WatchOptions): AsyncIterableIterator<T> {
  const watcher = new Watcher<T>(service, path, options);
  return {
    next: () => {
      watcher.start();
      return watcher.snapshots.next();
    },
    return: async () => {
      watcher.stop();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Keeps a connection to a board, over one transport or the other. */
class Watcher<T> implements Listener {
  readonly snapshots = new Newest<T>();
  readonly #service: Service;
  readonly #path: string;
  readonly #options: WatchOptions;
  readonly #budget: RetryBudget;
  readonly #end = new AbortController();
  #attempt = new AbortController(); // to connect
  #pause = new AbortController(); // before the next attempt
  #hasStarted = false;
  #lastId = "";
  readonly #transports: Transport[]; // the one that worked last is the first
  #failures = 0; // attempts in a row without an event
  #isLive: boolean | undefined;
  #token = ""; // of the last attempt
  #isRenewed = false; // whether the attempt before was refused, and this one has a fresh token
  #settled: ReturnType<typeof setTimeout> | undefined;
  #heard = new Stopwatch(); // since the last sign of life
  #silence = new Stopwatch(); // since the last sign of life, or since the connection was last tried
  #limit = ANSWER; // of the silence, in milliseconds
  #begun = new Stopwatch(); // since the connection was last tried

  constructor(service: Service, path: string, options: WatchOptions) {
    this.#service = service;
    this.#path = path;
    this.#options = options;
    this.#budget = new RetryBudget(service.patience, MAX_PAUSE);
    this.#transports = options.share ? sharedTransports() : [readEventStream, readWebSocket];
  }

  get #maxSilence(): number {
    return (this.#options.silence ?? SILENCE) * 1000;
  }

  get #isHidden(): boolean {
    return this.#options.whileVisible === true && globalThis.document?.visibilityState === "hidden";
  }

  /** Begin to connect, if nothing has begun or ended it yet. */
  start(): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    const { signal } = this.#options;
    signal?.addEventListener("abort", () => this.stop(), { signal: this.#end.signal });
    if (signal?.aborted) this.stop();
    void this.#run();
  }

  /** End the connection, and the loop. */
  stop(): void {
    this.#hasStarted = true;
    this.snapshots.end();
    this.snapshots.clear();
    this.#end.abort();
    this.#attempt.abort();
    this.#pause.abort();
  }

  heard(): void {
    this.#heard.restart();
    this.#silence.restart();
    this.#limit = this.#maxSilence;
    this.#settled ??= setTimeout(() => this.#live(), SETTLED);
  }

  event({ event, id, data }: BoardEvent): void {
    this.#failures = 0;
    this.#isRenewed = false;
    this.#budget.restart();
    this.#live();
    if (event === "update") {
      if (id && id === this.#lastId) return; // a repeat
      this.#lastId = id ?? "";
      this.#budget.lift();
      this.snapshots.offer(data as T);
    } else if (event !== "keep-alive") {
      this.#tell(() => this.#options.onEvent?.(event, data));
    }
  }

  retry(milliseconds: number): void {
    this.#budget.pause = milliseconds;
  }

  async #run(): Promise<void> {
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

  /** Connect, and return why the connection has ended.
   *
   * Every third attempt in a row without an event takes the other transport: a proxy in between may hold back
   * streams, or know of no WebSockets. */
  async #connect(): Promise<LeaderboardError> {
    this.#pause = new AbortController(); // after it
    const isOther = this.#failures % 3 === 2 && this.#service.WebSocket !== undefined;
    if (isOther) this.#transports.reverse();
    this.#attempt = new AbortController();
    this.#limit = ANSWER;
    this.#silence.restart();
    this.#begun.restart();
    this.#failures++; // until an event says otherwise
    const { signal } = this.#attempt;
    const dropped = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    try {
      this.#token = await Promise.race([this.#service.token(), dropped]);
      const reading = this.#transports[0]!(this.#service, this.#path, this.#token, this.#lastId, this, signal);
      await Promise.race([reading, dropped]);
      return new LeaderboardError(0, "the stream ended");
    } catch (error) {
      return connectionError(signal.aborted ? signal.reason : error);
    } finally {
      clearTimeout(this.#settled);
      this.#settled = undefined;
      if (isOther && this.#failures) this.#transports.reverse(); // it did not work either
    }
  }

  #live(): void {
    if (this.#isLive) return;
    this.#isLive = true;
    this.#tell(() => this.#options.onLive?.());
  }

  #lose(failure: LeaderboardError): void {
    if (this.#isLive === false) return;
    this.#isLive = false;
    const since = this.#heard.started;
    this.#tell(() => this.#options.onLost?.(since, failure));
  }

  /** Call back, so that what is thrown there is an error of the program, and no failure of the connection. */
  #tell(call: () => void): void {
    queueMicrotask(call);
  }

  /** Find out by the clock that the connection is dead, or does not open. */
  #check(): void {
    if (this.#silence.elapsed() > this.#limit) this.#drop(`no sign of life for ${this.#limit / 1000} s`);
  }

  /** Wait, without a connection, until somebody can see the page. */
  async #becomeVisible(): Promise<void> {
    while (this.#isHidden && !this.#end.signal.aborted) {
      this.#pause = new AbortController();
      await sleep(Infinity, this.#pause.signal);
    }
    this.#budget.begin(); // nobody has waited until now
    if (this.#heard.elapsed() > this.#maxSilence) this.#lose(new LeaderboardError(0, "the page was hidden"));
  }

  /** Follow the page, which became hidden or visible. */
  #turn(): void {
    this.#check(); // in the background timers run late
    if (this.#isHidden) this.#attempt.abort();
    else if (this.#options.whileVisible) this.#pause.abort();
  }

  #drop(reason: string): void {
    this.#attempt.abort(new LeaderboardError(0, reason));
  }

  /** Connect again without a pause, whatever has become of the connection, unless it is a new one. */
  #reconnect(reason: string): void {
    this.#budget.restart();
    this.#pause.abort();
    if (this.#begun.elapsed() > NEW) this.#drop(reason);
  }

  /** Browsers tell what becomes of the network, and of the page. */
  #listenToPlatform(): void {
    const { signal } = this.#end;
    globalThis.addEventListener?.("offline", () => this.#drop("the browser is offline"), { signal });
    globalThis.addEventListener?.("online", () => this.#reconnect("the browser was offline"), { signal });
    // The browser kept the page in its cache and shows it again.
    globalThis.addEventListener?.("pageshow", ({ persisted }) => persisted && this.#reconnect("the page was kept"), { signal });
    globalThis.document?.addEventListener("visibilitychange", () => this.#turn(), { signal });
  }
}
