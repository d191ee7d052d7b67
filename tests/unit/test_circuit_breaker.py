"""While a server is away, one question at a time finds out whether it is back."""

import threading
import time

import pytest

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.stores.circuit_breaker import OPEN_SECONDS, CircuitBreaker, Unreachable

ANSWER_SECONDS = 5.0


@pytest.fixture
def away() -> CircuitBreaker:
    """It has just been found away, and may be asked again."""
    breaker = CircuitBreaker("The server", ANSWER_SECONDS)
    with pytest.raises(Unreachable), breaker.guard():
        raise Unreachable("no answer")
    time.sleep(OPEN_SECONDS)
    return breaker


@pytest.mark.parametrize("error", [Unreachable, OutcomeUnknown])
def test_whoever_asks_next_is_told_at_once(error: type[Exception]) -> None:
    breaker = CircuitBreaker("The server", ANSWER_SECONDS)
    with pytest.raises(error), breaker.guard():
        raise error("no answer")
    with pytest.raises(StoreUnavailable, match="The server did not answer just now"):
        breaker.check()
    with pytest.raises(StoreUnavailable, match="just now"), breaker.guard():
        pytest.fail("it is not asked")


def test_one_asks_and_others_do_not_wait(breaker: CircuitBreaker) -> None:
    refused: list[bool] = []

    def other() -> None:
        with pytest.raises(StoreUnavailable):
            breaker.check()
        refused.append(True)

    with breaker.guard():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert refused
    breaker.check()


@pytest.mark.parametrize("error", [KeyError, StoreUnavailable])
def test_an_answer_that_is_a_refusal_is_an_answer(
    breaker: CircuitBreaker, error: type[Exception]
) -> None:
    with pytest.raises(error), breaker.guard():
        raise error
    breaker.check()


def test_a_question_may_consist_of_questions(breaker: CircuitBreaker) -> None:
    with breaker.guard():
        with breaker.guard():
            pass
        with breaker.guard():
            pass
    breaker.check()


def test_a_part_that_is_not_answered_counts_for_the_whole(breaker: CircuitBreaker) -> None:
    with pytest.raises(Unreachable), breaker.guard(), breaker.guard():
        raise Unreachable("no answer")
    with pytest.raises(StoreUnavailable):
        breaker.check()
