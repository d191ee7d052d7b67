"""Slots of web processes: each counts in files of its own, and the next one goes on there."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from leaderboardapp import exporter, metrics
from leaderboardapp.domain.addresses import Address
from tests.support.programs import PROJECT

# Holds a slot until its input ends.
HOLDER = """
import pathlib, sys
from leaderboardapp.exporter import claim_slot
print(claim_slot(pathlib.Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""

pytestmark = pytest.mark.processes


class Holders:
    """Processes that have a slot in the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[str]] = []

    def start(self) -> int:
        """Start one more; return its slot."""
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(self.folder)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        assert process.stdout
        return int(process.stdout.readline())

    def kill(self, index: int) -> None:
        """Kill one with -9."""
        process = self.processes.pop(index)
        process.kill()
        with process:
            pass


@pytest.fixture
def holders(tmp_path: Path) -> Iterator[Holders]:
    holders = Holders(tmp_path / "metrics")
    yield holders
    while holders.processes:
        holders.kill(0)


def test_a_slot_is_one_processs_until_it_is_killed(holders: Holders) -> None:
    assert [holders.start(), holders.start()] == [0, 1]
    counted = holders.folder / "counter_0.db"
    counted.write_bytes(b"counted")
    holders.kill(0)
    assert holders.start() == 0
    assert counted.read_bytes() == b"counted", "the next one goes on"


def test_the_first_of_all_begins_with_new_files_that_have_no_holes(holders: Holders) -> None:
    assert holders.start() == 0
    counted = holders.folder / "counter_0.db"
    counted.write_bytes(b"counted")
    (holders.folder / "gauge_7.db").write_bytes(b"of an earlier version")
    holders.kill(0)
    assert holders.start() == 0
    assert {path.name for path in holders.folder.glob("*.db")} == {
        "counter_0.db",
        "histogram_0.db",
    }
    assert counted.read_bytes() == bytes(exporter.SLOT_BYTES)
    assert counted.stat().st_blocks * 512 >= exporter.SLOT_BYTES


def test_a_folder_that_cannot_be_used_stops_the_start_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    address = Address("127.0.0.1", 9101)
    with (
        override_settings(METRICS_WEB=address, METRICS_FOLDER=tmp_path / "file"),
        pytest.raises(ImproperlyConfigured) as refused,
    ):
        exporter.export_together("METRICS_WEB")
    message = str(refused.value)
    for text in ("METRICS_WEB=127.0.0.1:9101", str(tmp_path / "file" / "9101"), "unset"):
        assert text in message
    assert len(message.splitlines()) == 1
    assert not metrics.are_on()


def test_an_address_of_ipv6_is_written_in_brackets() -> None:
    assert str(Address("::1", 9101)) == "[::1]:9101"
