"""Test what the benchmark prints and writes, and never how fast anything was."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE

import pytest

from bench import __main__ as main
from bench.delays import GIVE_UP_SECONDS
from bench.figure import Figure, at_most, compare, load, number, save
from bench.growth import figures
from bench.loads import Change
from bench.many_boards import seconds_until_shown
from bench.service import REDIS_VIEW, Options
from bench.tables import OTHERS, render_all
from tests.support.programs import PROJECT

NAMES = ["increments", "messages", "delays", "storm", "many_boards", "costs", "windows", "seasons"]
NAMES += ["publishing", "own_ranks", "parts"]


def has_figure(line: str, figure: Figure) -> bool:
    return f" {number(figure.value)} |" in line.replace("*", "") and "| SQLite |" in line


def run_bench(*arguments: str, seconds: float = 280) -> subprocess.CompletedProcess[str]:
    """Run the benchmark. It is told to end, with the programs that it began, if it takes longer, or
    if the test ends before."""
    command = [sys.executable, "-m", "bench", *arguments]
    with subprocess.Popen(command, cwd=PROJECT, stdout=PIPE, stderr=PIPE, text=True) as process:
        try:
            output, errors = process.communicate(timeout=seconds)
        except BaseException:
            process.terminate()
            raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


@pytest.mark.timeout(330)  # more than the program itself is given, for it runs beside other tests
def test_a_short_run_fills_the_table_and_its_file(tmp_path: Path) -> None:
    saved = tmp_path / "bench.json"
    short = ["--short", "--runs=1", "--store=sqlite", f"--save={saved}", f"--compare={saved}"]
    figures = [Figure("increments of one player", "sqlite", "/s", [1.0], [1.0])]
    save(figures, saved)
    result = run_bench(*NAMES, *short)
    assert result.returncode == 0, result.stderr
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
        assert first.ratio_to(first.baseline), "it stands beside its baseline"
        assert any(has_figure(line, first) for line in result.stdout.splitlines())
    assert OTHERS.title not in result.stdout, "every figure has its table"
    [added, *_] = (figure for figure in figures if figure.name.startswith("increments"))
    for name in ("article", REDIS_VIEW):
        assert added.ratio_to(added.comparisons[name]), f"it stands beside {name}"
    *_, posted = (figure for figure in figures if figure.name.startswith("POST to viewer"))
    for name in ("django-eventstream", REDIS_VIEW):
        assert posted.ratio_to(posted.comparisons[name]), f"it stands beside {name}"
    slowest = posted.comparisons[REDIS_VIEW][0]
    assert slowest < GIVE_UP_SECONDS * 1000, "each viewer was shown each change"
    assert "| figure | store | before | now | ratio |" in result.stdout
    assert f"delays, sqlite: 3 of {len(NAMES)}, after 0:0" in result.stderr
    assert "took 0:0" in result.stderr


def test_on_rethinkdb_a_hot_board_stands_beside_the_articles_listener(tmp_path: Path) -> None:
    saved = tmp_path / "bench.json"
    short = ["--short", "--runs=1", "--store=rethinkdb", f"--save={saved}"]
    result = run_bench("hot_board", *short)
    assert result.returncode == 0, result.stderr
    figures = {figure.name.partition(": ")[2]: figure for figure in load(saved)}
    article = "article's listener, RethinkDB"
    assert all(figure.comparisons[article] for figure in figures.values())
    assert figures["frames of the viewer with most"].comparisons[article][0] > 0, "it has published"


def test_a_quick_run_measures_all_but_what_its_help_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_out = ["costs", "memory", "publishing", "parts", "seasons", "monitoring"]
    measured = []

    def recorder(name: str) -> Callable[[Options], Iterator[Figure]]:
        def measure(options: Options) -> Iterator[Figure]:
            measured.append((name, options.store, options.pick("short", "quick", "full")))
            yield Figure("a", options.store, "s", [1.0])

        return measure

    monkeypatch.setattr(main, "BENCHES", {name: recorder(name) for name in main.BENCHES})
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # the tests' own stays
    arguments = ["bench", "--quick", "--store", "sqlite", f"--save={tmp_path / 'bench.json'}"]
    monkeypatch.setattr(sys, "argv", arguments)
    main.main()
    assert measured == [(n, "sqlite", "quick") for n in main.BENCHES if n not in left_out]
    assert ", ".join(left_out[:-1]) in " ".join(str(main.__doc__).split())


def test_an_unknown_benchmark_is_refused_with_those_that_there_are() -> None:
    result = run_bench("speed", seconds=60)
    assert result.returncode == 2
    assert "speed" in result.stderr and "increments" in result.stderr


@pytest.mark.parametrize(
    ("basis", "most", "reached"),
    [
        ("baseline", 1.2, True),
        ("baseline", 1.0, False),
        ("difference", 2, True),
        ("difference", 1, False),
        ("article", 0.6, True),
        ("article", 0.5, False),
        ("value", 12, True),
        ("value", 11, False),
    ],
)
def test_a_target_is_a_bound_of_what_it_names(basis: str, most: float, reached: bool) -> None:
    runs, baseline, others = [13, 12, 11], [10, 10, 10], {"article": [20, 20, 20]}
    targets = (at_most(most, basis),)
    figure = Figure("a", "sqlite", "ms", runs, baseline, others, targets)
    assert figure.reached is reached
    [text] = render_all([figure])
    assert ("**" in text) is not reached, "a missed target is bold"


def test_runs_are_compared_by_their_ratios_to_the_baseline() -> None:
    before = Figure("a", "sqlite", "/s", [50], [100])
    now = Figure("a", "sqlite", "/s", [30], [50])  # on a slower machine
    assert compare([now], [before]) == [["a", "SQLite", "0.5", "0.6", "1.20"]]


def test_what_grows_stands_beside_its_next_smaller_size() -> None:
    costs = {10: [1.0, 2.0], 100: [3.0, 4.0], 1000: [4.0, 5.0]}
    grown = list(figures("top of {} players", costs, "sqlite", article=costs))
    names = ["top of 10 players", "top of 100 players", "top of 1,000 players"]
    assert [figure.name for figure in grown] == names
    assert [figure.baseline for figure in grown] == [(), [1.0, 2.0], [3.0, 4.0]]
    assert [figure.comparisons["article"] for figure in grown] == list(costs.values())
    assert [figure.reached for figure in grown] == [None, False, True]


def test_a_change_is_carried_by_a_newer_one() -> None:
    received = [(1.0, 1), (5.0, 3)]
    changes = [Change(0, 1, 1.5), Change(0, 2, 2.0), Change(0, 3, 4.0), Change(0, 4, 6.0)]
    assert list(seconds_until_shown(received, changes)) == [0.0, 3.0, 1.0, float("inf")]
