"""Scores for missing players whose name is given: who is created, and how scores then count."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pika import BasicProperties

from leaderboardapp.models import Board, Player
from leaderboardapp.rabbitmq.consumer import Message, Rejections
from leaderboardapp.rabbitmq.scores import ScoreHandler
from leaderboardapp.stores.base import Store

ON_ONE_STORE = pytest.mark.stores("sqlite")
Process = Callable[..., Rejections]


@pytest.fixture
def process(store: Store) -> Iterator[Process]:
    """process(board, (player, amount, name?), …): process a batch, without a broker."""
    handler, keys = ScoreHandler(), iter(range(10_000))

    def process(board: Board, *scores: tuple[Any, ...], **more: Any) -> Rejections:
        bodies = (
            {"board": board.id, "key": f"k{next(keys)}", **more}
            | dict(zip(("player", "amount", "name"), score, strict=False))
            for score in scores
        )
        messages = [
            Message(tag, "score", BasicProperties(), json.dumps(body).encode())
            for tag, body in enumerate(bodies)
        ]
        return handler.process(messages, time.monotonic() + 60)

    yield process
    handler.close()


def read_players(board: Board) -> list[tuple[str, str, int]]:
    """Return (id, name, score) of the board's players, best first."""
    players = Player.get_page_for_board(board, 100)
    return [(player.id, player.name, player.score or 0) for player in players]


@pytest.mark.parametrize(
    ("limits", "more", "reason"),
    [
        ({"max_amount": 6}, {}, "and an increment from -6 to 6"),
        ({"max": 6}, {}, "must stay from -9007199254740991 to 6"),
        ({"min": -6}, {}, "must stay from -6 to 9007199254740991"),
        ({}, {"season": 2}, "the board is in season 1"),
    ],
)
def test_a_score_that_the_board_refuses_creates_nobody(
    process: Process, board: Board, limits: dict[str, int], more: dict[str, int], reason: str
) -> None:
    for setting, value in limits.items():
        setattr(board, setting, value)
    board.save()
    amount = -7 if "min" in limits else 7
    rejections = process(board, ("bob", amount, "Bob"), ("alice", 1), **more)
    assert reason in rejections[0]
    assert [id for id, _, _ in read_players(board)] == ["alice"]


def test_the_first_score_that_counts_creates_and_names_the_player(
    process: Process, board: Board
) -> None:
    board.max_amount = 6
    board.save()
    rejections = process(
        board, ("bob", 7, "Refused"), ("bob", 2, "First"), ("bob", 3, "Second"), ("bob", 8, "Third")
    )
    assert set(rejections) == {0, 3}
    assert all("from -6 to 6" in reason for reason in rejections.values())
    assert read_players(board)[0] == ("bob", "First", 5)


def test_of_equal_scores_the_earlier_message_counts_first(process: Process, board: Board) -> None:
    scores = (("bob", 5, "Bob"), ("alice", 5), ("carol", 4, "Carol"), ("dan", 5, "Dan"))
    assert process(board, *scores, ("carol", 1, "Carol")) == {}
    assert [id for id, _, _ in read_players(board)] == ["bob", "alice", "dan", "carol"]


def test_a_player_who_was_deleted_is_created_again(process: Process, board: Board) -> None:
    assert process(board, ("bob", 5, "Bob")) == {}
    Player(board, "bob").delete()
    assert process(board, ("bob", 3, "Robert"), ("alice", 1)) == {}
    assert read_players(board) == [("bob", "Robert", 3), ("alice", "Alice", 1)]
    Player(board, "bob").delete()
    [reason] = process(board, ("bob", 2**53 - 1, "Bob"), ("bob", 1, "Bob")).values()
    assert "must stay from" in reason
    board.delete()
    assert "There is no board" in process(board, ("bob", 1, "Bob"))[0]


SCORES = st.lists(
    st.tuples(st.sampled_from(["alice", "bob", "carol"]), st.integers(-4, 8), st.just("Somebody")),
    max_size=8,
)


@ON_ONE_STORE
@settings(max_examples=40)
@given(scores=SCORES)
def test_a_batch_does_what_its_messages_do_one_by_one(
    process: Process, scores: list[tuple[str, int, str]]
) -> None:
    batch, single = (Board(min=-3, max=9, max_amount=6).save() for _ in range(2))
    rejections = process(batch, *scores)
    one_by_one = [process(single, score).get(0) for score in scores]
    assert [rejections.get(index) for index in range(len(scores))] == one_by_one
    assert read_players(batch) == read_players(single)
