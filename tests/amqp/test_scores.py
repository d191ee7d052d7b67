"""Messages become scores: each once, in batches, and what cannot be done is put aside."""

import json
import threading
import time
from contextlib import closing
from typing import Any

import pytest
from pika import BasicProperties

from leaderboardapp import amqp
from leaderboardapp.amqp import PREFETCH, Message
from leaderboardapp.incoming import Scores
from leaderboardapp.models import Board, Player
from leaderboardapp.stores.base import Store, StoreUnavailable
from tests.amqp.broker import Broker
from tests.amqp.conftest import Take
from tests.processes import wait_until

ON_ONE_STORE = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


def score(board: Board, player: str = "alice") -> int | None:
    return Player.get_for_board(board, player).score


@pytest.fixture
def taken(take: Take) -> None:
    take(Scores())


def wait_for_score(board: Board, expected: int, player: str = "alice") -> None:
    wait_until(lambda: score(board, player) == expected, f"a score of {expected}")


@pytest.mark.usefixtures("taken")
def test_a_message_is_an_increment_and_is_gone_when_it_is_counted(
    broker: Broker, board: Board
) -> None:
    broker.score(board.id, "alice", 5)
    broker.publish(
        "score.of.a.game", {"board": board.id, "player": "alice", "amount": -2, "key": "k"}
    )
    wait_for_score(board, 3)
    wait_until(lambda: broker.count(Scores.queue) == 0, "an empty queue")
    assert broker.dead_letters() == []


@pytest.mark.usefixtures("taken")
def test_a_message_counts_once_by_its_id_or_the_key_that_it_declares(
    broker: Broker, board: Board
) -> None:
    for _ in range(3):
        broker.score(board.id, "alice", 1, id="the-same")
        broker.score(board.id, "alice", 10, key="declared")
    broker.score(board.id, "alice", 100)
    wait_for_score(board, 111)


@pytest.mark.usefixtures("taken")
def test_many_messages_of_many_players_and_boards_are_all_counted(
    broker: Broker, board: Board, board_id: str
) -> None:
    other = Board(f"{board_id}-2").save()
    for number in range(2 * PREFETCH):
        broker.score(board.id, f"p{number % 7}", 1, name=f"Player {number % 7}")
        broker.score(other.id, "bob", 2, name="Bob")
    wait_until(lambda: broker.count(Scores.queue) == 0, "an empty queue")
    wait_for_score(other, 4 * PREFETCH, "bob")
    players = Player.get_page_for_board(board)
    assert sum(player.score or 0 for player in players) == 2 * PREFETCH
    assert {player.name for player in players} == {"Alice", *(f"Player {n}" for n in range(7))}


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"board": "nowhere"}, "There is no board nowhere."),
        ({"player": "nobody"}, "There is no player nobody; one whose name is given is created"),
        ({"amount": 7}, "the score of alice must stay from -9007199254740991 to 10"),
        ({"amount": 1.5}, "amount: must be an integer"),
        ({"amount": None}, "amount: must be an integer"),
        ({"board": "a board"}, "board: must be 1 to 64 of the characters"),
        ({"season": 2}, "the board is in season 1"),
        ({"name": ""}, "name: must be text"),
        ({"points": 3}, "points: not known here; accepted are board, player, amount"),
        ({"key": "ä"}, "key: must be 1 to 255 visible ASCII characters"),
    ],
)
def test_what_is_not_allowed_becomes_a_dead_letter_with_its_reason(
    broker: Broker, board: Board, change: dict[str, Any], reason: str
) -> None:
    board.max, board.max_amount = 10, 6
    board.save()
    body = {"board": board.id, "player": "alice", "amount": 1}
    broker.publish("score", {**body, **change}, message_id="bad", headers={"from": "a game"})
    broker.score(board.id, "alice", 3)
    [letter] = broker.wait_for_dead_letters()
    assert reason in letter.reason
    assert letter.id == "bad" and letter.key == "score"
    assert json.loads(letter.body) == {**body, **change}
    assert letter.headers["from"] == "a game" and letter.headers["x-queue"] == Scores.queue
    wait_for_score(board, 3)


@ON_ONE_STORE
@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize(
    ("body", "properties", "reason"),
    [
        (b"", {"message_id": "m"}, "The body is not JSON in UTF-8"),
        (b"\xff\xfe", {"message_id": "m"}, "The body is not JSON in UTF-8"),
        (b"[" * 100_000, {"message_id": "m"}, "The body is not JSON in UTF-8"),
        (b"9" * 5_000, {"message_id": "m"}, "The body is not JSON in UTF-8"),
        (b'{"amount": NaN}', {"message_id": "m"}, "NaN is not a JSON number"),
        (b"[1, 2]", {"message_id": "m"}, "The body must be an object"),
        (b"{}", {"message_id": "m"}, "board: missing"),
        (b'{"\\ud800": 1}', {"message_id": "m"}, "not known here"),
        (b'{"%s": 1}' % (b"x" * 60_000), {"message_id": "m"}, "xxx"),
        (b'{"board": "b", "player": "p", "amount": 1}', {}, "so is the message_id"),
        (b'{"board": "b", "player": "p", "amount": 1}', {"message_id": "a b"}, "key: must be"),
        (b"x", {"headers": {"large": "x" * 100_000}}, "The body is not JSON"),
        (b"x", {"headers": {"CC": ["score.again"], "to": None}}, "The body is not JSON"),
        (b"x", {"user_id": "guest", "expiration": "60000"}, "The body is not JSON"),
    ],
)
def test_a_poison_message_becomes_a_dead_letter_and_holds_up_nobody(
    broker: Broker, board: Board, body: bytes, properties: dict[str, Any], reason: str
) -> None:
    broker.publish("score", body, **properties)
    broker.score(board.id, "alice", 3)
    wait_for_score(board, 3)
    [letter] = broker.wait_for_dead_letters()
    assert reason in letter.reason and letter.body == body


@ON_ONE_STORE
@pytest.mark.usefixtures("taken")
def test_a_routing_key_that_is_no_text_holds_up_nobody(broker: Broker, board: Board) -> None:
    body: Any = {"board": board.id, "player": "alice", "amount": 1}
    broker.publish(b"score.\xff", body, message_id="one")  # type: ignore[arg-type]
    broker.publish(b"score.\xff", b"x", message_id="two")  # type: ignore[arg-type]
    wait_for_score(board, 1)
    [letter] = broker.wait_for_dead_letters()
    assert letter.id == "two"


@pytest.mark.usefixtures("taken")
def test_a_board_that_asks_for_addresses_gets_no_player_without_one(
    broker: Broker, board: Board
) -> None:
    board.ask_email = True
    board.save()
    broker.score(board.id, "carol", 1, name="Carol")
    [letter] = broker.wait_for_dead_letters()
    assert "unless the board asks for an email address" in letter.reason


@pytest.mark.usefixtures("board")
def test_what_was_given_back_by_a_store_that_was_away_is_counted_once(
    broker: Broker, take: Take, board: Board, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is away after it has counted the first ones, which is when they are given back."""
    calls, count = [], store.add_scores

    def break_off(*arguments: Any) -> Any:
        done = count(*arguments)
        calls.append(done)
        if len(calls) < 3:
            raise StoreUnavailable("it broke off")
        return done

    monkeypatch.setattr(store, "add_scores", break_off)
    take(Scores())
    for _ in range(PREFETCH):
        broker.score(board.id, "alice", 1)
    wait_until(lambda: len(calls) > 2 and score(board) == PREFETCH, "all to be counted")
    wait_until(lambda: broker.count(Scores.queue) == 0, "an empty queue")
    assert score(board) == PREFETCH
    assert broker.dead_letters() == []


def test_while_the_store_is_away_messages_stay_in_the_broker(
    broker: Broker, take: Take, board: Board, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(Scores())
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
        wait_until(lambda: broker.count(Scores.queue) == 3, "all to be given back")
    wait_for_score(board, 3)


def test_a_worker_that_was_stopped_for_long_does_nothing_with_what_it_took(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps({"board": board.id, "player": "alice", "amount": 1, "key": "k"}).encode()
    message = Message(1, "score", BasicProperties(), body)
    now = time.monotonic()
    with closing(Scores()) as scores:
        with pytest.raises(amqp.Disconnected):
            scores.do([message], until=now - 1)
        assert score(board) == 0
        assert scores.do([message], until=now + 60) == {}
        assert score(board) == 1


@ON_ONE_STORE
def test_two_workers_take_turns_and_the_second_goes_on_when_the_first_ends(
    broker: Broker, board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    stops = [threading.Event(), threading.Event()]
    threads = [threading.Thread(target=amqp.Consumer(Scores(), stop).run) for stop in stops]
    try:
        for count, thread in enumerate(threads, start=1):
            thread.start()
            wait_until(lambda: caplog.text.count("taking messages") == count, "it to begin")  # noqa: B023
        broker.score(board.id, "alice", 1)
        wait_for_score(board, 1)
        stops[0].set()
        threads[0].join(10)
        broker.score(board.id, "alice", 1)
        wait_for_score(board, 2)
    finally:
        for stop, thread in zip(stops, threads, strict=True):
            stop.set()
            thread.join(10)


@ON_ONE_STORE
def test_a_queue_that_is_deleted_is_made_again(broker: Broker, take: Take, board: Board) -> None:
    take(Scores())
    broker.score(board.id, "alice", 1)
    wait_for_score(board, 1)
    broker.channel.queue_delete(Scores.queue)
    broker.wait_for_consumer()
    broker.score(board.id, "alice", 1)
    wait_for_score(board, 2)


@ON_ONE_STORE
def test_an_exchange_that_is_there_is_taken_as_it_is(
    broker: Broker, take: Take, board: Board
) -> None:
    broker.channel.exchange_declare("leaderboard", "topic", durable=False, auto_delete=False)
    take(Scores())
    broker.score(board.id, "alice", 1)
    wait_for_score(board, 1)


@ON_ONE_STORE
def test_a_queue_of_another_kind_is_said(
    broker: Broker, board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    broker.channel.queue_declare(Scores.queue, durable=True)
    stop = threading.Event()
    thread = threading.Thread(target=amqp.Consumer(Scores(), stop).run)
    thread.start()
    try:
        wait_until(lambda: "inequivalent arg" in caplog.text, "what is wrong")
        assert Scores.queue in caplog.text and "Traceback" not in caplog.text
    finally:
        stop.set()
        thread.join(10)
