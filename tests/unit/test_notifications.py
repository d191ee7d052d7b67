from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from pika import BasicProperties

from leaderboardapp.rabbitmq.consumer import Message
from leaderboardapp.rabbitmq.notifications import (
    ROUND_BYTES,
    Notification,
    paced_batches,
    read_notification,
)
from leaderboardapp.rabbitmq.routes import parse
from leaderboardapp.web.problems import Problem

ITEMS = st.lists(
    st.builds(
        lambda channel, size: Notification(channel, b"x" * size),
        st.sampled_from("abc"),
        st.integers(1, ROUND_BYTES + 10),
    ),
    max_size=20,
)


@given(ITEMS)
def test_a_round_has_of_each_channel_what_fits_in_its_order(items: list[Notification]) -> None:
    named = dict(enumerate(items))
    found = list(paced_batches(named))
    for channel in "abc":
        shown = [name for some in found for name in some if named[name].channel == channel]
        assert shown == [name for name, item in named.items() if item.channel == channel]
        for some in found:
            sizes = [len(named[name].item) for name in some if named[name].channel == channel]
            assert sum(sizes) <= ROUND_BYTES or len(sizes) == 1
    assert all(found)


@override_settings(AMQP_ROUTES=[parse("#=/events/all/")])
def test_however_deep_a_body_is_it_is_shown_or_refused() -> None:
    refused = 0
    for depth in range(800, 1100):
        message = Message(1, "a", BasicProperties(), b"[" * depth + b"]" * depth)
        try:
            assert len(list(read_notification(message, {}))) == 1
            assert not refused, "a less deep one was refused"
        except Problem:
            refused += 1
    assert refused
