import { LeaderboardError } from "./errors.js";
import type { BoardEvent, Transport } from "./transport.js";

const REFUSED = 4400; // codes from here on are HTTP's statuses, and 4000

/** Read a WebSocket. A script cannot give it headers, so a ticket is in its address in place of the token. */
export const readWebSocket: Transport = async (service, path, _lastId, listener, signal) => {
  const ticket = (await service.token()) && (await service.request<{ ticket: string }>("POST", `${path}ticket/`, { signal })).ticket;
  const query = ticket && `?ticket=${ticket}`;
  signal.throwIfAborted();
  const socket = new service.WebSocket!(`${service.url.replace(/^http/, "ws")}${path}ws/${query}`);
  let code: number;
  try {
    code = await new Promise<number>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      socket.onopen = () => listener.heard();
      socket.onclose = (closing) => resolve(closing.code);
      socket.onmessage = ({ data }) => {
        try {
          listener.heard();
          listener.event(JSON.parse(data) as BoardEvent);
        } catch (error) {
          reject(error);
        }
      };
    });
  } finally {
    socket.close();
  }
  // The service says why, if it still refuses. If it does not, the next attempt may succeed.
  if (code >= REFUSED) await service.request("GET", path, { signal });
  throw new LeaderboardError(0, `the WebSocket was closed with ${code}`);
};
