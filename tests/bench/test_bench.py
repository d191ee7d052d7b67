"""That the benchmark works: what it prints and writes, and never how fast anything was."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.figure import Figure, compared, load, row, save
from bench.growth import figures
from bench.loads import Change
from bench.many_boards import until_shown
from tests.support.programs import PROJECT

NAMES = ["increments", "messages", "delays", "storm", "many_boards", "costs"]


@pytest.mark.timeout(330)  # more than the program itself is given, for it runs beside other tests
def test_a_short_run_fills_the_table_and_its_file(tmp_path: Path) -> None:
    saved = tmp_path / "bench.json"
    short = ["--short", "--runs=1", "--store=sqlite", f"--save={saved}", f"--compare={saved}"]
    figures = [Figure("increments of one player", "sqlite", "/s", [1.0], [1.0])]
    save(figures, saved)
    command = [sys.executable, "-m", "bench", *NAMES, *short]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    figures = load(saved)
    assert all(figure.value >= 0 and figure.store == "sqlite" for figure in figures)
    for name in (
        "increments of one",
        "messages with scores",
        "change to viewer",
        "storm of 100",
        "10 boards",
    ):
        [first, *_] = (figure for figure in figures if figure.name.startswith(name))
        assert first.ratio_to(first.limit), "it stands beside its limit"
        assert f"| {first.name} | sqlite |" in done.stdout
    [posted, *_] = (figure for figure in figures if figure.name.startswith("POST to viewer"))
    assert posted.ratio_to(posted.peer), "it stands beside its peer"
    assert "| figure | store | before | now | ratio |" in done.stdout


def test_on_rethinkdb_a_hot_board_stands_beside_the_articles_listener(tmp_path: Path) -> None:
    saved = tmp_path / "bench.json"
    short = ["hot_board", "--short", "--runs=1", "--store=rethinkdb", f"--save={saved}"]
    command = [sys.executable, "-m", "bench", *short]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    figures = {figure.name.partition(": ")[2]: figure for figure in load(saved)}
    assert all(figure.peer for figure in figures.values())
    assert figures["frames of the viewer with most"].peer[0] > 0, "it has published"


def test_an_unknown_benchmark_is_refused_with_those_that_there_are() -> None:
    command = [sys.executable, "-m", "bench", "speed"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "speed" in done.stderr and "increments" in done.stderr


@pytest.mark.parametrize(
    ("marked", "at_most", "reached"),
    [
        ("ratio", 1.2, True),
        ("ratio", 1.0, False),
        ("difference", 2, True),
        ("difference", 1, False),
        ("peer", 0.6, True),
        ("peer", 0.5, False),
        ("value", 12, True),
        ("value", 11, False),
    ],
)
def test_a_mark_is_of_what_it_says(marked: str, at_most: float, reached: bool) -> None:
    runs, limit, peer = [13, 12, 11], [10, 10, 10], [20, 20, 20]
    figure = Figure("a", "sqlite", "ms", runs, limit, peer, marked=marked, at_most=at_most)
    assert figure.reached is reached
    assert row(figure)[-1] == ("reached" if reached else "missed")


def test_runs_are_compared_by_their_ratios_to_the_limit() -> None:
    before = Figure("a", "sqlite", "/s", [50], [100])
    now = Figure("a", "sqlite", "/s", [30], [50])  # on a slower machine
    assert compared([now], [before]) == [["a", "sqlite", "0.5", "0.6", "1.20"]]


def test_what_grows_stands_beside_its_next_smaller_size() -> None:
    costs = {10: [1.0, 2.0], 100: [3.0, 4.0], 1000: [4.0, 5.0]}
    found = list(figures("top of {} players", costs, "sqlite", peer=costs))
    names = ["top of 10 players", "top of 100 players", "top of 1,000 players"]
    assert [figure.name for figure in found] == names
    assert [figure.limit for figure in found] == [(), [1.0, 2.0], [3.0, 4.0]]
    assert [figure.peer for figure in found] == list(costs.values())
    assert [figure.reached for figure in found] == [None, False, True]


def test_a_change_is_carried_by_a_newer_one() -> None:
    shown = [(1.0, 1), (5.0, 3)]
    changes = [Change(0, 1, 1.5), Change(0, 2, 2.0), Change(0, 3, 4.0), Change(0, 4, 6.0)]
    assert list(until_shown(shown, changes)) == [0.0, 3.0, 1.0, float("inf")]
