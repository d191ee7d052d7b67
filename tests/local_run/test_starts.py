"""What a start of script/server says, and the ports that it takes."""

import json
import os
import re
import socket
import subprocess
import uuid
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.e2e.viewers import Api, Viewer
from tests.local_run.copies import LOCAL_PORTS, SERVER, START_SECONDS, ProjectCopy, Terminal, live
from tests.support.programs import PROJECT, free_ports, is_ready, wait_until
from tests.support.servers import RethinkServer
from tests.support.ssh import SshServer, make_key

pytestmark = pytest.mark.processes


def test_a_start_warns_once_and_its_example_works(project: ProjectCopy) -> None:
    with live(project) as terminal:
        terminal.wait_for("takes requests", count=2)  # of two web processes
        lines = terminal.lines()
        warnings = [line for line in lines if "ALLOW_ANONYMOUS_WRITES" in line]
        assert len(warnings) == 1
        [example] = (line.removeprefix("→").strip() for line in lines if "curl" in line)
        done = subprocess.run(
            ["bash", "-c", example], capture_output=True, text=True, env=project.environment()
        )
        assert json.loads(done.stdout)["id"] == "demo", done
        assert example.replace(f":{project.port}/", ":7999/") in (PROJECT / "README.md").read_text()


def test_everything_is_at_one_address(project: ProjectCopy) -> None:
    board = f"board-{uuid.uuid4().hex[:12]}"
    with live(project):
        # Which was asked of one Pushpin. What is asked of the other right after its start may get
        # lost.
        wait_until(lambda: is_ready(project.ports[2]), "the Pushpin for WebSockets", START_SECONDS)
        api, path = Api(project.port), f"/boards/{board}/"
        assert api("POST", "/boards/", {"id": board, "name": "Demo"}).status == 201
        assert "<html" in api("GET", path, headers={"Accept": "text/html"}).text
        with (
            Viewer(project.port, path) as viewer,
            connect(
                f"ws://localhost:{project.port}{path}ws/", proxy=None, open_timeout=30
            ) as opened,
        ):
            assert json.loads(opened.recv(30))["data"]["players"] == []
            api("POST", f"{path}players/", {"id": "ann", "name": "Ann"})
            wait_until(lambda: viewer.events and viewer.events[-1].data["players"], "the stream")
            wait_until(lambda: json.loads(opened.recv(30))["data"].get("players"), "the WebSocket")


def test_commands_of_manage_py_do_not_warn(project: ProjectCopy) -> None:
    done = subprocess.run(
        [".venv/bin/python", "manage.py", "import_scores", "--help"],
        cwd=project.folder,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr


def test_an_old_env_without_ports_starts(project: ProjectCopy) -> None:
    env = project.folder / ".env"
    text = env.read_text()
    env.write_text(re.sub(r"^LOCAL_.*\n", "", text, flags=re.MULTILINE))
    ports = dict(zip(LOCAL_PORTS, map(str, project.ports), strict=False))
    try:
        with live(project, **ports):
            wait_until(project.is_live, "the service")
    finally:
        env.write_text(text)


def test_a_second_start_says_who_has_the_port(project: ProjectCopy) -> None:
    with live(project):
        second = run_server(project)
        assert second.returncode
        [name, pid] = re.findall(r"taken by (\S+) \(pid (\d+)\)", second.stderr)[0]
        assert int(pid) in {process.pid for process in project.processes()}
        assert name and f"port {project.port}," in second.stderr
        assert "LOCAL_HTTP_PORT" in second.stderr and "already runs" in second.stderr
        wait_until(project.is_live, "the service")


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_port_that_is_none_stops_the_start_with_one_line(port: str, project: ProjectCopy) -> None:
    done = run_server(project, LOCAL_WEB_PORT=port)
    assert done.returncode
    assert f"server: LOCAL_WEB_PORT='{port}' is no port" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_one_port_for_two_purposes_is_refused(project: ProjectCopy) -> None:
    [port] = free_ports(1)
    done = run_server(project, LOCAL_HTTP_PORT=str(port), LOCAL_WEB_PORT=str(port))
    assert done.returncode
    assert "LOCAL_HTTP_PORT" in done.stderr and "LOCAL_WEB_PORT" in done.stderr


def run_server(project: ProjectCopy, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SERVER],
        cwd=project.folder,
        env=project.environment(**variables),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )


def test_an_unknown_store_stops_the_start_with_one_line(project: ProjectCopy) -> None:
    done = run_server(project, DATABASE_URL="mysql://localhost/db")
    assert done.returncode
    assert done.stderr.startswith("server: DATABASE_URL has the unknown scheme")


def test_a_store_that_is_away_ends_the_run_with_its_message(project: ProjectCopy) -> None:
    [port] = free_ports(1)
    terminal = Terminal(project, SERVER, DATABASE_URL=f"rethinkdb://127.0.0.1:{port}/db")
    assert terminal.process.wait(START_SECONDS) == 1
    wait_until(lambda: terminal.lines()[-1].startswith("server: prepare ended"), "the last line")
    project.wait_for_end()
    terminal.close()


def test_a_store_behind_an_ssh_server_is_reached(
    project: ProjectCopy, rethinkdb_server: RethinkServer, tmp_path: Path
) -> None:
    [port] = free_ports(1)
    with SshServer(tmp_path) as server:
        variables = server.settings(f"{port}:127.0.0.1:{rethinkdb_server.port}")
        url = f"rethinkdb://127.0.0.1:{port}/local_run"
        with live(project, DATABASE_URL=url, **variables) as terminal:
            wait_until(project.is_live, "the service")
            terminal.type(b"\x03")
            project.wait_for_end()
        variables["SSH_TUNNEL_KEY"], _ = make_key(tmp_path / "other")
        refused = run_server(project, DATABASE_URL=url, **variables)
    assert "does not accept SSH_TUNNEL_KEY" in refused.stderr
    assert "server: prepare ended with status 1" in refused.stdout


def test_a_program_that_is_not_ours_is_named_too(project: ProjectCopy) -> None:
    with socket.create_server(("127.0.0.1", project.ports[1])):
        done = run_server(project)
    assert done.returncode
    assert f"(pid {os.getpid()})" in done.stderr
