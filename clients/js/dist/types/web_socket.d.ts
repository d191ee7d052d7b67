import type { Transport } from "./transport.js";
/** Read a WebSocket, whose token is in its address: a script cannot give it headers. */
export declare const readWebSocket: Transport;
