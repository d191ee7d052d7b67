"""Waiting for RethinkDB's messages in a busy process."""

import asyncio
import time

import pytest

from leaderboardapp.stores.rethinkdb.message_stream import finish


async def take_steps(steps: int) -> str:
    """Work in a loop that comes late to each step."""
    for _ in range(steps):
        await asyncio.sleep(0)
        time.sleep(0.1)
    return "done"


def test_an_answer_that_is_there_is_not_late_because_the_process_is_busy() -> None:
    assert asyncio.run(finish(take_steps(5), 0.2)) == "done"


def test_no_answer_is_an_error_in_the_end() -> None:
    with pytest.raises(TimeoutError):
        asyncio.run(finish(asyncio.sleep(60), 0.2))
