"""Messages become scores: each once, in batches, and what cannot be done is put aside."""

import json
import struct
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from pika import BasicProperties, data

from leaderboardapp import amqp
from leaderboardapp.amqp import DEAD_LETTERS, PREFETCH, Message
from leaderboardapp.incoming import BOARDS_AT_ONCE, Scores
from leaderboardapp.models import Board, Player
from leaderboardapp.stores.base import KEYS_REMEMBERED, Store, StoreUnavailable
from tests.amqp.broker import Broker
from tests.amqp.conftest import Take
from tests.processes import RabbitServer, wait_until

ON_ONE_STORE = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


def score(board: Board, player: str = "alice") -> int | None:
    return Player.get_for_board(board, player).score


def total(board: Board) -> int:
    return sum(player.score or 0 for player in Player.get_page_for_board(board, 400))


class Recorded(Scores):
    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []  # of batches

    def do(self, messages: list[Message], until: float) -> dict[int, str]:
        self.sizes.append(len(messages))
        return super().do(messages, until)


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
    wait_until(lambda: total(board) == 2 * PREFETCH, "the other board")
    players = Player.get_page_for_board(board)
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
        (b'{"name": "%s"}' % (b"x" * 100_000), {"message_id": "m"}, "larger than 100000 bytes"),
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
def test_a_header_that_cannot_be_read_holds_up_nobody(broker: Broker, board: Board) -> None:
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
    broker.score(board.id, "alice", 1)
    wait_for_score(board, 2)
    [letter] = broker.wait_for_dead_letters()
    assert letter.id == "two"


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
    monkeypatch.setattr(amqp, "backoff", lambda _: 0.01)
    broker.declare()
    for _ in range(6 * PREFETCH):
        # Large ones, so that some are still on their way when the connection is closed.
        broker.score(board.id, "alice", 1, headers={"filling": "x" * 1500})
    take(Scores())
    broker.score(board.id, "alice", 1000)  # the last one
    wait_until(lambda: (score(board) or 0) >= 1000, "them all", 20)
    assert score(board) == 6 * PREFETCH + 1000
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


def test_keys_of_others_leave_what_is_in_flight_known(board: Board) -> None:
    body = {"board": board.id, "player": "alice", "amount": 1}
    messages = [
        Message(
            number, "score", BasicProperties(message_id=f"m{number}"), json.dumps(body).encode()
        )
        for number in range(PREFETCH)
    ]
    with closing(Scores()) as scores:
        assert scores.do(messages, until=time.monotonic() + 60) == {}
        for number in range(KEYS_REMEMBERED // 2):
            Player(board, "alice").score_add(1, key=f"other-{number}")
        assert scores.do(messages, until=time.monotonic() + 60) == {}
    assert score(board) == PREFETCH + KEYS_REMEMBERED // 2


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
def test_workers_that_end_leave_the_others_in_their_order(broker: Broker, board: Board) -> None:
    """Only the first message of each player has the name with which the player is created."""
    broker.declare()
    for number in range(600):
        player, first = f"p{number // 2}", number % 2 == 0
        filling = {"filling": "x" * 1500}
        broker.score(board.id, player, 1, headers=filling, **({"name": player} if first else {}))
    while total(board) < 600 and not broker.count(DEAD_LETTERS):
        stop = threading.Event()
        thread = threading.Thread(target=amqp.Consumer(Scores(), stop).run)
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
        threading.Thread(target=amqp.Consumer(work, stop).run)
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
    take(Scores())
    broker.score(board.id, "alice", 1)
    wait_for_score(board, 1)
    broker.channel.queue_delete(Scores.queue)
    broker.wait_for_consumer()
    broker.score(board.id, "alice", 1)
    wait_for_score(board, 2)


@ON_ONE_STORE
def test_dead_letters_whose_queue_is_deleted_have_another_one(
    broker: Broker, take: Take, board: Board
) -> None:
    take(Scores())
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
    monkeypatch.setattr(amqp, "HEARTBEAT_SECONDS", 1)
    broker.declare()
    for each in boards:
        Player(each, "alice", "Alice").save()
        broker.score(each.id, "alice", 1)
    take(Scores())
    wait_until(lambda: {score(each) for each in boards} == {1}, "all boards", 60)


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
