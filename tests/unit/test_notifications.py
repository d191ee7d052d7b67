"""Notifications: what is read of a message, and how batches are paced."""

import json

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from pika import BasicProperties

from leaderboardapp.rabbitmq.consumer import INVALID, Message
from leaderboardapp.rabbitmq.notification_routes import parse
from leaderboardapp.rabbitmq.notifications import (
    PACED_BYTES,
    paced_batches,
    read_notifications,
)
from leaderboardapp.realtime.proxy_client import Publication

ITEMS = st.lists(
    st.builds(
        lambda channel, size: Publication(channel, b"x" * size),
        st.sampled_from("abc"),
        st.integers(1, PACED_BYTES + 10),
    ),
    max_size=20,
)


@given(ITEMS)
def test_a_paced_batch_has_what_fits_of_each_channel_in_order(items: list[Publication]) -> None:
    named = dict(enumerate(items))
    batches = list(paced_batches(named))
    for channel in "abc":
        order = [name for batch in batches for name in batch if named[name].channel == channel]
        assert order == [name for name, item in named.items() if item.channel == channel]
        for batch in batches:
            sizes = [len(named[name].json) for name in batch if named[name].channel == channel]
            assert sum(sizes) <= PACED_BYTES or len(sizes) == 1
    assert all(batches)


@override_settings(AMQP_ROUTES=[parse("#=/events/all/")])
@pytest.mark.parametrize(
    "body",
    [
        b"0.9999999999999999999",
        b'{"price": 1e400, "tax": [1e-400, 4503599627370497.3]}',
        b'{"many": 123456789012345678901234567890}',
        rb'"\u00e9 \ud83c\udfc6"',
    ],
)
def test_a_body_is_shown_as_it_was_sent(body: bytes) -> None:
    message = Message(1, "a", BasicProperties(), body)
    [notification] = read_notifications(message, {})
    formats = json.loads(notification.json)["formats"]
    data = b'{"id":null,"key":"a","data":%s}' % body
    stream, message_text = formats["http-stream"]["content"], formats["ws-message"]["content"]
    assert stream == f"event: notification\ndata: {data.decode()}\n\n"
    assert message_text == f'{{"event":"notification","data":{data.decode()}}}'


@override_settings(AMQP_ROUTES=[parse("#=/boards/demo/")])
def test_a_notification_for_viewers_of_a_board_names_the_board() -> None:
    message = Message(1, "a", BasicProperties(), b"1")
    [notification] = read_notifications(message, {"demo": "board-demo"})
    content = json.loads(notification.json)["formats"]["http-stream"]["content"]
    data = {"id": None, "key": "a", "board": "demo", "data": 1}
    assert json.loads(content.partition("data: ")[2]) == data


@override_settings(AMQP_ROUTES=[parse("#=/events/all/")])
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_body_of_many_lines_is_shown_in_one(end: str) -> None:
    body = f'{{{end}  "a":{end}[1,{end} 2]}}{end}'.encode()
    [notification] = read_notifications(Message(1, "a", BasicProperties(), body), {})
    event = json.loads(notification.json)["formats"]["http-stream"]["content"]
    assert len(event.splitlines()) == 3, "the event's name, its data and an empty line"
    data = event.splitlines()[1].removeprefix("data: ")
    assert json.loads(data) == {"id": None, "key": "a", "data": {"a": [1, 2]}}


@override_settings(AMQP_ROUTES=[parse("#=/events/all/")])
@pytest.mark.parametrize(
    "body", [b"", b"NaN", b"\xff", b'{"a": 1, "a": 2}', b'"a\nb"', rb'"\ud800"']
)
def test_a_body_that_is_no_json_or_no_text_is_not_shown(body: bytes) -> None:
    with pytest.raises(INVALID):
        list(read_notifications(Message(1, "a", BasicProperties(), body), {}))


@override_settings(AMQP_ROUTES=[parse("#=/events/all/")])
def test_a_body_of_any_depth_is_shown_or_rejected() -> None:
    refused = 0
    for depth in (*range(800, 1100), 100_000):  # from 3.12 on Python itself takes more
        message = Message(1, "a", BasicProperties(), b"[" * depth + b"]" * depth)
        try:
            assert len(list(read_notifications(message, {}))) == 1
            assert not refused, "a less deep one was refused"
        except INVALID:
            refused += 1
    assert refused
