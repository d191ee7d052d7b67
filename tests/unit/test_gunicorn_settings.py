"""Where gunicorn listens: on loopback, unless it is told otherwise."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.support.programs import PROJECT, program_environment


def read_bind(**variables: str) -> object:
    with patch.dict(os.environ, variables, clear=True):
        return runpy.run_path(str(PROJECT / "gunicorn.conf.py"))["bind"]


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({}, "127.0.0.1:8000"),
        ({"PORT": "5000"}, "127.0.0.1:5000"),
        ({"PORT": "", "WEB_HOST": ""}, "127.0.0.1:8000"),
        ({"PORT": "5000", "WEB_HOST": "0.0.0.0"}, "0.0.0.0:5000"),
        ({"WEB_HOST": "[::]"}, "[::]:8000"),
    ],
)
def test_it_listens_on_loopback_unless_told(variables: dict[str, str], address: str) -> None:
    assert read_bind(**variables) == address


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1", "5000 "])
def test_a_port_that_is_none_stops_the_start(port: str) -> None:
    with pytest.raises(SystemExit, match=f"PORT='{port}' is no port: set it to a number"):
        read_bind(PORT=port)


@pytest.mark.parametrize("host", ["::", "0.0.0.0:5000", "[::]:5000"])
def test_a_host_that_is_none_stops_the_start(host: str) -> None:
    with pytest.raises(SystemExit, match="is no address: PORT has the port"):
        read_bind(WEB_HOST=host)


def test_no_web_process_at_all_stops_the_start() -> None:
    with pytest.raises(SystemExit, match="WEB_CONCURRENCY='0' starts no web process"):
        read_bind(WEB_CONCURRENCY="0")


@pytest.mark.processes
def test_gunicorn_itself_takes_port_for_loopback_only() -> None:
    gunicorn = Path(sys.executable).with_name("gunicorn")
    done = subprocess.run(
        [gunicorn, "--print-config", "leaderboard_project.wsgi"],
        cwd=PROJECT,
        env=program_environment({"PORT": "5123"}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    [line] = [line for line in done.stdout.splitlines() if line.startswith("bind ")]
    assert line.split("=")[1].strip() == "['127.0.0.1:5123']"
