import type { Transport } from "./transport.js";
/** Read an event stream by fetch.
 *
 * An EventSource sends no Authorization, does not say why it was refused, and gives up after any answer
 * other than 200: docs/adr/0033-a-javascript-client.md. */
export declare const readEventStream: Transport;
