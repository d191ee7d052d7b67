"""Stores, brokers and workers that fail or are slow, and what is not to be done twice for it."""

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
from leaderboardapp.rabbitmq import scores as incoming
from leaderboardapp.rabbitmq.consumer import DEAD_LETTERS, PREFETCH, Message
from leaderboardapp.rabbitmq.scores import BOARDS_AT_ONCE, ScoreHandler
from leaderboardapp.stores.base import Store
from tests.amqp.broker import Broker, score, total, wait_for_score
from tests.amqp.conftest import Take
from tests.support.programs import wait_until
from tests.support.servers import RabbitServer

ON_ONE_STORE = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


class Recorded(ScoreHandler):
    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []  # of batches

    def process(self, messages: list[Message], deadline: float) -> dict[int, str]:
        self.sizes.append(len(messages))
        return super().process(messages, deadline)


def test_what_is_given_back_counts_once_and_keeps_its_place(
    broker: Broker, take: Take, board: Board, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store breaks off again and again, each time after it has counted. More are waiting than
    a player's row remembers, so that none may come again after those."""
    calls, count = [], store.add_scores

    def break_off(*arguments: Any) -> Any:
        done = count(*arguments)
        calls.append(done)
        if len(calls) < 12:
            raise StoreUnavailable("it broke off")
        return done

    monkeypatch.setattr(store, "add_scores", break_off)
    monkeypatch.setattr(consumer, "backoff", lambda _: 0.01)
    broker.declare()
    for _ in range(6 * PREFETCH):
        # Large ones, so that some are still on their way when the connection is closed.
        broker.score(board.id, "alice", 1, headers={"filling": "x" * 1500})
    take(ScoreHandler())
    broker.score(board.id, "alice", 1000)  # the last one
    wait_until(lambda: (score(board) or 0) >= 1000, "them all", 20)
    assert score(board) == 6 * PREFETCH + 1000
    assert broker.dead_letters() == []


def test_while_the_store_is_away_messages_stay_in_the_broker(
    broker: Broker, take: Take, board: Board, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(ScoreHandler())
    asked = threading.Event()

    def away() -> None:
        asked.set()
        raise StoreUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(store, "ping", away)
        patch.setattr(store, "add_scores", lambda *_: away())
        for _ in range(3):
            broker.score(board.id, "alice", 1)
        assert asked.wait(10)
        wait_until(lambda: broker.count(ScoreHandler.queue) == 3, "all to be given back")
    wait_for_score(board, 3)


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """fails(times): writing alice's score fails so often as no store does."""
    monkeypatch.setattr(consumer, "backoff", lambda _: 0.01)
    write = incoming.write

    def fails(times: int) -> None:
        left = iter(range(times))

        def fail(board: str, scores: list[incoming.Score]) -> Any:
            if any(each.increment.player == "alice" for each in scores):
                for _ in left:
                    raise ZeroDivisionError("a mistake")
            return write(board, scores)

        monkeypatch.setattr(incoming, "write", fail)

    return fails


@ON_ONE_STORE
def test_a_message_that_fails_as_none_should_holds_up_nobody(
    broker: Broker, take: Take, board: Board, fails: Callable[[int], None]
) -> None:
    broker.declare()
    for number in range(30):
        broker.score(board.id, f"p{number}", 1, name="Somebody")
        if number in (3, 20):
            broker.score(board.id, "alice", 1, id=f"bad-{number}")
    fails(10**6)
    take(ScoreHandler())
    letters = broker.wait_for_dead_letters(2)
    wait_until(lambda: total(board) == 30, "the others")
    assert [letter.id for letter in letters] == ["bad-3", "bad-20"]
    assert (
        "it failed 5 times, the last time with ZeroDivisionError('a mistake')" in letters[0].reason
    )
    assert score(board) == 0


@ON_ONE_STORE
def test_what_fails_as_nothing_should_is_tried_again(
    broker: Broker, take: Take, board: Board, fails: Callable[[int], None]
) -> None:
    fails(4)
    take(ScoreHandler())
    broker.score(board.id, "alice", 1)
    wait_for_score(board, 1)
    assert broker.dead_letters() == []


def test_only_what_fails_alone_again_and_again_is_given_up() -> None:
    class Failing(ScoreHandler):
        def process(self, messages: list[Message], deadline: float) -> dict[int, str]:
            raise ZeroDivisionError("a mistake")

    def message(tag: int, id: str) -> Message:
        return Message(tag, "score", BasicProperties(message_id=id), b"{}")

    with closing(Failing()) as work:
        failing = consumer.Consumer(work, threading.Event())
        some = [message(1, "one"), message(2, "two")]
        for attempt in [some, some[:1], some[1:]] * consumer.MAX_TRIES + [some[:1]]:
            with pytest.raises(ZeroDivisionError):
                failing.process(attempt, deadline=time.monotonic() + 60)
        for tag in range(consumer.MAX_TRIES - 2):  # delivered anew, each time
            with pytest.raises(ZeroDivisionError):
                failing.process([message(tag, "one")], deadline=time.monotonic() + 60)
        [reason] = failing.process(some[:1], deadline=time.monotonic() + 60).values()
        assert "not known whether this was done" in reason


def test_keys_of_others_leave_what_is_in_flight_known(board: Board) -> None:
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
    assert score(board) == PREFETCH + KEYS_REMEMBERED // 2


def test_a_worker_that_was_stopped_for_long_does_nothing_with_what_it_took(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps({"board": board.id, "player": "alice", "amount": 1, "key": "k"}).encode()
    message = Message(1, "score", BasicProperties(), body)
    now = time.monotonic()
    with closing(ScoreHandler()) as scores:
        with pytest.raises(consumer.Disconnected):
            scores.process([message], deadline=now - 1)
        assert score(board) == 0
        assert scores.process([message], deadline=now + 60) == {}
        assert score(board) == 1


@ON_ONE_STORE
def test_workers_that_end_leave_the_others_in_their_order(broker: Broker, board: Board) -> None:
    """Only the first message of each player has the name with which the player is created."""
    broker.declare()
    for number in range(600):
        player, first = f"p{number // 2}", number % 2 == 0
        filling = {"filling": "x" * 1500}
        broker.score(board.id, player, 1, headers=filling, **({"name": player} if first else {}))
    while total(board) < 600 and not broker.count(DEAD_LETTERS):
        stop = threading.Event()
        thread = threading.Thread(target=consumer.Consumer(ScoreHandler(), stop).run)
        thread.start()
        broker.wait_for_consumer()
        stop.set()
        thread.join(10)
    assert broker.dead_letters() == []
    assert {player.score for player in Player.get_page_for_board(board, 300)} == {2}


@ON_ONE_STORE
def test_two_workers_take_turns_and_the_second_goes_on_when_the_first_ends(
    broker: Broker, board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    works, stops = [Recorded(), Recorded()], [threading.Event(), threading.Event()]
    threads = [
        threading.Thread(target=consumer.Consumer(work, stop).run)
        for work, stop in zip(works, stops, strict=True)
    ]
    try:
        for count, thread in enumerate(threads, start=1):
            thread.start()
            wait_until(lambda: caplog.text.count("taking messages") == count, "it to begin")  # noqa: B023
        for _ in range(20):
            broker.score(board.id, "alice", 1)
        wait_for_score(board, 20)
        assert sum(works[0].sizes) == 20 and not works[1].sizes
        stops[0].set()
        threads[0].join(10)
        broker.score(board.id, "alice", 1)
        wait_for_score(board, 21)
        assert works[1].sizes == [1]
    finally:
        for stop, thread in zip(stops, threads, strict=True):
            stop.set()
            thread.join(10)


@ON_ONE_STORE
def test_a_queue_that_is_deleted_is_made_again(broker: Broker, take: Take, board: Board) -> None:
    take(ScoreHandler())
    broker.score(board.id, "alice", 1)
    wait_for_score(board, 1)
    broker.channel.queue_delete(ScoreHandler.queue)
    broker.wait_for_consumer()
    broker.score(board.id, "alice", 1)
    wait_for_score(board, 2)


@ON_ONE_STORE
def test_dead_letters_whose_queue_is_deleted_have_another_one(
    broker: Broker, take: Take, board: Board
) -> None:
    take(ScoreHandler())
    broker.channel.queue_delete(DEAD_LETTERS)
    broker.publish("score", b"x", message_id="bad")
    wait_until(lambda: broker.count(DEAD_LETTERS) == 1, "the dead letter")


@ON_ONE_STORE
def test_a_broker_short_of_memory_is_drained_of_all_but_bad_messages(
    rabbit: RabbitServer, broker: Broker, take: Take, board: Board
) -> None:
    broker.declare()
    broker.publish("score", b"x", message_id="bad")
    for _ in range(5):
        broker.score(board.id, "alice", 1)
    work = Recorded()
    rabbit.control("set_vm_memory_high_watermark", "0.00001")
    try:
        take(work)
        # Again and again, the bad one alone, because the broker does not take the dead letter.
        wait_until(lambda: sum(work.sizes) > 6 and work.sizes[-1] == 1, "another try", 20)
        assert score(board) == 5
    finally:
        rabbit.control("set_vm_memory_high_watermark", "0.4")
    [letter] = broker.wait_for_dead_letters()
    assert letter.id == "bad"
    assert score(board) == 5


@ON_ONE_STORE
def test_a_store_too_slow_for_a_batch_gets_smaller_ones(
    broker: Broker, take: Take, board: Board, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    boards = [Board(f"{board.id}-{number}").save() for number in range(6 * BOARDS_AT_ONCE)]
    count = store.add_scores

    def slowly(*arguments: Any) -> Any:
        time.sleep(0.5)
        return count(*arguments)

    monkeypatch.setattr(store, "add_scores", slowly)
    for module in (connection, consumer):
        monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 1)
    broker.declare()
    for each in boards:
        Player(each, "alice", "Alice").save()
        broker.score(each.id, "alice", 1)
    take(ScoreHandler())
    wait_until(lambda: {score(each) for each in boards} == {1}, "all boards", 60)
