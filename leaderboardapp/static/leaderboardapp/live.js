// A board's event stream, which is opened again whenever it is lost.
//
// After a lost connection a browser reconnects by itself. After any answer other than 200, such as a
// 502 while a proxy restarts, it never does. It does not notice at all that a connection is dead on
// which nothing arrives, nor that the computer slept. So the server sends the event `keep-alive` every
// 20 seconds, and this script measures the silence.
// The stream is open only while the page is visible. A browser has six HTTP/1.1 connections to a host:
// tabs in the background could take them all.

const LEAST = 1000, MOST = 30000; // milliseconds before the stream is reopened
const SETTLED = 400; // milliseconds; the server ends a stream sooner to have the client reconnect
const SILENCE = 45000; // milliseconds without a keep-alive after which a stream is dead: two are missing
const ANSWER = 10000; // milliseconds within which a request has to be answered
const CHECK = 1000; // milliseconds between two looks at the clock

/** Open the stream and call `on.update(snapshot)`, `on.joined(player)` and `on.live()`.
 *
 * When it is lost, call `on.lost(since)` with the time of the last sign of life, perhaps several times.
 * If the server refuses the board, call `on.refused(detail)` with its reason. */
export function watch(url, on) {
  let source, again, settled, failures = 0;
  const heard = new Stopwatch(); // since the last sign of life
  const tried = new Stopwatch(); // since the last sign of life, or since the stream was last opened

  function open() {
    close();
    if (document.visibilityState === "hidden") return;
    tried.restart();
    source = new EventSource(url);
    source.onopen = () => { tried.restart(); settled = setTimeout(live, SETTLED); };
    source.onerror = failed;
    source.addEventListener("keep-alive", live);
    source.addEventListener("update", (event) => { live(); on.update(JSON.parse(event.data)); });
    source.addEventListener("joined", (event) => on.joined(JSON.parse(event.data).player));
  }

  function close() {
    clearTimeout(again);
    clearTimeout(settled);
    source?.close();
  }

  function reopen() {
    close();
    // Jittered, so that viewers who lost a server together do not return together.
    again = setTimeout(open, Math.min(MOST, LEAST * 2 ** failures++) * (0.5 + Math.random() / 2));
  }

  function live() {
    clearTimeout(settled);
    failures = 0;
    heard.restart();
    tried.restart();
    on.live();
  }

  function lost() {
    on.lost(heard.started);
  }

  async function failed() {
    clearTimeout(settled);
    tried.restart();
    lost();
    if (source.readyState !== EventSource.CLOSED) return; // the browser reconnects
    reopen();
    const reason = await refusal(url);
    if (reason && source.readyState === EventSource.CLOSED) on.refused(reason);
  }

  /** Find out by the clock that the stream is dead, or does not open. */
  function check() {
    if (!source || document.visibilityState === "hidden") return;
    const limit = source.readyState === EventSource.OPEN ? SILENCE : ANSWER;
    const isDead = source.readyState !== EventSource.CLOSED && tried.elapsed() > limit;
    if (isDead || heard.elapsed() > SILENCE) lost();
    if (isDead) reopen();
  }

  function show() {
    open();
    check();
  }

  open();
  setInterval(check, CHECK);
  addEventListener("offline", () => { lost(); reopen(); });
  addEventListener("online", () => { failures = 0; reopen(); });
  document.addEventListener("visibilitychange", show);
  // The browser kept the page in its cache and shows it again.
  addEventListener("pageshow", (event) => { if (event.persisted) show(); });
}

/** Measures the time since it was started.
 *
 * While a computer sleeps, performance.now() may stand still. Date.now() may be put back. */
class Stopwatch {
  constructor() {
    this.restart();
  }

  restart() {
    this.started = new Date();
    this.mark = performance.now();
  }

  /** Return milliseconds. */
  elapsed() {
    return Math.max(Date.now() - this.started, performance.now() - this.mark);
  }
}

/** Return the server's reason to refuse, which an EventSource does not have; "" for any other failure. */
async function refusal(url) {
  try {
    // Without a limit, requests on a dead link would take all connections that a browser has to a host.
    const options = { headers: { Accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(ANSWER) };
    const response = await fetch(url, options);
    return [401, 403, 404].includes(response.status) ? (await response.json()).detail : "";
  } catch {
    return "";
  }
}
