"""Notifications: what is read of a message, and how batches are paced."""

from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from pika import BasicProperties

from leaderboardapp.rabbitmq.consumer import INVALID, Message
from leaderboardapp.rabbitmq.notification_routes import parse
from leaderboardapp.rabbitmq.notifications import (
    PACED_BYTES,
    Notification,
    paced_batches,
    read_notifications,
)

ITEMS = st.lists(
    st.builds(
        lambda channel, size: Notification(channel, b"x" * size),
        st.sampled_from("abc"),
        st.integers(1, PACED_BYTES + 10),
    ),
    max_size=20,
)


@given(ITEMS)
def test_a_paced_batch_has_what_fits_of_each_channel_in_order(items: list[Notification]) -> None:
    named = dict(enumerate(items))
    batches = list(paced_batches(named))
    for channel in "abc":
        order = [name for batch in batches for name in batch if named[name].channel == channel]
        assert order == [name for name, item in named.items() if item.channel == channel]
        for batch in batches:
            sizes = [len(named[name].item) for name in batch if named[name].channel == channel]
            assert sum(sizes) <= PACED_BYTES or len(sizes) == 1
    assert all(batches)


@override_settings(AMQP_ROUTES=[parse("#=/events/all/")])
def test_a_body_of_any_depth_is_shown_or_rejected() -> None:
    refused = 0
    for depth in range(800, 1100):
        message = Message(1, "a", BasicProperties(), b"[" * depth + b"]" * depth)
        try:
            assert len(list(read_notifications(message, {}))) == 1
            assert not refused, "a less deep one was refused"
        except INVALID:
            refused += 1
    assert refused
