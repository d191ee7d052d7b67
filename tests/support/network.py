"""Networks that tests cut: each server in a namespace of its own, all on one bridge.

Only root may make them, on Linux."""

import fcntl
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.programs import Program, wait_until

NOBODY = "02:00:00:00:00:01"  # an address to which packets vanish
HOME = "/proc/self/ns/net"


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def can_be_cut() -> bool:
    """Return whether this process may make networks: it tries to, in a namespace that ends."""
    if not all(map(shutil.which, ("ip", "nsenter", "unshare"))):
        return False
    link = ["link", "add", "probe", "type", "veth", "peer", "name", "other"]
    command = ["unshare", "--net", "ip", *link]
    return subprocess.run(command, capture_output=True).returncode == 0


CAN_BE_CUT = can_be_cut()


@contextmanager
def locked(name: str, operation: int) -> Iterator[None]:
    """Lock the file of this name, which is the same for all runs of this user's tests."""
    file = os.open(f"/tmp/leaderboard-tests-{name}-{os.getuid()}", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, operation)
        yield
    finally:
        os.close(file)


@contextmanager
def still_network() -> Iterator[None]:
    """Have no test change the machine's addresses meanwhile: Chromium would give up all requests
    that are on their way, with ERR_NETWORK_CHANGED."""
    with ExitStack() as held:
        with locked("network-next", fcntl.LOCK_EX):  # so that one who waits to change it gets on
            held.enter_context(locked("network", fcntl.LOCK_SH))
        yield


@contextmanager
def changing_network() -> Iterator[None]:
    """Wait until nobody needs the network to stay as it is, and let nobody begin meanwhile."""
    with locked("network-next", fcntl.LOCK_EX), locked("network", fcntl.LOCK_EX):
        yield


class Island:
    """A namespace with one address on the bridge."""

    def __init__(self, name: str, bridge: str, host: str, log: Path) -> None:
        self.name, self.host = name, host
        self.program = Program(["unshare", "--net", "sleep", "infinity"], log)
        pid = str(self.program.process.pid)
        wait_until(lambda: os.readlink(f"/proc/{pid}/ns/net") != os.readlink(HOME), "the namespace")
        self.within = ("nsenter", "--target", pid, "--net")
        run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", pid)
        run("ip", "link", "set", name, "master", bridge, "up")
        run(*self.within, "ip", "address", "add", f"{host}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            run(*self.within, "ip", "link", "set", device, "up")

    def cut(self, other: "Island") -> None:
        """Have all packets to the other one vanish from now on."""
        run(*self.within, *f"ip neigh replace {other.host} lladdr {NOBODY} dev eth0".split())

    def heal(self) -> None:
        """Let packets pass again."""
        run(*self.within, "ip", "neigh", "flush", "nud", "permanent", "dev", "eth0")


@contextmanager
def islands(folder: Path, count: int) -> Iterator[list[Island]]:
    """Make a bridge with so many namespaces, which this process and each other reach."""
    name = f"lb{secrets.token_hex(3)}"
    subnet = f"10.{secrets.randbelow(100) + 100}.{secrets.randbelow(250)}"
    made: list[Island] = []
    with changing_network():
        run("ip", "link", "add", name, "type", "bridge")
    try:
        with changing_network():
            run("ip", "address", "add", f"{subnet}.1/24", "dev", name)
            run("ip", "link", "set", name, "up")
            for number in range(2, count + 2):
                log = folder / f"island{number}.log"
                made.append(Island(f"{name}-{number}", name, f"{subnet}.{number}", log))
        yield made
    finally:
        with changing_network():
            for island in made:
                run("ip", "link", "delete", island.name)
                island.program.stop()
            run("ip", "link", "delete", name)
