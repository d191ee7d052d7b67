"""The systemd units, as systemd itself reads them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.programs import PROJECT

UNITS = sorted((PROJECT / "deploy/systemd").glob("*.service"))
MOST_EXPOSURE = 20  # of 100, by systemd's own count; 96 is a unit without any hardening

has_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="there is no systemd for this system"
)
needs_each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)


def analyze(unit: Path, folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Return what systemd says of the unit, as if the project stood where the unit has it."""
    copy = folder / unit.name
    copy.write_text(unit.read_text().replace("/opt/leaderboard", str(PROJECT)))
    return subprocess.run(
        ["systemd-analyze", *command, copy], capture_output=True, text=True, timeout=60
    )


@has_systemd
@pytest.mark.processes
@needs_each_unit
def test_systemd_understands_all_of_it(unit: Path, tmp_path: Path) -> None:
    done = analyze(unit, tmp_path, "verify", "--man=no")
    assert (done.returncode, done.stderr) == (0, "")


@has_systemd
@pytest.mark.processes
@needs_each_unit
def test_it_may_do_little_beyond_its_work(unit: Path, tmp_path: Path) -> None:
    threshold = f"--threshold={MOST_EXPOSURE}"
    done = analyze(unit, tmp_path, "security", "--offline=true", "--no-pager", threshold)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_each_unit
def test_it_is_started_again_and_is_no_root(unit: Path) -> None:
    lines = unit.read_text().splitlines()
    assert {"Restart=always", "User=leaderboard", "WantedBy=multi-user.target"} <= set(lines)
    assert any(line.startswith("LimitNOFILE=") for line in lines)


def test_units_run_the_processes_of_the_procfile_both_pushpins_and_the_tunnel() -> None:
    procfile = dict(re.findall(r"^(\w+): (.+)$", (PROJECT / "Procfile").read_text(), re.M))
    del procfile["release"]  # that is a command of each release
    expected = {
        **procfile,
        "tunnel": "python -m ssh_tunnel",
        "pushpin": "python script/pushpin --port=127.0.0.1:7999",
        "websockets": "python script/pushpin --websockets --port=127.0.0.1:7998",
    }
    run = {
        unit.stem.removeprefix("leaderboard-"): command
        for unit in UNITS
        for command in re.findall(
            r"^ExecStart=/opt/leaderboard/\.venv/bin/(.+)$", unit.read_text(), re.M
        )
    }
    assert run == expected
