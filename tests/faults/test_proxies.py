"""Of three Pushpins one is killed, another stands still: each viewer is right, or is so again.

They are published to over ZeroMQ.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.e2e.viewers import Api
from tests.faults.conftest import Recovered
from tests.faults.load import EventSource, Writers, bounded_memory, make_board
from tests.support.programs import wait_until
from tests.support.stack import Stack

BACK_SECONDS = 8.0  # four until it is found dead, one until it is connected to, and some time


@pytest.fixture
def stack(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    with Stack(new_database("sqlite"), tmp_path_factory.mktemp("stack"), pushpins=3) as stack:
        yield stack


def test_a_proxy_that_dies_or_stands_still_harms_no_other_and_catches_up(
    stack: Stack, board_id: str, recovered: Recovered
) -> None:
    api = Api(stack.port)
    board = make_board(api, board_id)
    _, killed, frozen = (program for program, port in stack.ports if port in stack.pushpin_ports)
    with ExitStack() as opened:
        opened.enter_context(bounded_memory(stack))
        viewers = [
            opened.enter_context(EventSource(port, board, patience=10))
            for port in stack.pushpin_ports
        ]
        with Writers(api, board, ["alice", "bob"]) as writers:
            writers.go_on()
            killed.signal_all(signal.SIGKILL)
            frozen.signal_all(signal.SIGSTOP)
            killed.process.wait()
            stopped_until = time.monotonic() + BACK_SECONDS
            while time.monotonic() < stopped_until:
                total = writers.total()
                wait_until(lambda: shown(viewers[0]) >= total, "it to go on", 2)  # noqa: B023
            killed.start()
            frozen.signal_all(signal.SIGCONT)
            began = time.monotonic()
            total = writers.total()
            wait_until(lambda: shown(viewers[2]) >= total, "it to be back", BACK_SECONDS)
            recovered(time.monotonic() - began)
        total = writers.total()
        wait_until(lambda: {shown(viewer) for viewer in viewers} == {total}, "all to be right")
        assert api("GET", board).json == viewers[0].snapshot
    assert viewers[0].connects == viewers[2].connects == 1
    assert viewers[1].connects == 2 and not any(viewer.gave_up for viewer in viewers)


def shown(viewer: EventSource) -> int:
    """Return the sum of the scores that the viewer was shown last."""
    return sum(viewer.scores().values())
