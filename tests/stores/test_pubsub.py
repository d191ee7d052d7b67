"""Publish and subscribe (leaderboardapp.pubsub), on each store."""

import gc
import itertools
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.conf import settings

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.pubsub import SLOW, Exchange, Message, Queue, reql
from leaderboardapp.pubsub.exchange import PUBLISHED_AT_ONCE
from leaderboardapp.pubsub.hub import get_hub
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.rethinkdb.message_stream import RethinkMessageStream
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from leaderboardapp.stores.sql.sqlite.feed import SqliteMessageStream
from leaderboardapp.stores.streams import EncodedMessage
from tests.support.programs import PROJECT, wait_until
from tests.support.store import store_at

FORKING = """
import django; django.setup()
import os
from leaderboardapp.pubsub import FORKED, Exchange

exchange = Exchange({exchange!r})
exchange.topic("both").publish("first")
with exchange.queue("both") as queue, exchange.queue("parent") as answers:
    child = os.fork()
    if not child:
        with exchange.queue("child") as own:
            exchange.topic("parent").publish("ready")
            print(next(own.subscribe()).payload, flush=True)
        events = queue.subscribe()
        assert next(events) == FORKED
        exchange.topic("parent").publish("ready again")
        print("child:", next(events).payload, flush=True)
        os._exit(0)
    messages = answers.subscribe()
    assert next(messages).payload == "ready"
    exchange.topic("child").publish("hello")
    assert next(messages).payload == "ready again"
    exchange.topic("both").publish("to both")
    assert os.waitpid(child, 0)[1] == 0
    print("parent:", next(queue.subscribe()).payload)
"""
TOPICS: list[Any] = ["a.b", "a.c", ["x"], ["x", "y"], {"a": {"b": 1}, "c": "d"}, {"a": {"b": 2}}]


@pytest.fixture
def exchange(store: Store, board_id: str) -> Exchange:
    return Exchange(board_id)


def take(queue: Queue, count: int) -> list[Any]:
    """Return the next messages."""
    return list(itertools.islice(queue.subscribe(), count))


@pytest.mark.parametrize(
    ("wanted", "passed"),
    [
        (None, TOPICS),
        (r"^a\.", ["a.b", "a.c"]),
        (r"c$", ["a.c"]),
        ({"x"}, [["x"], ["x", "y"]]),
        (["y", "x"], [["x", "y"]]),
        ({"a": {"b": 1}}, [TOPICS[4]]),
        ({"a": {"b": None}}, TOPICS[4:]),
        ({"a": {}}, TOPICS[4:]),
        ({"a": {}, "c": None}, [TOPICS[4]]),
        (lambda topic: "x" in topic or topic == "a.c", ["a.c", ["x"], ["x", "y"]]),
    ],
)
def test_a_subscriber_gets_messages_that_pass_its_filter(
    exchange: Exchange, wanted: Any, passed: list[Any]
) -> None:
    with exchange.queue(wanted) as queue:
        for topic in TOPICS:
            exchange.topic(topic).publish({"of": topic})
        received = take(queue, len(passed))
    # Only messages of the same topic have an order.
    assert sorted(received, key=str) == sorted(
        (Message(topic, {"of": topic}) for topic in passed), key=str
    )


@pytest.mark.parametrize("together", [False, True])
def test_messages_of_a_topic_come_in_order_and_equal_ones_repeatedly(
    exchange: Exchange, together: bool
) -> None:
    payloads = [1, 1, {"a": None}, "é\0\ud800", 2**70, [1.5], None, "z" * 90_000, 1]
    payloads += range(PUBLISHED_AT_ONCE)
    topic = exchange.topic("topic")
    with exchange.queue("topic") as queue:
        for batch in [payloads] if together else ([payload] for payload in payloads):
            topic.publish(*batch)
        assert [event.payload for event in take(queue, len(payloads))] == payloads


def test_tags_and_keys_have_no_order(exchange: Exchange) -> None:
    with exchange.queue() as queue:
        exchange.topic(["b", "a", "b"]).publish(1)
        exchange.topic(["a", "b"]).publish(2)
        assert take(queue, 2) == [Message(["a", "b"], 1), Message(["a", "b"], 2)]
    with exchange.queue() as queue:
        exchange.topic({"b": 1, "a": 2}).publish(1)
        exchange.topic({"a": 2, "b": 1}).publish(2)
        assert [payload for _, payload in take(queue, 2)] == [1, 2]


def test_exchanges_are_separate(exchange: Exchange) -> None:
    with exchange.queue() as queue:
        Exchange(f"{exchange.name}-2").topic("t").publish("another's")
        exchange.topic("t").publish("its own")
        assert take(queue, 1) == [Message("t", "its own")]


def test_messages_published_before_the_subscription_are_not_delivered(exchange: Exchange) -> None:
    exchange.topic("t").publish("before")
    with exchange.queue() as queue:
        exchange.topic("t").publish("after")
        assert take(queue, 1) == [Message("t", "after")]


def test_concurrent_publishers_lose_no_message(exchange: Exchange, store: Store) -> None:
    def publish(number: int) -> None:
        for count in range(50):
            exchange.topic("shared").publish([number, count])
        store.close()

    with exchange.queue("shared") as queue:
        threads = [threading.Thread(target=publish, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        received = [payload for _, payload in take(queue, 400)]
        for thread in threads:
            thread.join()
    for number in range(8):
        assert [count for publisher, count in received if publisher == number] == list(range(50))


def test_a_slow_subscriber_loses_its_oldest_messages_and_others_lose_none(
    exchange: Exchange,
) -> None:
    with exchange.queue(limit=10) as slow, exchange.queue(limit=100) as fast:
        for number in range(30):
            exchange.topic("t").publish(number)
        assert [payload for _, payload in take(fast, 30)] == list(range(30))
        assert take(slow, 11) == [SLOW, *(Message("t", number) for number in range(20, 30))]


def test_each_subscriber_gets_its_own_copy(exchange: Exchange) -> None:
    with exchange.queue() as one, exchange.queue() as other:
        exchange.topic({"a": 1}).publish([])
        [(topic, payload)] = take(one, 1)
        topic["a"] = 2
        payload.append(1)
        assert take(other, 1) == [Message({"a": 1}, [])]


@pytest.mark.parametrize("end", ["leave", "close", "collect"])
def test_a_subscription_ends(exchange: Exchange, end: str) -> None:
    queue = exchange.queue()
    if end == "leave":
        with queue:
            exchange.topic("t").publish(1)
            for _ in queue.subscribe():
                break
    elif end == "close":
        loop = threading.Thread(target=lambda: list(queue.subscribe()))
        loop.start()
        wait_until(lambda: queue.inbox and queue.inbox.is_live, "the subscription")
        queue.close()
        loop.join(5)
        assert not loop.is_alive()
    else:
        queue.__enter__()
        del queue
        gc.collect()
    wait_until(lambda: not get_hub().inboxes, "its end")


def test_a_queue_may_be_subscribed_again(exchange: Exchange) -> None:
    queue = exchange.queue()
    for number in range(2):
        with queue:
            exchange.topic("t").publish(number)
            assert take(queue, 1) == [Message("t", number)]


def test_a_predicate_that_fails_ends_its_own_loop_only(exchange: Exchange) -> None:
    with exchange.queue(lambda topic: bool(1 / 0)) as bad, exchange.queue() as good:
        exchange.topic("t").publish(1)
        with pytest.raises(ZeroDivisionError):
            take(bad, 1)
        assert take(good, 1) == [Message("t", 1)]


@pytest.mark.processes
def test_a_forked_process_publishes_and_subscribes_for_itself(
    exchange: Exchange, store: Store
) -> None:
    program = FORKING.format(exchange=exchange.name)
    ours = {"DATABASE_URL": settings.DATABASE_URL, "ALLOW_ANONYMOUS_WRITES": "0"}
    # From Python 3.12 on, Python warns of any fork beside a thread, as the subscribers have.
    python = [sys.executable, "-W", "ignore:This process (pid=:DeprecationWarning"]
    done = subprocess.run(
        [*python, "-c", program],
        cwd=PROJECT,
        env={**os.environ, **ours},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == ["hello", "child: to both", "parent: to both"]
    assert done.stderr == ""


def test_a_queue_closed_before_its_loop_ends_the_loop(exchange: Exchange) -> None:
    with exchange.queue() as queue:
        queue.close()
        assert list(queue.subscribe()) == []


def test_closing_an_old_loop_ends_no_other(exchange: Exchange) -> None:
    queue = exchange.queue()
    with queue:
        exchange.topic("t").publish(1)
        first = queue.subscribe()
        next(first)
    with queue:
        first.close()
        exchange.topic("t").publish(2)
        assert take(queue, 1) == [Message("t", 2)]


def test_unsubscribing_loses_no_message_of_other_subscribers(exchange: Exchange) -> None:
    with exchange.queue("^t$") as queue:
        for number in range(3):
            with exchange.queue(f"another {number}") as leaving:
                exchange.topic(f"another {number}").publish(0)
                assert len(take(leaving, 1)) == 1
            exchange.topic("t").publish(number)
        assert take(queue, 3) == [Message("t", number) for number in range(3)]


def test_a_refused_queue_is_garbage_collected(
    exchange: Exchange, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise StoreUnavailable("unreachable")

    monkeypatch.setattr(store, "open_message_stream", fail)
    queue = exchange.queue()
    with pytest.raises(StoreUnavailable, match="unreachable"):
        queue.__enter__()
    reference = weakref.ref(queue)
    del queue
    gc.collect()
    assert reference() is None


@pytest.mark.stores("sqlite")
def test_a_loop_that_could_not_begin_may_begin_later(
    exchange: Exchange, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise StoreUnavailable("unreachable")

    queue = exchange.queue()
    with monkeypatch.context() as patch, pytest.raises(StoreUnavailable):
        patch.setattr(store, "open_message_stream", fail)
        take(queue, 1)
    received: list[Any] = []
    loop = threading.Thread(target=lambda: received.extend(take(queue, 1)))
    loop.start()
    wait_until(lambda: queue.inbox and queue.inbox.is_live, "the subscription")
    exchange.topic("t").publish(1)
    loop.join(5)
    assert received == [Message("t", 1)]


@pytest.mark.stores("sqlite")
def test_a_filter_that_is_refused_after_a_reconnect_ends_its_loop_with_the_reason(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_connection(*_: object) -> None:
        raise StoreUnavailable("lost")

    def refuse(*_: object) -> None:
        raise ValueError("of another version")

    with exchange.queue() as queue:
        monkeypatch.setattr(SqliteMessageStream, "subscribe", refuse)
        monkeypatch.setattr(SqliteMessageStream, "poll", lose_connection)
        with pytest.raises(ValueError, match="of another version"):
            take(queue, 1)


@pytest.mark.stores("sqlite", "postgresql")
def test_functions_of_reql_are_refused_with_the_filters_that_this_store_has(store: Store) -> None:
    with pytest.raises(ValueError, match="sql.*://.* a regular expression .* and a predicate"):
        reql(lambda topic: topic.match("a"))


def test_changes_skipped_by_the_server_are_announced(rethinkdb_url: str) -> None:
    async def feed() -> AsyncIterator[dict[str, Any]]:
        yield {"error": "Changefeed cache over array size limit, skipped 5 elements."}
        yield {"new_val": {"topic": "t", "payload": "1"}}

    store = RethinkStore(rethinkdb_url)
    store.ensure()
    stream = RethinkMessageStream(store.db.connections)
    subscription = Exchange("e").queue().subscription
    stream._wait(stream._follow(subscription, feed()), 5)
    assert stream.received == [(subscription, None), (subscription, EncodedMessage('"t"', "1"))]
    assert stream.failed
    stream.close()
    store.close()


def test_a_filter_unknown_to_the_server_is_refused(rethinkdb_url: str) -> None:
    """This process has an RE2 of this year, and the server one of 2015."""
    with store_at(rethinkdb_url) as store:
        store.ensure()
        exchange = Exchange("refused")
        with exchange.queue("t") as other:
            with pytest.raises(ValueError, match=r"RethinkDB refuses the filter: .*\(\?<"):
                exchange.queue(r"(?<name>a)").__enter__()
            exchange.topic("t").publish(1)
            wait_until(lambda: len(get_hub().inboxes) == 1, "the end of the refused one")
            exchange.topic("t").publish(2)
            assert take(other, 2) == [Message("t", 1), Message("t", 2)]
