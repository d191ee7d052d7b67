"""While a server is away, one question at a time finds out whether it is back."""

import threading
import time

import pytest

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.stores.circuit_breaker import AWAY_SECONDS, Away, Unreachable

ANSWER_SECONDS = 5.0


@pytest.fixture
def away() -> Away:
    """It has just been found away, and may be asked again."""
    away = Away("The server", ANSWER_SECONDS)
    with pytest.raises(Unreachable), away.asking():
        raise Unreachable("no answer")
    time.sleep(AWAY_SECONDS)
    return away


@pytest.mark.parametrize("error", [Unreachable, OutcomeUnknown])
def test_whoever_asks_next_is_told_at_once(error: type[Exception]) -> None:
    away = Away("The server", ANSWER_SECONDS)
    with pytest.raises(error), away.asking():
        raise error("no answer")
    with pytest.raises(StoreUnavailable, match="The server did not answer just now"):
        away.check()
    with pytest.raises(StoreUnavailable, match="just now"), away.asking():
        pytest.fail("it is not asked")


def test_one_asks_and_others_do_not_wait(away: Away) -> None:
    refused: list[bool] = []

    def other() -> None:
        with pytest.raises(StoreUnavailable):
            away.check()
        refused.append(True)

    with away.asking():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert refused
    away.check()


@pytest.mark.parametrize("error", [KeyError, StoreUnavailable])
def test_an_answer_that_is_a_refusal_is_an_answer(away: Away, error: type[Exception]) -> None:
    with pytest.raises(error), away.asking():
        raise error
    away.check()


def test_a_question_may_consist_of_questions(away: Away) -> None:
    with away.asking():
        with away.asking():
            pass
        with away.asking():
            pass
    away.check()


def test_a_part_that_is_not_answered_counts_for_the_whole(away: Away) -> None:
    with pytest.raises(Unreachable), away.asking(), away.asking():
        raise Unreachable("no answer")
    with pytest.raises(StoreUnavailable):
        away.check()
