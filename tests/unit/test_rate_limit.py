"""The limiter: one caller's writes over time, and all processes of a machine on one file."""

import functools
import math
import os
import runpy
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.domain.fields import MAX_BULK_ROWS
from leaderboardapp.web import rate_limit
from leaderboardapp.web.rate_limit import SECOND, SLOTS, Limiter, get_limiter
from tests.support.programs import PROJECT

NOW = 1_800_000_000 * SECOND
BIG_RATE = 2000.0
WSGI = str(PROJECT / "leaderboard_project" / "wsgi.py")
TAKE_ALL = """
import sys
from pathlib import Path
from leaderboardapp.web.rate_limit import Limiter
limiter = Limiter(Path(sys.argv[1]), float(sys.argv[2]), "secret", lambda: int(sys.argv[3]))
print("ready", flush=True)
sys.stdin.readline()
print(sum(not limiter.take("alice") for _ in range(2 * limiter.burst)))
"""


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


@contextmanager
def open_limiter(
    rate: float, clock: Clock, path: Path, secret: str = "secret"
) -> Iterator[Limiter]:
    limiter = Limiter(path, rate, secret, clock)
    try:
        yield limiter
    finally:
        limiter.close()


@contextmanager
def new_limiter(rate: float, clock: Clock) -> Iterator[Limiter]:
    with (
        TemporaryDirectory() as folder,
        open_limiter(rate, clock, Path(folder) / "limits") as limiter,
    ):
        yield limiter


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "limits"


def count_passed(limiter: Limiter, caller: str, tries: int) -> int:
    return sum(not limiter.take(caller) for _ in range(tries))


rates = st.floats(0.001, 10_000)
# Pauses around what matters at these rates, and how many writes a request makes.
requests = st.lists(
    st.tuples(st.floats(0, 25), st.sampled_from([1, 1, 1, 2, 30, MAX_BULK_ROWS])), max_size=60
)


@given(rates, requests)
def test_no_more_pass_than_the_burst_and_the_rate_allow(
    rate: float, requests: list[tuple[float, int]]
) -> None:
    clock = Clock()
    done: list[tuple[int, int]] = []  # when, and how many writes
    with new_limiter(rate, clock) as limiter:
        for pause, writes in requests:
            clock.now += int(pause * SECOND)
            wait = limiter.take("alice", writes)
            if wait:  # back at the first moment: nobody gets more than who does so
                clock.now += round(wait * SECOND)
                wait = limiter.take("alice", writes)
            if not wait:
                done.append((clock.now, writes))
    burst = max(1, int(rate * 10))
    for first, (began, _) in enumerate(done):
        before = 0
        for now, writes in done[first:]:
            # A request of many passes on its first write, and those after it wait for all. A float
            # tells an interval such as 1/rate to within less than 1 ns.
            assert before + 1 <= burst + Fraction(rate) * (now - began + 1) / SECOND
            before += writes


@given(rates, requests)
def test_a_caller_passes_after_the_wait_and_not_before(
    rate: float, requests: list[tuple[float, int]]
) -> None:
    clock = Clock()
    with new_limiter(rate, clock) as limiter:
        for pause, writes in requests:
            clock.now += int(pause * SECOND)
            wait = limiter.take("alice", writes)
            if wait:
                free_at = clock.now + round(wait * SECOND)
                clock.now = free_at - 1
                assert limiter.take("alice", writes)
                clock.now = free_at
                assert not limiter.take("alice", writes)


@given(rates)
def test_a_caller_at_the_rate_always_passes(rate: float) -> None:
    clock = Clock()
    with new_limiter(rate, clock) as limiter:
        for _ in range(50):
            assert not limiter.take("alice")
            clock.now += math.ceil(SECOND / rate)


@pytest.mark.parametrize(("rate", "burst"), [(10, 100), (3, 30), (0.25, 2), (0.1, 1), (0.001, 1)])
def test_the_burst_is_ten_seconds_of_writes_and_at_least_one(
    clock: Clock, path: Path, rate: float, burst: int
) -> None:
    with open_limiter(rate, clock, path) as limiter:
        assert count_passed(limiter, "alice", burst + 5) == burst
        assert count_passed(limiter, "bob", burst + 5) == burst


@pytest.mark.processes
def test_processes_share_one_file(path: Path) -> None:
    command = [sys.executable, "-c", TAKE_ALL, str(path), str(BIG_RATE), str(NOW)]
    programs = [
        subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for program in programs:
        assert program.stdout and program.stdout.readline() == "ready\n"
    for program in programs:
        assert program.stdin
        program.stdin.write("go\n")
        program.stdin.flush()
    counts = [int(program.communicate(timeout=60)[0]) for program in programs]
    assert sum(counts) == BIG_RATE * 10, counts


def test_threads_share_a_limiter(clock: Clock, path: Path, request: pytest.FixtureRequest) -> None:
    request.addfinalizer(functools.partial(sys.setswitchinterval, sys.getswitchinterval()))
    sys.setswitchinterval(1e-6)
    counts: list[int] = []
    with open_limiter(BIG_RATE, clock, path) as limiter:
        threads = [
            threading.Thread(target=lambda: counts.append(count_passed(limiter, "alice", 8000)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(counts) == limiter.burst


def test_the_clock_is_one_that_goes_on_over_a_restart_of_the_machine(path: Path) -> None:
    limiter = Limiter(path, 1, "secret")
    assert abs(limiter.clock() - time.time() * SECOND) < 10 * SECOND
    limiter.close()


def test_a_new_process_continues_from_the_file(clock: Clock, path: Path) -> None:
    with open_limiter(1, clock, path) as before:
        before.take("alice", 100)
    with open_limiter(1, clock, path) as after:
        assert after.take("alice") == 91
        clock.now += 91 * SECOND
        assert not after.take("alice")


@pytest.mark.parametrize("days", [-20_000, -1, 1, 400])
def test_an_old_file_under_another_clock_keeps_nobody_waiting(
    clock: Clock, path: Path, days: int
) -> None:
    callers = [f"caller {number}" for number in range(200)]
    with open_limiter(0.1, clock, path) as before:
        for caller in callers:
            before.take(caller, MAX_BULK_ROWS)
    clock.now += days * 86_400 * SECOND
    with open_limiter(0.1, clock, path) as after:
        for caller in callers:
            assert count_passed(after, caller, 2) == after.burst == 1


def test_callers_of_one_set_do_not_pay_for_each_other(
    clock: Clock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "SETS", 1)
    callers = [f"caller {number}" for number in range(SLOTS)]
    with open_limiter(1, clock, path) as one_set:
        for caller in callers:
            assert count_passed(one_set, caller, 15) == 10
        for caller in callers:
            assert one_set.take(caller) == 1


def test_a_caller_too_many_evicts_the_one_who_is_free_the_soonest(
    clock: Clock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "SETS", 1)
    callers = [f"caller {number}" for number in range(SLOTS)]
    with open_limiter(1, clock, path) as one_set:
        for number, caller in enumerate(callers):
            one_set.take(caller, 5 if number == 3 else 20)
        assert count_passed(one_set, "one too many", 15) == 10
        assert [one_set.take(caller) > 0 for caller in callers[:3] + callers[4:]] == [True] * 7
        assert not one_set.take(callers[3])


def test_a_clock_that_was_wrong_leaves_no_slot_taken(
    clock: Clock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "SETS", 1)
    with open_limiter(1, clock, path) as one_set:
        clock.now += 40_000 * 86_400 * SECOND
        for number in range(SLOTS):
            one_set.take(f"old {number}")
        clock.now = NOW
        for number in range(SLOTS):
            assert count_passed(one_set, f"caller {number}", 15) == 10
        for number in range(SLOTS):
            assert one_set.take(f"caller {number}")


def test_the_file_neither_grows_nor_says_who_the_callers_are(clock: Clock, path: Path) -> None:
    with open_limiter(1, clock, path) as limiter:
        size = path.stat().st_size
        assert size <= path.stat().st_blocks * 512, "a hole would need room on the disk later"
        for number in range(1000):
            limiter.take(f"caller {number}")
        assert path.stat().st_size == size == 2**20
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"caller" not in path.read_bytes()
    with open_limiter(1, clock, path, secret="another") as limiter:
        assert count_passed(limiter, "caller 1", 15) == 10, (
            "with another key, it is not to be found"
        )


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    for unusable in (tmp_path, Path(os.devnull, "limits"), Path(os.devnull)):
        get_limiter.cache_clear()
        with override_settings(WRITE_RATE=5.0, LIMITS_FILE=unusable):
            for start in (get_limiter, lambda: runpy.run_path(WSGI)):
                with pytest.raises(ImproperlyConfigured) as raised:
                    start()
                for text in ("WRITE_RATE=5", str(unusable), "unset WRITE_RATE"):
                    assert text in str(raised.value)
    get_limiter.cache_clear()
    assert get_limiter() is None
