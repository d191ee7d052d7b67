// A board's stream. A browser reconnects by itself after a lost connection, but gives up for good
// after any answer other than 200 (such as a 502 while a proxy restarts): then it is started again.
// It is open only while the page is shown: of HTTP/1.1 connections a browser has six for one host, and
// tabs in the background would leave none for the next one.

const LEAST = 1000, MOST = 30000; // milliseconds between two starts
const SETTLED = 400; // a stream that ends sooner was a server's way to say "come again"

/** Calls `on.update(snapshot)`, `on.joined(player)`, `on.live()`, `on.lost()`, and
 * `on.refused(detail)` with the server's reason if there is nothing to come back to for now. */
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
  // A page that the browser kept, when its reader comes back to it.
  addEventListener("pageshow", (event) => { if (event.persisted) open(); });
}

/** An EventSource does not tell its status. Empty if the server just cannot answer now. */
async function refusal(url) {
  try {
    const headers = { Accept: "application/json" };
    const response = await fetch(url, { headers, cache: "no-store" });
    return [401, 403, 404].includes(response.status) ? (await response.json()).detail : "";
  } catch {
    return "";
  }
}
