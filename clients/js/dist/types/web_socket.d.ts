import type { Transport } from "./transport.js";
/** Read a WebSocket. A script cannot give it headers, so a ticket is in its address in place of the token. */
export declare const readWebSocket: Transport;
