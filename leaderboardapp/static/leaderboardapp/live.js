// A board's event stream, which is reopened when the browser gives it up.
//
// After a lost connection a browser reconnects by itself. After any answer other than 200, such as a
// 502 while a proxy restarts, it never does.
// The stream is open only while the page is visible. A browser has six HTTP/1.1 connections to a host:
// tabs in the background could take them all.

const LEAST = 1000, MOST = 30000; // milliseconds before the stream is reopened
const SETTLED = 400; // milliseconds; the server ends a stream sooner to have the client reconnect

/** Open the stream and call `on.update(snapshot)`, `on.joined(player)`, `on.live()` and `on.lost()`.
 *
 * If the server refuses the board, call `on.refused(detail)` with its reason. */
export function watch(url, on) {
  let source, again, settled, failures = 0;

  function open() {
    clearTimeout(again);
    clearTimeout(settled);
    source?.close();
    if (document.visibilityState === "hidden") return;
    source = new EventSource(url);
    source.onopen = () => { settled = setTimeout(live, SETTLED); };
    source.onerror = lost;
    source.addEventListener("update", (event) => { live(); on.update(JSON.parse(event.data)); });
    source.addEventListener("joined", (event) => on.joined(JSON.parse(event.data).player));
  }

  function live() {
    clearTimeout(settled);
    failures = 0;
    on.live();
  }

  async function lost() {
    clearTimeout(settled);
    on.lost();
    if (source.readyState !== EventSource.CLOSED) return;
    // Jittered, so that viewers who lost a server together do not return together.
    again = setTimeout(open, Math.min(MOST, LEAST * 2 ** failures++) * (0.5 + Math.random() / 2));
    const reason = await refusal(url);
    if (reason && source.readyState === EventSource.CLOSED) on.refused(reason);
  }

  open();
  addEventListener("online", open);
  document.addEventListener("visibilitychange", open);
  // The browser kept the page in its cache and shows it again.
  addEventListener("pageshow", (event) => { if (event.persisted) open(); });
}

/** Return the server's reason to refuse, which an EventSource does not have; "" for any other failure. */
async function refusal(url) {
  try {
    const headers = { Accept: "application/json" };
    const response = await fetch(url, { headers, cache: "no-store" });
    return [401, 403, 404].includes(response.status) ? (await response.json()).detail : "";
  } catch {
    return "";
  }
}
