import { LeaderboardError } from "./errors.js";
import type { Service } from "./service.js";
import type { BoardEvent, Transport } from "./transport.js";

const REFUSED = 4400; // codes from here on are HTTP's statuses, and 4000

/** Read a WebSocket. A script cannot give it headers, so a ticket is in its address in place of the token. */
export const readWebSocket: Transport = async (service, path, token, _lastId, listener, signal) => {
  const ticket = token && (await getTicket(service, path, signal));
  const url = service.address(path, { ticket });
  url.protocol = url.protocol.replace("http", "ws");
  url.pathname += "ws/";
  signal.throwIfAborted();
  const socket = new service.WebSocket!(url.href);
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

/** Return a ticket, which is the board's for its windows, too, or "" if the token is refused: a public board needs none, and a private one says why. */
async function getTicket(service: Service, path: string, signal: AbortSignal): Promise<string> {
  try {
    return (await service.request<{ ticket: string }>("POST", `${path.split("?")[0]}ticket/`, { signal })).ticket;
  } catch (error) {
    if (error instanceof LeaderboardError && [401, 403].includes(error.status)) return "";
    throw error;
  }
}
