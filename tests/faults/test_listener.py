"""The listener is killed or stopped.

Afterwards acknowledged increments = the store's score, and every viewer shows the store's state.
"""

import itertools
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from leaderboardapp.domain.parts import Parts
from leaderboardapp.listener.lease import VALID_SECONDS
from tests.e2e.viewers import Api
from tests.faults.conftest import Load, Recovered
from tests.faults.load import (
    EventSource,
    Writers,
    assert_right,
    count_parts,
    make_board,
)
from tests.support.programs import START_SECONDS, Program, wait_until
from tests.support.stack import Stack

TAKEOVER_SECONDS = 5.0
LEASE_LOST = "the lease is lost"


@pytest.fixture
def board_id(board_id: str) -> str:
    """A board in the first part, which the listener has that began first."""
    ids = (f"{board_id}-{number}" for number in itertools.count())
    return next(filter(Parts(16, frozenset({0})).have, ids))


@contextmanager
def second_listener(stack: Stack) -> Iterator[Program]:
    """Another listener, which has half of the parts."""
    program = stack.program("second", [*stack.listener.command])
    try:
        both = (stack.listener, program)
        wait_until(lambda: [*map(count_parts, both)] == [8, 8], "equal shares", START_SECONDS)
        yield program
    finally:
        program.signal_all(signal.SIGCONT)
        program.stop()


def has_begun(listener: Program) -> bool:
    """Return whether the listener has said that it waits for parts, or has some."""
    return "standing by" in listener.output() or count_parts(listener) > 0


def test_a_killed_listener_that_is_started_again_catches_up(
    stack: Stack, api: Api, board_id: str, recovered: Recovered
) -> None:
    board = make_board(api, board_id)
    with EventSource(stack.port, board) as viewer:
        with Writers(api, board, ["alice", "bob"]) as writers:
            writers.go_on()
            stack.listener.signal_all(signal.SIGKILL)
            writers.go_on()
        stack.listener.process.wait()
        stack.listener.start()  # and it finds the changes made meanwhile by itself
        wait_until(lambda: has_begun(stack.listener), "its start", START_SECONDS)
        started = time.monotonic()
        assert_right(api, board, writers, viewer, recovery=TAKEOVER_SECONDS)
        recovered(time.monotonic() - started)
        assert viewer.connects == 1


def test_deletions_while_no_listener_runs_reach_viewers(
    stack: Stack, api: Api, board_id: str, recovered: Recovered
) -> None:
    board = make_board(api, board_id)
    gone = make_board(api, f"{board_id}-gone")
    with EventSource(stack.port, board) as viewer, EventSource(stack.port, gone) as viewer_of_gone:
        stack.listener.stop()
        api("DELETE", f"{board}players/bob/")
        api("DELETE", gone)
        stack.listener.start()
        started = time.monotonic()
        wait_until(lambda: viewer.scores() == {"alice": 0}, "the deleted player to go")
        wait_until(lambda: viewer_of_gone.gave_up == 404, "the stream of the deleted board to end")
        recovered(time.monotonic() - started)


def test_another_listener_takes_over_from_a_killed_one_within_five_seconds(
    stack: Stack, under_load: Load
) -> None:
    with second_listener(stack) as second, under_load(stack) as writers:
        stack.listener.signal_all(signal.SIGKILL)
        writers.mark()
        wait_until(lambda: count_parts(second) == 16, "the takeover", TAKEOVER_SECONDS)


def test_a_listener_that_was_stopped_for_a_while_steps_down_and_is_given_its_share_again(
    stack: Stack, under_load: Load
) -> None:
    with second_listener(stack) as second, under_load(stack) as writers:
        stack.listener.signal_all(signal.SIGSTOP)
        writers.mark()
        wait_until(lambda: count_parts(second) == 16, "the takeover")
        writers.go_on()
        lost = stack.listener.output().count(LEASE_LOST)
        stack.listener.signal_all(signal.SIGCONT)
        # Not that it has no parts: it may be given some before anybody looks.
        wait_until(lambda: stack.listener.output().count(LEASE_LOST) > lost, "it to step down")
        both = (stack.listener, second)
        wait_until(lambda: [*map(count_parts, both)] == [8, 8], "equal shares")


def test_a_listener_alone_that_was_stopped_goes_on(stack: Stack, under_load: Load) -> None:
    with under_load(stack, recovery=1) as writers:
        stack.listener.signal_all(signal.SIGSTOP)
        time.sleep(VALID_SECONDS + 0.5)  # longer than its lease is valid
        stack.listener.signal_all(signal.SIGCONT)
        writers.mark()
