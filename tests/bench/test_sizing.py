"""Test the calculation of what a load needs."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.costs import LISTENER, PARTS, PROXY, STORE, WEB, name_of
from bench.figure import Figure, save
from bench.sizing import (
    PROXY_CORES,
    PROXY_VIEWERS,
    USED,
    Load,
    OperationCosts,
    cores_by_part,
    count_proxies,
    predictions,
)
from tests.support.programs import PROJECT

FIGURES = [
    Figure(name_of(operation, part), "rethinkdb", "ms", [1.0])
    for operation, parts in PARTS.items()
    for part in parts
]
COST = OperationCosts(FIGURES, "rethinkdb")
sizes = st.floats(1, 1e6)


def test_each_part_has_the_operations_that_it_takes_part_in() -> None:
    # 50 boards change twice a second each, so their 20 viewers each are sent 2,000 frames.
    load = Load(viewers=1000, boards=50, increments=100, polls=300, connects=10)
    cores = cores_by_part(load, COST, proxies=2)
    assert cores[WEB] == pytest.approx(0.001 * (300 + 100 + 10))
    assert cores[STORE] == pytest.approx(0.001 * (300 + 100 + 10 + 100))
    held = 2 * (1 - math.exp(-10))  # of two Pushpins, those that hold viewers of a board
    assert cores[LISTENER] == pytest.approx(0.001 * 100 * held)
    assert cores[PROXY] == pytest.approx(0.001 * (100 * held + 10 + 300 + 100 + 2000) / 2)


def test_a_pushpin_is_published_only_boards_that_it_holds_viewers_of() -> None:
    load = Load(viewers=1e6, boards=1e5, increments=1e5, polls=0, connects=0)
    assert load.holders(10_000) == pytest.approx(10, rel=0.001)
    assert replace(load, by_board=True).holders(10_000) == pytest.approx(1, rel=0.001)
    unwatched = Load(viewers=10, boards=1000, increments=1000, polls=0, connects=0)
    assert unwatched.holders(3) == pytest.approx(0.01, rel=0.01)


def test_a_hot_board_is_published_no_oftener_than_the_interval_allows() -> None:
    load = Load(viewers=1000, boards=1, increments=5000, polls=0, connects=0)
    assert (load.snapshots, load.frames) == (10, 10_000)


def test_a_board_that_changes_seldom_is_published_twice() -> None:
    load = Load(viewers=1000, boards=1000, increments=100, polls=0, connects=0)
    assert load.snapshots == pytest.approx(200)


@given(sizes, sizes, sizes, sizes, st.floats(1, 10))
def test_more_of_everything_never_needs_less(
    viewers: float, boards: float, increments: float, polls: float, times: float
) -> None:
    less = Load(viewers, boards, increments, polls, viewers / 60)
    more = replace(
        less,
        viewers=viewers * times,
        boards=boards * times,
        increments=increments * times,
        polls=polls * times,
        connects=viewers / 60 * times,
    )
    assert count_proxies(less, COST) <= count_proxies(more, COST)
    for part, used in cores_by_part(less, COST).items():
        assert used <= cores_by_part(more, COST)[part] * 1.000001


@given(sizes, sizes, sizes)
def test_no_pushpin_has_more_than_it_can_carry(
    viewers: float, boards: float, increments: float
) -> None:
    load = Load(viewers, boards, increments, 0, viewers / 60)
    proxies = count_proxies(load, COST)
    assert cores_by_part(load, COST, proxies)[PROXY] <= USED * PROXY_CORES
    assert viewers / proxies <= PROXY_VIEWERS


def test_predictions_stand_beside_what_was_measured() -> None:
    measured = Figure("polls, 10 players", "rethinkdb", "/s", [500.0])
    [row] = predictions([*FIGURES, measured])
    assert row == ("polls, 10 players", "RethinkDB", "1,000", "500", "2.00")


def test_it_prints_a_table(tmp_path: Path) -> None:
    saved = tmp_path / "figures.json"
    save(FIGURES, saved)
    command = [sys.executable, "-m", "bench.sizing", f"--figures={saved}", "--store=rethinkdb"]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    for part in (WEB, PROXY, LISTENER, STORE):
        assert f"| {part} |" in result.stdout
