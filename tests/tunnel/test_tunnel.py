"""The tunnel, through a real SSH server: what it says, and what it leaves behind.

Its ports lead back to the SSH server, which greets whoever connects."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ssh_tunnel import client
from ssh_tunnel.client import SshClient, TunnelDown
from tests.support.programs import Program, free_ports, wait_until
from tests.support.ssh import SshServer, make_key

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="the tunnel needs Linux"),
]
# Says whether the tunnel is open, and lives until it is told to end.
COMMAND = (
    "import os, signal, socket, sys;"
    "signal.signal(signal.SIGTERM, lambda *_: print(ask(), flush=True) or os._exit(7));"
    "ask = lambda: socket.create_connection(('127.0.0.1', int(sys.argv[1]))).recv(4);"
    "print(ask(), flush=True); signal.pause()"
)

Start = Callable[..., Program]


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with SshServer(tmp_path_factory.mktemp("ssh")) as server:
        yield server


@pytest.fixture
def server(shared_server: SshServer) -> SshServer:
    """A server that the test may kill; one that an earlier test has killed runs again."""
    if shared_server.program.process.poll() is not None:
        shared_server.program.start()
        shared_server.program.wait_for_port(shared_server.port)
    return shared_server


@pytest.fixture
def port() -> int:
    [port] = free_ports(1)
    return port


@pytest.fixture
def start(server: SshServer, port: int) -> Iterator[Start]:
    """start(*command, **variables): start a tunnel from the port to the server itself."""
    started: list[Program] = []

    def run(*command: str, **variables: str) -> Program:
        started.append(server.tunnel(f"{port}:127.0.0.1:{server.port}", *command, **variables))
        return started[-1]

    yield run
    for program in started:
        program.stop()


def greets(port: int) -> bool:
    """Return whether the SSH server greets at the port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as connection:
        return connection.recv(4) == b"SSH-"
    return False


def failure(tunnel: Program) -> str:
    """Return what the tunnel says, which ends by itself with 1."""
    assert tunnel.process.wait(30) == 1
    return tunnel.output()


def test_it_is_open_until_it_is_told_to_end(start: Start, port: int) -> None:
    tunnel = start()
    wait_until(lambda: greets(port), "the tunnel")
    assert f"port {port} leads to 127.0.0.1:" in tunnel.output()
    tunnel.process.terminate()
    assert tunnel.process.wait(30) == 0
    assert not greets(port) and not tunnel.processes()


def test_a_command_begins_with_the_tunnel_and_has_it_to_its_end(start: Start, port: int) -> None:
    tunnel = start(sys.executable, "-c", COMMAND, str(port))
    wait_until(lambda: tunnel.output().count("b'SSH-'") == 1, "the command")
    tunnel.process.terminate()
    assert tunnel.process.wait(30) == 7
    assert tunnel.output().count("b'SSH-'") == 2
    assert not greets(port)


def test_a_signal_that_ends_the_command_is_in_the_exit_status(start: Start) -> None:
    assert start("bash", "-c", "kill -KILL $$").process.wait(30) == 128 + signal.SIGKILL


def test_a_command_that_never_began_has_not_succeeded(start: Start, server: SshServer) -> None:
    server.program.stop()
    tunnel = start("true")
    wait_until(lambda: "Connection refused; trying again" in tunnel.output(), "a failure")
    tunnel.process.terminate()
    assert tunnel.process.wait(30) == 128 + signal.SIGTERM


def test_without_a_server_to_go_to_only_the_command_runs(start: Start) -> None:
    tunnel = start("bash", "-c", "echo ran; exit 3", SSH_TUNNEL_TARGET="")
    assert tunnel.process.wait(30) == 3
    assert tunnel.output() == "ran\n"


@pytest.mark.parametrize("name", ["SSH_TUNNEL_KEY", "SSH_TUNNEL_HOST_KEY", "SSH_TUNNEL_FORWARDS"])
def test_what_is_missing_is_named(start: Start, name: str) -> None:
    said = failure(start("true", **{name: ""}))
    assert f"needs {name}, which is not set" in said and len(said.splitlines()) == 1


def test_a_bad_value_stops_the_start_with_one_line(start: Start) -> None:
    said = failure(start("true", SSH_TUNNEL_TARGET="db"))
    assert said.startswith("tunnel: SSH_TUNNEL_TARGET names no SSH server in 'db'")
    assert len(said.splitlines()) == 1


def test_a_key_that_is_refused_is_told_with_what_to_do(
    start: Start, tmp_path: Path, server: SshServer
) -> None:
    private, public = make_key(tmp_path / "other")
    said = failure(start("true", SSH_TUNNEL_KEY=private))
    assert "does not accept SSH_TUNNEL_KEY" in said and "authorized_keys" in said
    assert " ".join(public.split()[:2]) in said
    assert private.splitlines()[-2] not in said


def test_a_key_with_a_passphrase_is_refused(start: Start, tmp_path: Path) -> None:
    private, _ = make_key(tmp_path / "locked", passphrase="a secret")
    assert "needs a passphrase" in failure(start("true", SSH_TUNNEL_KEY=private))


def test_a_host_key_that_is_another_is_told_with_both(
    start: Start, tmp_path: Path, server: SshServer
) -> None:
    _, other = make_key(tmp_path / "other")
    said = failure(start("true", SSH_TUNNEL_HOST_KEY=other))
    assert client.fingerprint(other) in said and client.fingerprint(server.host_key) in said
    assert "SSH_TUNNEL_HOST_KEY" in said and "/etc/ssh/ssh_host_ed25519_key.pub" in said
    # With both it opens, as while the server's key is being replaced.
    both = f"{other}\n{server.host_key}"
    assert start("true", SSH_TUNNEL_HOST_KEY=both).process.wait(30) == 0


def test_a_port_that_is_taken_is_told_with_its_owner(start: Start, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        said = failure(start("true"))
    assert f"SSH_TUNNEL_FORWARDS='{port}:" in said and f"(pid {os.getpid()})" in said


def test_a_forward_that_leads_nowhere_is_told_and_the_others_work(
    start: Start, server: SshServer, port: int
) -> None:
    dead, nowhere = free_ports(2)
    forwards = f"{dead}:127.0.0.1:{nowhere} {port}:127.0.0.1:{server.port}"
    tunnel = start(SSH_TUNNEL_FORWARDS=forwards)
    wait_until(lambda: greets(port), "the tunnel")
    assert not greets(dead)
    wait_until(lambda: "Connection refused" in tunnel.output(), "the warning")
    assert f"SSH_TUNNEL_FORWARDS='{forwards}'" in tunnel.output()
    for _ in range(3):  # of which nobody needs to read again
        assert not greets(dead)
    assert greets(port)
    assert tunnel.output().count("opened no connection") < 4


def test_a_server_that_allows_no_forwards_is_told(tmp_path: Path, port: int) -> None:
    with SshServer(tmp_path, "AllowTcpForwarding no") as server:
        tunnel = server.tunnel(f"{port}:127.0.0.1:{server.port}")
        wait_until(lambda: "leads to" in tunnel.output(), "the tunnel")
        assert not greets(port)
        wait_until(lambda: "AllowTcpForwarding" in tunnel.output(), "the warning")
        tunnel.stop()


def test_a_server_that_comes_late_ends_and_comes_back_is_waited_for(
    start: Start, server: SshServer, port: int
) -> None:
    server.program.stop()
    tunnel = start(sys.executable, "-c", COMMAND, str(port))
    wait_until(lambda: "Connection refused; trying again" in tunnel.output(), "a failure")
    assert "b'SSH-'" not in tunnel.output()
    for _ in range(2):
        server.program.start()
        wait_until(lambda: greets(port), "the tunnel")
        wait_until(lambda: "b'SSH-'" in tunnel.output(), "the command")
        server.program.signal_all(signal.SIGKILL)
        server.program.process.wait()
        wait_until(lambda: not greets(port), "the end of the tunnel")
    assert tunnel.output().count("b'SSH-'") == 1  # the command went on


def test_a_server_that_refuses_the_key_later_is_asked_again(
    start: Start, server: SshServer, port: int
) -> None:
    tunnel = start()
    wait_until(lambda: greets(port), "the tunnel")
    keys = server.folder / "authorized_keys"
    text = keys.read_text()
    keys.write_text("")
    try:
        for process in tunnel.processes() - {psutil.Process(tunnel.process.pid)}:
            process.kill()
        wait_until(lambda: "authorized_keys" in tunnel.output(), "the refusal")
    finally:
        keys.write_text(text)
    wait_until(lambda: greets(port), "the tunnel")


def test_nothing_is_left_after_kill_9_and_the_key_was_nowhere(
    start: Start, server: SshServer, port: int, tmp_path: Path
) -> None:
    folders = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    tunnel = start(sys.executable, "-c", COMMAND, str(port), **folders)
    wait_until(lambda: "b'SSH-'" in tunnel.output(), "the command")
    # The tunnel's own, that of ssh, and the command's. Only ssh's has a session of its own.
    processes = tunnel.processes()
    [ssh] = (process for process in processes if process.name() == "ssh")
    assert len(processes) == 3
    secret = server.key.splitlines()[1]
    assert not any(secret in " ".join(process.cmdline()) for process in processes)
    assert secret not in str(ssh.environ())
    assert not [file for file in ssh.open_files() if "key" in file.path.lower()]
    tunnel.process.kill()
    tunnel.process.wait()
    psutil.wait_procs(processes, timeout=30)
    assert not [process for process in processes if process.is_running()]
    assert not greets(port)
    assert not [*tmp_path.iterdir()]


def test_a_server_that_is_silent_is_given_up(
    server: SshServer, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leaderboard_project.ssh_values import parse_forwards, parse_target

    monkeypatch.setattr(client, "OPEN_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = parse_target(f"tunnel@127.0.0.1:{silent.getsockname()[1]}")
        forwards = parse_forwards(f"{port}:127.0.0.1:1")
        ssh = SshClient(target, server.key, [server.host_key], forwards)
        with pytest.raises(TunnelDown, match="it did not open within 0.5 s"):
            ssh.run(lambda: None)
