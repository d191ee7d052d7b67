"""When streams end whose token expires, and who closes them."""

import logging
import threading
import time
from collections.abc import Iterable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.listener import stream_closer
from leaderboardapp.listener.stream_closer import (
    REPEAT_SECONDS,
    StreamCloser,
    close_expired_streams,
)
from leaderboardapp.realtime import expiry
from leaderboardapp.realtime.expiry import (
    DAY_SECONDS,
    JITTER_SECONDS,
    MAX_HOLD_SECONDS,
    MAX_LATE_SECONDS,
    STEP_SECONDS,
    choose_end,
    end_channel,
    list_end_channels,
)
from leaderboardapp.realtime.proxy_client import ProxyClient, ProxyUnavailable, Publication
from leaderboardapp.web.tickets import CLOCK_DIFFERENCE_SECONDS
from tests.support.grip import read_item
from tests.support.programs import wait_until

NOW = 1_795_900_000.0
times = st.floats(NOW, NOW + 3 * DAY_SECONDS)


def test_a_stream_ends_when_its_token_is_refused_and_not_all_at_once() -> None:
    exp = int(time.time()) + 600
    ends = [choose_end(exp) for _ in range(1000)]
    assert min(ends) >= exp + CLOCK_DIFFERENCE_SECONDS
    assert max(ends) <= exp + CLOCK_DIFFERENCE_SECONDS + JITTER_SECONDS
    by_second: dict[int, int] = {}
    for end in ends:
        by_second[int(end)] = by_second.get(int(end), 0) + 1
    assert max(by_second.values()) < 150, "of a thousand"
    assert len({end_channel(end) for end in ends}) >= JITTER_SECONDS // STEP_SECONDS


@pytest.mark.parametrize("exp", [0, 10**6, pytest.param(time.time() - 9, id="now"), 2**63, 10**30])
def test_a_stream_ends_after_now_and_within_the_day(exp: float) -> None:
    now = time.time()
    assert now <= choose_end(int(exp)) <= now + MAX_HOLD_SECONDS + JITTER_SECONDS + 1


@given(end=times, gap=st.floats(0.1, MAX_LATE_SECONDS / 2))
def test_each_end_is_published_once_it_is_over_and_never_before(end: float, gap: float) -> None:
    """With rests of any length between two looks."""
    before, after = end - gap, end + STEP_SECONDS
    assert end_channel(end) not in list_end_channels(before, end)
    assert end_channel(end) in list_end_channels(before, after)
    assert end_channel(end) in [*list_end_channels(before, end), *list_end_channels(end, after)]


@given(now=times, exp=st.integers(0, 3 * DAY_SECONDS))
def test_what_is_held_now_is_not_closed_by_what_is_past(now: float, exp: int) -> None:
    held = now + min(exp, MAX_HOLD_SECONDS) + JITTER_SECONDS
    assert end_channel(held) not in list_end_channels(0, now)


@given(until=times)
def test_what_was_missed_long_ago_is_bounded(until: float) -> None:
    channels = list(list_end_channels(0, until))
    assert len(channels) in (MAX_LATE_SECONDS // STEP_SECONDS, MAX_LATE_SECONDS // STEP_SECONDS + 1)
    assert len(set(channels)) == len(channels)
    assert len(channels) * 450 < 900_000, "bytes of one request to the proxy"


class Proxy:
    def __init__(self, uri: str) -> None:
        self.uri, self.is_away = uri, False
        self.items: list[Any] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def publish(self, items: Iterable[Publication]) -> None:
        new = [read_item(item.json) for item in items]
        self.may_answer.wait()
        if self.is_away:
            raise ProxyUnavailable("tcp://proxy", "away")
        self.items = new

    def check(self) -> None: ...

    def channels(self) -> set[str]:
        return {item["channel"] for item in self.items}


@pytest.fixture
def proxy() -> Proxy:
    return Proxy("a")


@pytest.fixture
def closer(proxy: Proxy) -> StreamCloser:
    return StreamCloser(proxy)  # type: ignore[arg-type]


def test_each_channel_is_told_why_and_then_closed(proxy: Proxy, closer: StreamCloser) -> None:
    closer.run_once()
    first, second = proxy.items[:2]
    assert first["channel"] == second["channel"]
    assert first["http-stream"] == {"content": "event: token expired\ndata: {}\n\n"}
    assert "ws-message" not in first
    assert second["http-stream"] == {"action": "close"}
    closing = {"action": "close", "code": 4401, "reason": "the token has expired"}
    assert second["ws-message"] == closing


def test_a_new_listener_closes_what_was_missed_and_then_only_what_is_new(
    proxy: Proxy, closer: StreamCloser
) -> None:
    now = time.time()
    closer.run_once()
    assert end_channel(now - MAX_LATE_SECONDS + 2 * STEP_SECONDS) in proxy.channels()
    assert closer.run_once() <= STEP_SECONDS
    # Each again for a while: the stream may not have been held yet.
    assert end_channel(now - REPEAT_SECONDS + STEP_SECONDS) in proxy.channels()
    assert end_channel(now - 2 * REPEAT_SECONDS) not in proxy.channels()


def test_a_proxy_that_was_away_is_told_later(
    proxy: Proxy, closer: StreamCloser, caplog: pytest.LogCaptureFixture
) -> None:
    now = time.time()
    closer.close_expired(now)
    proxy.is_away = True
    with caplog.at_level(logging.WARNING):
        for late in range(0, 600, STEP_SECONDS):
            closer.close_expired(now + late)
    assert len(caplog.records) == 1, "not each time"
    end = now + 60
    assert end_channel(end) not in proxy.channels()
    proxy.is_away = False
    closer.close_expired(now + 600)
    assert end_channel(end) in proxy.channels()


def test_nothing_is_said_of_a_proxy_that_does_not_answer_at_the_start(
    proxy: Proxy, closer: StreamCloser, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.is_away = True
    closer.close_expired(time.time())
    assert not caplog.records


def test_a_proxy_that_hangs_delays_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    proxies = [Proxy("a"), Proxy("b"), Proxy("c")]
    monkeypatch.setattr(stream_closer, "STEP_SECONDS", 0.01)
    hanging, other = proxies[:2], proxies[2]
    for proxy in hanging:
        proxy.may_answer.clear()
    with close_expired_streams(cast(list[ProxyClient], proxies)):
        try:
            for _ in range(3):
                other.items = []
                wait_until(lambda: other.items, "the other proxy")
            assert not any(proxy.items for proxy in hanging)
        finally:
            for proxy in hanging:
                proxy.may_answer.set()
        wait_until(lambda: all(proxy.items for proxy in proxies), "all proxies")


@given(now=times)
def test_ends_are_published_as_soon_as_their_step_is_over(now: float) -> None:
    """So no stream ends more than 35 seconds after its token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: now)
        closer = StreamCloser(Proxy("a"))  # type: ignore[arg-type]
        closer.closed_until = now
        rest = closer.run_once()
    end_of_step = (now // STEP_SECONDS + 1) * STEP_SECONDS
    assert rest > 0 and now + rest == pytest.approx(end_of_step, abs=0.001)
    assert CLOCK_DIFFERENCE_SECONDS + JITTER_SECONDS + STEP_SECONDS == 35, "as the documents say"


def test_the_day_is_made_of_whole_steps() -> None:
    assert DAY_SECONDS % STEP_SECONDS == 0
    assert expiry.STEPS * STEP_SECONDS == DAY_SECONDS
