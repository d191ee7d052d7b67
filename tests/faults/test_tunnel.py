"""The tunnel to the store ends or is cut off. All programs reach RethinkDB through it.

Afterwards acknowledged increments = the store's score, and every viewer shows the store's state.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from tests.faults.conftest import Load
from tests.faults.link import Link
from tests.support.programs import Program, free_ports, send_signal
from tests.support.servers import RethinkServer
from tests.support.ssh import SshServer
from tests.support.stack import Stack

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="the tunnel needs Linux")


class Far(NamedTuple):
    """A stack, and its way to the store."""

    stack: Stack
    tunnel: Program
    link: Link  # between the tunnel and the SSH server
    server: SshServer


@pytest.fixture(scope="module")
def shared_far(
    rethinkdb_server: RethinkServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Far]:
    [port] = free_ports(1)
    folder = tmp_path_factory.mktemp("far")
    with SshServer(folder) as server, Link(server.port) as link:
        target = f"{server.user}@127.0.0.1:{link.port}"
        forward = f"{port}:127.0.0.1:{rethinkdb_server.port}"
        tunnel = server.tunnel(forward, SSH_TUNNEL_TARGET=target)
        try:
            tunnel.wait_for_port(port)
            url = rethinkdb_server.database("far")
            url = url.replace(f":{rethinkdb_server.port}/", f":{port}/")
            with Stack(url, folder) as stack:
                yield Far(stack, tunnel, link, server)
        finally:
            tunnel.stop()


@pytest.fixture
def far(shared_far: Far) -> Far:
    """A stack whose processes all run, also those that an earlier test has ended."""
    for program in (shared_far.server.program, shared_far.tunnel):
        if program.process.poll() is not None:
            program.restart()
    shared_far.stack.repair()
    return shared_far


def kill_ssh(far: Far) -> None:
    send_signal({one for one in far.tunnel.processes() if one.name() == "ssh"}, signal.SIGKILL)


def restart_tunnel(far: Far) -> None:
    """Kill only its first process. Linux ends the others."""
    far.tunnel.process.kill()
    far.tunnel.process.wait()
    far.tunnel.start()


def restart_server(far: Far) -> None:
    far.server.program.restart()


def cut_link(far: Far) -> None:
    far.link.cut()


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [(kill_ssh, 10), (restart_tunnel, 10), (restart_server, 10), (cut_link, 20)],
)
def test_a_tunnel_that_ends_or_is_cut_off_is_opened_again(
    far: Far, under_load: Load, fault: Callable[[Far], None], seconds: int
) -> None:
    with under_load(far.stack, recovery=seconds) as writers:
        broken = time.monotonic()
        fault(far)
        writers.mark(since=broken)
