import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import PROJECT

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("address", ["localhost:9104", "[::1]:9104", "9104", "127.0.0.1", "a:b"])
def test_pushpin_shows_its_metrics_to_nobody_by_accident(tmp_path: Path, address: str) -> None:
    """It takes whatever is no IPv4 address in numbers for all addresses of the machine."""
    key = f"base64:{'a' * 44}"
    env = {"GRIP_URL": f"tcp://localhost:1?iss=x&key={key}", "METRICS_PUSHPIN": address}
    run = subprocess.run(
        [sys.executable, "script/pushpin"],
        cwd=PROJECT,
        env={**os.environ, **env, "PUSHPIN_RUN_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 1
    assert f"METRICS_PUSHPIN has the entry {address!r}" in run.stderr
