/** A link to a server that can be cut silently: nothing passes, and nothing closes. */
import { connect, createServer } from "node:net";

/** @typedef {{ ends: import("node:net").Socket[], isDead: boolean }} Pair */

/** Forward connections to `127.0.0.1:target`, until they are cut.
 * @param {number} target */
export async function openLink(target) {
  /** @type {Pair[]} */
  const pairs = [];
  let isSilent = false;
  const server = createServer((client) => {
    const other = connect(target, "127.0.0.1");
    const pair = { ends: [client, other], isDead: false };
    pairs.push(pair);
    for (const [from, to] of [[client, other], [other, client]]) {
      from.on("data", (data) => {
        pair.isDead ||= isSilent;
        if (!pair.isDead) to.write(data);
      });
      from.on("error", () => undefined);
      from.on("close", () => pair.isDead || to.destroy());
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  return {
    port: /** @type {import("node:net").AddressInfo} */ (server.address()).port,
    /** Cut all connections, and from now on each one on which something is sent. */
    goSilent() {
      isSilent = true;
      for (const pair of pairs) pair.isDead = true;
    },
    /** Forward again. Connections that were cut stay dead. */
    restore() {
      isSilent = false;
    },
    close() {
      for (const { ends } of pairs) for (const end of ends) end.destroy();
      server.close();
    },
  };
}
