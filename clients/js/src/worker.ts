/** The SharedWorker: it has one connection to a board for all tabs of an origin. It needs nothing else. */
import { connectionError, LeaderboardError } from "./errors.js";
import { readEventStream } from "./event_stream.js";
import { Service } from "./service.js";
import type { Message, Request } from "./shared.js";
import type { BoardEvent, Listener } from "./transport.js";
import { readWebSocket } from "./web_socket.js";

const transports = [readEventStream, readWebSocket];
const connections = new Map<string, Connection>();

/** A connection, and the tabs that read it. It ends without the last of them. */
class Connection implements Listener {
  readonly #ports = new Set<MessagePort>();
  readonly #key: string;
  readonly #end = new AbortController();
  #retry: number | undefined;
  #snapshot: BoardEvent | undefined;

  constructor(key: string, [number, url, path, token]: Request["connection"]) {
    this.#key = key;
    // Without an id to resume from: a tab that comes later has no snapshot yet.
    transports[number]!(new Service(url, { token }), path, token, "", this, this.#end.signal).then(
      () => this.end(),
      (error) => this.end(connectionError(error)),
    );
  }

  heard(): void {
    this.#tell("heard");
  }

  event(event: BoardEvent): void {
    if (event.event === "update") this.#snapshot = event;
    this.#tell("event", event);
  }

  retry(milliseconds: number): void {
    this.#retry = milliseconds;
    this.#tell("retry", milliseconds);
  }

  /** Have the tab read the connection, and tell it what counts of what has come before. */
  join(port: MessagePort): void {
    this.#ports.add(port);
    if (this.#retry !== undefined) port.postMessage(["retry", this.#retry] satisfies Message);
    if (!this.#snapshot) return;
    port.postMessage(["heard"] satisfies Message);
    port.postMessage(["event", this.#snapshot] satisfies Message);
  }

  leave(port: MessagePort): void {
    this.#ports.delete(port);
    if (!this.#ports.size) this.end();
  }

  /** End the connection, for all tabs. */
  end(failure?: LeaderboardError): void {
    if (connections.get(this.#key) === this) connections.delete(this.#key);
    this.#end.abort();
    this.#tell("end", failure && { ...failure, message: failure.message }); // a copy of an Error has no other members
    this.#ports.clear();
  }

  #tell(...message: Message): void {
    for (const port of this.#ports) port.postMessage(message);
  }
}

addEventListener("connect", (event) => {
  const port = (event as MessageEvent).ports[0]!;
  port.onmessage = ({ data }: MessageEvent<Request>) => {
    const key = JSON.stringify(data.connection);
    const connection = connections.get(key) ?? new Connection(key, data.connection);
    connections.set(key, connection);
    connection.join(port);
    port.onmessage = ({ data }: MessageEvent<string>) => connection.end(new LeaderboardError(0, data));
    void navigator.locks.request(data.lock, () => connection.leave(port));
  };
  port.postMessage("hello");
});
