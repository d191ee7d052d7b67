import { LeaderboardError, statusError } from "./errors.js";
import { EventParser } from "./event_parser.js";
import { authorized } from "./service.js";
import type { Transport } from "./transport.js";

const TYPE = "text/event-stream";

/** Read an event stream by fetch.
 *
 * An EventSource sends no Authorization, does not say why it was refused, and gives up after any answer
 * other than 200: docs/adr/0033-a-javascript-client.md. */
export const readEventStream: Transport = async (service, path, token, lastId, listener, signal) => {
  const headers = authorized(token, { Accept: TYPE, ...(lastId && { "Last-Event-ID": lastId }) });
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
        if (retry !== undefined) listener.retry(retry);
        if (data !== undefined) listener.event({ event, ...(id && { id }), data: JSON.parse(data) });
      }
    }
  } finally {
    reader.cancel().catch(() => undefined); // it may have failed already
  }
};
