"""Stores, brokers and workers that fail or are slow: each message still counts once."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from pika import BasicProperties

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.types import KEYS_REMEMBERED
from leaderboardapp.models import Board, Player
from leaderboardapp.rabbitmq import connection, consumer
from leaderboardapp.rabbitmq import scores as scores_module
from leaderboardapp.rabbitmq.consumer import DEAD_LETTERS, PREFETCH, Message
from leaderboardapp.rabbitmq.scores import BOARDS_AT_ONCE, ScoreHandler
from leaderboardapp.stores.base import Store
from tests.amqp.broker import Broker, get_score, total_score, wait_for_score
from tests.amqp.conftest import Consume
from tests.support.programs import WAIT_SECONDS, wait_until
from tests.support.servers import RabbitServer

ON_ONE_STORE = pytest.mark.stores("sqlite")


class RecordingHandler(ScoreHandler):
    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []  # of batches

    def process(self, messages: list[Message], deadline: float) -> dict[int, str]:
        self.sizes.append(len(messages))
        return super().process(messages, deadline)


def test_returned_messages_count_once_and_keep_their_position(
    broker: Broker, consume: Consume, board: Board, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store breaks off repeatedly, each time after the commit. More messages wait than a
    player's row remembers, so each has to be redelivered before that many others."""
    calls, count = [], store.add_scores

    def break_off(*arguments: Any) -> Any:
        done = count(*arguments)
        calls.append(done)
        if len(calls) < 12:
            raise StoreUnavailable("it broke off")
        return done

    monkeypatch.setattr(store, "add_scores", break_off)
    monkeypatch.setattr("leaderboardapp.concurrency.supervise.backoff", lambda _: 0.01)
    broker.declare_queues()
    for _ in range(6 * PREFETCH):
        # Large ones, so that the socket still holds a few when the connection is closed.
        broker.publish_score(board.id, "alice", 1, headers={"filling": "x" * 1500})
    consume(ScoreHandler())
    broker.publish_score(board.id, "alice", 1000)  # the last one
    wait_until(lambda: (get_score(board) or 0) >= 1000, "them all", 60)
    assert get_score(board) == 6 * PREFETCH + 1000
    assert broker.take_dead_letters() == []


def test_while_the_store_is_unreachable_messages_stay_in_the_broker(
    broker: Broker, consume: Consume, board: Board, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    consume(ScoreHandler())
    asked = threading.Event()

    def fail() -> None:
        asked.set()
        raise StoreUnavailable("unreachable")

    with monkeypatch.context() as patch:
        patch.setattr(store, "ping", fail)
        patch.setattr(store, "add_scores", lambda *_: fail())
        for _ in range(3):
            broker.publish_score(board.id, "alice", 1)
        assert asked.wait(WAIT_SECONDS)
        wait_until(lambda: broker.count_messages(ScoreHandler.queue) == 3, "all to be returned")
    wait_for_score(board, 3)


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """fails(times): writing alice's score fails so often, with an unexpected exception."""
    monkeypatch.setattr("leaderboardapp.concurrency.supervise.backoff", lambda _: 0.01)
    process_board = scores_module.process_board

    def fails(times: int) -> None:
        left = iter(range(times))

        def fail(board: str, scores: list[scores_module.Score]) -> Any:
            if any(score.increment.player == "alice" for score in scores):
                for _ in left:
                    raise ZeroDivisionError("a mistake")
            return process_board(board, scores)

        monkeypatch.setattr(scores_module, "process_board", fail)

    return fails


@ON_ONE_STORE
def test_a_message_that_fails_unexpectedly_blocks_no_other(
    broker: Broker, consume: Consume, board: Board, fails: Callable[[int], None]
) -> None:
    broker.declare_queues()
    for number in range(30):
        broker.publish_score(board.id, f"p{number}", 1, name="Somebody")
        if number in (3, 20):
            broker.publish_score(board.id, "alice", 1, id=f"bad-{number}")
    fails(10**6)
    consume(ScoreHandler())
    letters = broker.wait_for_dead_letters(2)
    wait_until(lambda: total_score(board) == 30, "the others")
    assert [letter.id for letter in letters] == ["bad-3", "bad-20"]
    assert (
        "it failed 5 times, the last time with ZeroDivisionError('a mistake')" in letters[0].reason
    )
    assert get_score(board) == 0


@ON_ONE_STORE
def test_an_unexpected_failure_is_retried(
    broker: Broker, consume: Consume, board: Board, fails: Callable[[int], None]
) -> None:
    fails(4)
    consume(ScoreHandler())
    broker.publish_score(board.id, "alice", 1)
    wait_for_score(board, 1)
    assert broker.take_dead_letters() == []


def test_only_a_message_that_fails_alone_repeatedly_is_given_up() -> None:
    class Failing(ScoreHandler):
        def process(self, messages: list[Message], deadline: float) -> dict[int, str]:
            raise ZeroDivisionError("a mistake")

    def message(tag: int, id: str) -> Message:
        return Message(tag, "score", BasicProperties(message_id=id), b"{}")

    with closing(Failing()) as handler:
        failing = consumer.Consumer(handler, threading.Event())
        both = [message(1, "one"), message(2, "two")]
        for attempt in [both, both[:1], both[1:]] * consumer.MAX_ATTEMPTS + [both[:1]]:
            with pytest.raises(ZeroDivisionError):
                failing.process(attempt, deadline=time.monotonic() + 60)
        for tag in range(consumer.MAX_ATTEMPTS - 2):  # redelivered, each time
            with pytest.raises(ZeroDivisionError):
                failing.process([message(tag, "one")], deadline=time.monotonic() + 60)
        [reason] = failing.process(both[:1], deadline=time.monotonic() + 60).values()
        assert "not known whether this was done" in reason


def test_keys_of_other_clients_leave_those_in_flight_remembered(board: Board) -> None:
    body = {"board": board.id, "player": "alice", "amount": 1}
    messages = [
        Message(
            number, "score", BasicProperties(message_id=f"m{number}"), json.dumps(body).encode()
        )
        for number in range(PREFETCH)
    ]
    with closing(ScoreHandler()) as scores:
        assert scores.process(messages, deadline=time.monotonic() + 60) == {}
        for number in range(KEYS_REMEMBERED // 2):
            Player(board, "alice").score_add(1, key=f"other-{number}")
        assert scores.process(messages, deadline=time.monotonic() + 60) == {}
    assert get_score(board) == PREFETCH + KEYS_REMEMBERED // 2


def test_a_worker_stopped_for_long_drops_its_unprocessed_messages(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps({"board": board.id, "player": "alice", "amount": 1, "key": "k"}).encode()
    message = Message(1, "score", BasicProperties(), body)
    now = time.monotonic()
    with closing(ScoreHandler()) as scores:
        with pytest.raises(consumer.Disconnected):
            scores.process([message], deadline=now - 1)
        assert get_score(board) == 0
        assert scores.process([message], deadline=now + 60) == {}
        assert get_score(board) == 1


@ON_ONE_STORE
def test_messages_returned_by_an_ending_worker_keep_their_order(
    broker: Broker, board: Board
) -> None:
    """Only the first message of each player has the name with which the player is created."""
    broker.declare_queues()
    for number in range(600):
        player, first = f"p{number // 2}", number % 2 == 0
        filling = {"filling": "x" * 1500}
        broker.publish_score(
            board.id, player, 1, headers=filling, **({"name": player} if first else {})
        )
    while total_score(board) < 600 and not broker.count_messages(DEAD_LETTERS):
        stop = threading.Event()
        thread = threading.Thread(target=consumer.Consumer(ScoreHandler(), stop).run)
        thread.start()
        broker.wait_for_consumer()
        stop.set()
        thread.join(WAIT_SECONDS)
    assert broker.take_dead_letters() == []
    assert {player.score for player in Player.get_page_for_board(board, 300)} == {2}


@ON_ONE_STORE
def test_a_second_worker_stands_by_until_the_first_ends(
    broker: Broker, board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    handlers, stops = (
        [RecordingHandler(), RecordingHandler()],
        [threading.Event(), threading.Event()],
    )
    threads = [
        threading.Thread(target=consumer.Consumer(handler, stop).run)
        for handler, stop in zip(handlers, stops, strict=True)
    ]
    try:
        for count, thread in enumerate(threads, start=1):
            thread.start()
            wait_until(lambda: caplog.text.count("taking messages") == count, "it to begin")  # noqa: B023
        for _ in range(20):
            broker.publish_score(board.id, "alice", 1)
        wait_for_score(board, 20)
        assert sum(handlers[0].sizes) == 20 and not handlers[1].sizes
        stops[0].set()
        threads[0].join(WAIT_SECONDS)
        broker.publish_score(board.id, "alice", 1)
        wait_for_score(board, 21)
        assert handlers[1].sizes == [1]
    finally:
        for stop, thread in zip(stops, threads, strict=True):
            stop.set()
            thread.join(WAIT_SECONDS)


@ON_ONE_STORE
def test_a_deleted_queue_is_created_again(broker: Broker, consume: Consume, board: Board) -> None:
    consume(ScoreHandler())
    broker.publish_score(board.id, "alice", 1)
    wait_for_score(board, 1)
    broker.channel.queue_delete(ScoreHandler.queue)
    broker.wait_for_consumer()
    broker.publish_score(board.id, "alice", 1)
    wait_for_score(board, 2)


@ON_ONE_STORE
def test_the_deleted_queue_of_dead_letters_is_created_again(
    broker: Broker, consume: Consume, board: Board
) -> None:
    consume(ScoreHandler())
    broker.channel.queue_delete(DEAD_LETTERS)
    broker.publish("score", b"x", message_id="bad")
    wait_until(lambda: broker.count_messages(DEAD_LETTERS) == 1, "the dead letter")


@ON_ONE_STORE
def test_a_broker_short_of_memory_keeps_only_rejected_messages(
    rabbit: RabbitServer, broker: Broker, consume: Consume, board: Board
) -> None:
    broker.declare_queues()
    broker.publish("score", b"x", message_id="bad")
    for _ in range(5):
        broker.publish_score(board.id, "alice", 1)
    handler = RecordingHandler()
    rabbit.control("set_vm_memory_high_watermark", "0.00001")
    try:
        consume(handler)
        # Repeatedly, the bad message alone, because the broker does not take the dead letter.
        wait_until(lambda: sum(handler.sizes) > 6 and handler.sizes[-1] == 1, "another try")
        wait_for_score(board, 5)
    finally:
        rabbit.control("set_vm_memory_high_watermark", "0.4")
    [letter] = broker.wait_for_dead_letters()
    assert letter.id == "bad"
    assert get_score(board) == 5


@ON_ONE_STORE
def test_a_store_too_slow_for_a_batch_gets_smaller_ones(
    broker: Broker, consume: Consume, board: Board, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    boards = [Board(f"{board.id}-{number}").save() for number in range(6 * BOARDS_AT_ONCE)]
    count = store.add_scores

    def slowly(*arguments: Any) -> Any:
        time.sleep(0.5)
        return count(*arguments)

    monkeypatch.setattr(store, "add_scores", slowly)
    for module in (connection, consumer):
        monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 1)
    broker.declare_queues()
    for slow_board in boards:
        Player(slow_board, "alice", "Alice").save()
        broker.publish_score(slow_board.id, "alice", 1)
    consume(ScoreHandler())
    wait_until(lambda: {get_score(slow_board) for slow_board in boards} == {1}, "all boards", 90)
