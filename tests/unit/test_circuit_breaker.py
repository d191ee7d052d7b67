"""While a server is unreachable, one query at a time probes whether it is back."""

import threading
import time

import pytest

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.stores.circuit_breaker import (
    OPEN_SECONDS,
    CircuitBreaker,
    NoAnswer,
    Unreachable,
)

ANSWER_SECONDS = 5.0


@pytest.fixture
def breaker() -> CircuitBreaker:
    """A breaker that has opened, and lets the next query probe the server."""
    breaker = CircuitBreaker("The server", ANSWER_SECONDS)
    with pytest.raises(Unreachable), breaker.guard():
        raise Unreachable("no answer")
    time.sleep(OPEN_SECONDS)
    return breaker


@pytest.mark.parametrize("error", [Unreachable, NoAnswer])
def test_after_a_failure_the_next_query_fails_at_once(error: type[Exception]) -> None:
    breaker = CircuitBreaker("The server", ANSWER_SECONDS)
    with pytest.raises(error), breaker.guard():
        raise error("no answer")
    with pytest.raises(StoreUnavailable, match="The server did not answer just now"):
        breaker.check()
    with pytest.raises(StoreUnavailable, match="just now"), breaker.guard():
        pytest.fail("the query is not run")


def test_one_query_probes_and_others_do_not_wait(breaker: CircuitBreaker) -> None:
    refused: list[bool] = []

    def check() -> None:
        with pytest.raises(StoreUnavailable):
            breaker.check()
        refused.append(True)

    with breaker.guard():
        thread = threading.Thread(target=check)
        thread.start()
        thread.join()
    assert refused
    breaker.check()


@pytest.mark.parametrize("error", [KeyError, StoreUnavailable, OutcomeUnknown])
def test_a_refusal_is_an_answer(breaker: CircuitBreaker, error: type[Exception]) -> None:
    with pytest.raises(error), breaker.guard():
        raise error
    breaker.check()


def test_guards_may_be_nested(breaker: CircuitBreaker) -> None:
    with breaker.guard():
        with breaker.guard():
            pass
        with breaker.guard():
            pass
    breaker.check()


def test_a_failure_in_a_nested_guard_opens_the_breaker(breaker: CircuitBreaker) -> None:
    with pytest.raises(Unreachable), breaker.guard(), breaker.guard():
        raise Unreachable("no answer")
    with pytest.raises(StoreUnavailable):
        breaker.check()
