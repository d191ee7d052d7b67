"""Messages become scores: each counts once, and rejected ones become dead letters."""

import json
import struct
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from pika import data

from leaderboardapp.models import Board, Player
from leaderboardapp.rabbitmq import consumer
from leaderboardapp.rabbitmq.consumer import DEAD, MESSAGES, PREFETCH
from leaderboardapp.rabbitmq.scores import ScoreHandler
from tests.amqp.broker import Broker, total_score, wait_for_score
from tests.amqp.conftest import Consume
from tests.support.metrics import count_of, turn_on
from tests.support.programs import WAIT_SECONDS, wait_until

ON_ONE_STORE = pytest.mark.stores("sqlite")


@pytest.fixture
def consuming(consume: Consume) -> None:
    consume(ScoreHandler())


@pytest.mark.usefixtures("consuming")
def test_a_message_becomes_an_increment_and_is_acknowledged(broker: Broker, board: Board) -> None:
    broker.publish_score(board.id, "alice", 5)
    broker.publish(
        "score.of.a.game", {"board": board.id, "player": "alice", "amount": -2, "key": "k"}
    )
    wait_for_score(board, 3)
    wait_until(lambda: broker.count_messages(ScoreHandler.queue) == 0, "an empty queue")
    assert broker.take_dead_letters() == []


@ON_ONE_STORE
def test_messages_and_dead_letters_are_counted(
    broker: Broker, board: Board, consume: Consume, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_on(monkeypatch, MESSAGES, DEAD)
    consume(ScoreHandler())
    broker.publish_score(board.id, "alice", 5)
    broker.publish_score(board.id, "nobody", 5)
    wait_until(lambda: count_of(MESSAGES, ScoreHandler.queue) == 2, "both messages")
    assert count_of(DEAD, ScoreHandler.queue) == 1


@pytest.mark.usefixtures("consuming")
def test_a_message_counts_once_by_its_message_id_or_its_key(broker: Broker, board: Board) -> None:
    for _ in range(3):
        broker.publish_score(board.id, "alice", 1, id="the-same")
        broker.publish_score(board.id, "alice", 10, key="declared")
    broker.publish_score(board.id, "alice", 100)
    wait_for_score(board, 111)


@pytest.mark.usefixtures("consuming")
def test_a_message_counts_in_windows_as_often_as_on_the_board(broker: Broker, board: Board) -> None:
    board.windows = ["day", "month"]
    board.save()
    for _ in range(2):
        broker.publish_score(board.id, "alice", 5, id="the-same")
        broker.publish_score(board.id, "bob", 7, key="declared", name="Bob")
    broker.publish_score(board.id, "alice", 1, season=2)  # refused, so it counts nowhere
    broker.publish_score(board.id, "alice", 10)
    wait_for_score(board, 15)
    [letter] = broker.wait_for_dead_letters()
    assert "season" in letter.reason
    for part in (board.id, *(f"{board.id}~{window}" for window in board.windows)):
        players = Player.get_page_for_board(Board(part))
        assert [(player.id, player.score) for player in players] == [("alice", 15), ("bob", 7)]


@pytest.mark.usefixtures("consuming")
def test_many_messages_of_many_players_and_boards_are_all_counted(
    broker: Broker, board: Board, board_id: str
) -> None:
    other = Board(f"{board_id}-2").save()
    for number in range(2 * PREFETCH):
        broker.publish_score(board.id, f"p{number % 7}", 1, name=f"Player {number % 7}")
        broker.publish_score(other.id, "bob", 2, name="Bob")
    wait_until(lambda: broker.count_messages(ScoreHandler.queue) == 0, "an empty queue")
    wait_for_score(other, 4 * PREFETCH, "bob")
    wait_until(lambda: total_score(board) == 2 * PREFETCH, "the other board")
    players = Player.get_page_for_board(board)
    assert {player.name for player in players} == {"Alice", *(f"Player {n}" for n in range(7))}


@pytest.mark.usefixtures("consuming")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"board": "nowhere"}, "There is no board nowhere."),
        ({"player": "nobody"}, "has no player nobody. One whose name is given is created"),
        ({"amount": 7}, "the score of alice must stay from -9007199254740991 to 10"),
        ({"amount": 1.5}, "amount: must be an integer"),
        ({"amount": None}, "amount: must be an integer"),
        ({"board": "a board"}, "board: must be 1 to 64 of the characters"),
        ({"season": 2}, "the board is in season 1"),
        ({"name": ""}, "name: must be text"),
        ({"name": "\u3164"}, "name: must be text"),
        ({"points": 3}, "points: not known here; accepted are board, player, amount"),
        ({"key": "ä"}, "key: must be 1 to 255 visible ASCII characters"),
    ],
)
def test_a_rejected_message_becomes_a_dead_letter_with_its_reason(
    broker: Broker, board: Board, change: dict[str, Any], reason: str
) -> None:
    board.max, board.max_amount = 10, 6
    board.save()
    body = {"board": board.id, "player": "alice", "amount": 1}
    broker.publish("score", {**body, **change}, message_id="bad", headers={"from": "a game"})
    broker.publish_score(board.id, "alice", 3)
    [letter] = broker.wait_for_dead_letters()
    assert reason in letter.reason
    assert letter.id == "bad" and letter.key == "score"
    assert json.loads(letter.body) == {**body, **change}
    assert letter.headers["from"] == "a game" and letter.headers["x-queue"] == ScoreHandler.queue
    wait_for_score(board, 3)


@ON_ONE_STORE
@pytest.mark.usefixtures("consuming")
@pytest.mark.parametrize(
    ("body", "properties", "reason"),
    [
        (b"", {"message_id": "m"}, "The body is not JSON in UTF-8"),
        (b"\xff\xfe", {"message_id": "m"}, "The body is not JSON in UTF-8"),
        (b"[" * 100_000, {"message_id": "m"}, "The body is not JSON in UTF-8"),
        (b"9" * 5_000, {"message_id": "m"}, "The body must be an object"),
        (b'{"amount": %s}' % (b"9" * 5_000), {"message_id": "m"}, "amount: must be an integer"),
        (b'{"amount": NaN}', {"message_id": "m"}, "NaN is not a JSON number"),
        (b"[1, 2]", {"message_id": "m"}, "The body must be an object"),
        (b'{"amount": 1, "amount": 1}', {"message_id": "m"}, "amount: is there twice"),
        (b'{"amount": 0.9999999999999999999}', {"message_id": "m"}, "amount: must be an integer"),
        (b'{"amount": 1e-400}', {"message_id": "m"}, "amount: must be an integer"),
        (b'{"amount": 1e9999999999999999999}', {"message_id": "m"}, "amount: must be an integer"),
        (b"{}", {"message_id": "m"}, "board: missing"),
        (b'{"\\ud800": 1}', {"message_id": "m"}, "not known here"),
        (b'{"%s": 1}' % (b"x" * 60_000), {"message_id": "m"}, "xxx"),
        (b'{"board": "b", "player": "p", "amount": 1}', {}, "so is the message_id"),
        (b'{"board": "b", "player": "p", "amount": 1}', {"message_id": "a b"}, "key: must be"),
        (b"x", {"headers": {"large": "x" * 100_000}}, "The body is not JSON"),
        (b"x", {"headers": {"CC": ["score.again"], "to": None}}, "The body is not JSON"),
        (b'{"name": "%s"}' % (b"x" * 100_000), {"message_id": "m"}, "larger than 100000 bytes"),
        (b"x", {"user_id": "guest", "expiration": "60000"}, "The body is not JSON"),
    ],
)
def test_a_poison_message_becomes_a_dead_letter_and_blocks_no_other(
    broker: Broker, board: Board, body: bytes, properties: dict[str, Any], reason: str
) -> None:
    broker.publish("score", body, **properties)
    broker.publish_score(board.id, "alice", 3)
    wait_for_score(board, 3)
    [letter] = broker.wait_for_dead_letters()
    assert reason in letter.reason and letter.body == body


@ON_ONE_STORE
@pytest.mark.usefixtures("consuming")
def test_an_unreadable_header_blocks_no_message(broker: Broker, board: Board) -> None:
    """A time in milliseconds where seconds are meant, which is no date."""
    late = datetime(2000, 1, 1, tzinfo=UTC)
    body = {"board": board.id, "player": "alice", "amount": 1}
    encode = data.encode_value

    def in_milliseconds(pieces: list[bytes], value: Any) -> int:
        if value is not late:
            return encode(pieces, value)
        pieces.append(struct.pack(">cQ", b"T", 1_700_000_000_000))
        return 9

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "encode_value", in_milliseconds)
        broker.publish("score", body, message_id="one", headers={"at": late})
        broker.publish("score", b"x", message_id="two", headers={"at": late})
    broker.publish_score(board.id, "alice", 1)
    wait_for_score(board, 2)
    [letter] = broker.wait_for_dead_letters()
    assert letter.id == "two"


@ON_ONE_STORE
@pytest.mark.usefixtures("consuming")
def test_a_routing_key_that_is_no_text_blocks_no_message(broker: Broker, board: Board) -> None:
    body: Any = {"board": board.id, "player": "alice", "amount": 1}
    broker.publish(b"score.\xff", body, message_id="one")  # type: ignore[arg-type]
    broker.publish(b"score.\xff", b"x", message_id="two")  # type: ignore[arg-type]
    wait_for_score(board, 1)
    [letter] = broker.wait_for_dead_letters()
    assert letter.id == "two"


@pytest.mark.usefixtures("consuming")
def test_a_board_that_asks_for_addresses_gets_no_player_without_one(
    broker: Broker, board: Board
) -> None:
    board.ask_email = True
    board.save()
    broker.publish_score(board.id, "carol", 1, name="Carol")
    [letter] = broker.wait_for_dead_letters()
    assert "cannot join this board without an email address" in letter.reason


@ON_ONE_STORE
def test_an_existing_exchange_is_used_as_it_is(
    broker: Broker, consume: Consume, board: Board
) -> None:
    broker.channel.exchange_declare("leaderboard", "topic", durable=False, auto_delete=False)
    consume(ScoreHandler())
    broker.publish_score(board.id, "alice", 1)
    wait_for_score(board, 1)


@ON_ONE_STORE
def test_a_queue_of_another_kind_is_logged(
    broker: Broker, board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    broker.channel.queue_declare(ScoreHandler.queue, durable=True)
    stop = threading.Event()
    thread = threading.Thread(target=consumer.Consumer(ScoreHandler(), stop).run)
    thread.start()
    try:
        wait_until(lambda: "inequivalent arg" in caplog.text, "what is wrong")
        assert ScoreHandler.queue in caplog.text and "Traceback" not in caplog.text
    finally:
        stop.set()
        thread.join(WAIT_SECONDS)
