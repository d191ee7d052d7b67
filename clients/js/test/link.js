/** A link to a server that can be cut silently: nothing passes, and nothing closes. */
import { connect, createServer } from "node:net";

/** Forward connections to `127.0.0.1:target`, until they are cut.
 * @param {number} target */
export async function openLink(target) {
  /** @type {Set<import("node:net").Socket>} */
  const ends = new Set();
  let isSilent = false;
  const server = createServer((client) => {
    const other = connect(target, "127.0.0.1");
    for (const [from, to] of [[client, other], [other, client]]) {
      ends.add(from);
      from.on("data", (data) => !isSilent && alive.has(client) && to.write(data));
      from.on("error", () => to.destroy());
      from.on("close", () => alive.has(client) && to.destroy());
    }
    alive.add(client);
  });
  const alive = new WeakSet();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  return {
    port: /** @type {import("node:net").AddressInfo} */ (server.address()).port,
    /** Cut all connections, and each new one as soon as it is open. */
    goSilent() {
      isSilent = true;
    },
    /** Forward new connections again. Those that were cut stay dead. */
    restore() {
      for (const end of ends) alive.delete(end);
      isSilent = false;
    },
    close() {
      for (const end of ends) end.destroy();
      server.close();
    },
  };
}
