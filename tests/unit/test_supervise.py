"""The retry loop: what it calls, how long it rests, and what it logs."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from leaderboardapp.concurrency import supervise as module
from leaderboardapp.concurrency.supervise import CALM_SECONDS, REPEAT_SECONDS, supervise


class Expected(Exception):
    """A failure that the loop expects."""


class World:
    """Work that does what a list says, on a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.rests, self.failures = 0.0, list[float](), list[Exception]()
        self.stop_after, self.most_pause = 100, float("inf")
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(module, "backoff", lambda failures: 1.0 + failures)

    def run(self, *steps: float | Exception | None | tuple[float, Exception]) -> None:
        """Each step is what `work` returns or raises, after so many seconds if it is a pair."""
        coming: Iterator[float | Exception | None | tuple[float, Exception]] = iter(steps)

        def work() -> float | None:
            step = next(coming)
            if isinstance(step, tuple):
                self.now += step[0]
                raise step[1]
            if isinstance(step, Exception):
                raise step
            return step

        supervise(
            "the work",
            work,
            self.wait,
            (Expected,),
            self.failures.append,
            most_pause=self.most_pause,
        )

    def wait(self, seconds: float) -> bool:
        self.rests.append(seconds)
        return len(self.rests) > self.stop_after


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_it_rests_as_long_as_the_work_says_and_ends_when_it_says_none(world: World) -> None:
    world.run(0.5, 0.0, None)
    assert world.rests == [0.0, 0.5, 0.0]


def test_it_ends_when_the_wait_says_so(world: World) -> None:
    world.stop_after = 2
    world.run(0.1, 0.2, 0.3, 0.4)
    assert world.rests == [0.0, 0.1, 0.2]


def test_failures_in_a_row_rest_longer_and_longer(world: World) -> None:
    world.run(Expected("a"), Expected("b"), Expected("c"), None)
    assert world.rests == [0.0, 1.0, 2.0, 3.0]
    assert [str(error) for error in world.failures] == ["a", "b", "c"]


def test_failures_in_a_row_rest_no_longer_than_the_most(world: World) -> None:
    world.most_pause = 1.5
    world.run(Expected("a"), Expected("b"), Expected("c"), None)
    assert world.rests == [0.0, 1.0, 1.5, 1.5]


def test_a_success_ends_the_row(world: World) -> None:
    world.run(Expected("a"), Expected("b"), 0.0, Expected("c"), None)
    assert world.rests == [0.0, 1.0, 2.0, 0.0, 1.0]


def test_work_that_went_on_for_long_begins_a_new_row(world: World) -> None:
    world.run(Expected("a"), Expected("b"), (CALM_SECONDS, Expected("c")), None)
    assert world.rests == [0.0, 1.0, 2.0, 1.0]


def test_expected_failures_are_a_line_and_others_have_a_traceback(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.run(Expected("away"), KeyError("odd"), Expected(), None)
    expected, odd, nameless = caplog.records
    assert expected.getMessage() == "the work: away; trying again in 1.0 s"
    assert not expected.exc_info
    assert odd.exc_info and odd.exc_info[0] is KeyError
    assert "Expected; trying again" in nameless.getMessage()


def test_an_expected_failure_that_goes_on_is_logged_once_and_then_rarely(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    short = CALM_SECONDS / 2
    same, other = (short, Expected("a")), (short, Expected("b"))
    world.run(*[same] * 10, other, other, 0.0, Expected("a"), None)
    assert 4 * short == REPEAT_SECONDS
    said = [record.getMessage().split(";")[0][-1] for record in caplog.records]
    assert said == ["a", "a", "a", "b", "a"]


def test_each_unexpected_failure_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.run(KeyError("a"), KeyError("b"), None)
    assert len(caplog.records) == 2


def test_a_failure_that_is_not_to_be_retried_is_raised(world: World) -> None:
    def fail() -> float | None:
        raise KeyError("odd")

    with pytest.raises(KeyError):
        supervise(
            "the work", fail, world.wait, (Expected,), world.failures.append, retry_on=Expected
        )
    assert world.failures == []


def test_what_is_no_failure_passes(world: World) -> None:
    def interrupted() -> float | None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        supervise("the work", interrupted, world.wait)
    assert world.failures == []
