"""What script/pushpin says of variables that it cannot use. It starts no Pushpin then."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import PROJECT

pytestmark = pytest.mark.processes


def refuse(folder: Path, **variables: str) -> str:
    """Return what is said of the variables."""
    grip_url = f"tcp://localhost:1?iss=x&key=base64:{'a' * 44}"
    run = subprocess.run(
        [sys.executable, "script/pushpin"],
        cwd=PROJECT,
        env={**os.environ, "GRIP_URL": grip_url, "PUSHPIN_RUN_DIR": str(folder), **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 1
    return run.stderr


@pytest.mark.parametrize("address", ["localhost:9104", "[::1]:9104", "9104", "127.0.0.1", "a:b"])
def test_pushpin_shows_its_metrics_to_nobody_by_accident(tmp_path: Path, address: str) -> None:
    """It takes whatever is no IPv4 address in numbers for all addresses of the machine."""
    said = refuse(tmp_path, METRICS_PUSHPIN=address)
    assert f"METRICS_PUSHPIN has the entry {address!r}" in said


@pytest.mark.parametrize("port", ["x", "0", "65536"])
def test_a_port_that_is_none_stops_the_start(tmp_path: Path, port: str) -> None:
    said = refuse(tmp_path, LOCAL_WEB_PORT=port)
    assert said == f"LOCAL_WEB_PORT={port!r} is no port: set it to a number from 1 to 65535.\n"


def test_a_folder_that_cannot_be_used_is_named() -> None:
    said = refuse(Path("/dev/null"))  # its path is short, as temporary ones need not be
    assert said.startswith("/dev/null/pushpin cannot be used")
    assert "Set PUSHPIN_RUN_DIR to another folder." in said


@pytest.mark.parametrize("letter", ["x", "\u00e4"])
def test_a_folder_whose_sockets_would_have_too_long_paths_is_named(
    tmp_path: Path, letter: str
) -> None:
    """In bytes, of which a letter may be several."""
    said = refuse(tmp_path / (letter * (80 // len(letter.encode()))))
    assert "too long a path for Pushpin's sockets. Set PUSHPIN_RUN_DIR to a folder" in said
