"""Selections, pages from a rank, and ranks of scores are those of a naive ranking."""

import math
import uuid
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leaderboardapp.domain.exceptions import BoardNotFound
from leaderboardapp.domain.ranking import number_window
from leaderboardapp.domain.types import MAX_SCORE, RANKINGS
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.rethinkdb import rank_blocks as rethinkdb
from leaderboardapp.stores.rethinkdb import standings
from leaderboardapp.stores.sql import rank_blocks as sql

SCORES = st.integers(-3, 3)  # few, so that there are ties


class Friend(NamedTuple):
    score: int | None  # None: never scored
    hidden: bool


class Naive:
    """The ranking of players p0, p1, …, who have reached their scores in this order."""

    def __init__(self, order: str, ranking: str, friends: list[Friend]) -> None:
        self.sign = 1 if order == "asc" else -1
        self.order, self.ranking = order, ranking
        keys = {
            f"p{number}": (self.sign * (friend.score or 0), number)
            for number, friend in enumerate(friends)
            if not friend.hidden and (friend.score is not None or order == "desc")
        }
        self.players = sorted(keys, key=keys.__getitem__)
        self.scores = {player: self.sign * keys[player][0] for player in self.players}

    def number(self, players: list[str]) -> dict[str, int]:
        """Return each player's rank among these alone, who are sorted."""
        scores = [self.scores[player] for player in players]
        return {
            player: {
                "ordinal": index + 1,
                "competition": scores.index(scores[index]) + 1,
                "dense": len({*scores[:index]} - {scores[index]}) + 1,
            }[self.ranking]
            for index, player in enumerate(players)
        }

    @property
    def of(self) -> int:
        """How many the ranks count."""
        return len({*self.scores.values()} if self.ranking == "dense" else self.scores)

    def percentile(self, rank: int) -> float:
        """The percentage of what is counted that is at the rank or after it, rounded down."""
        at_or_after = sum(other >= rank for other in range(1, self.of + 1))
        return math.floor(Fraction(10_000 * at_or_after, self.of)) / 100


@pytest.fixture(params=["small blocks", "no blocks"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.param == "small blocks":
        for module in (rethinkdb, sql):
            monkeypatch.setattr(module, "BLOCK", 2)
            monkeypatch.setattr(module, "MOST", 3)
    yield


def make_board(store: Store, order: str, ranking: str, friends: list[Friend]) -> str:
    board = uuid.uuid4().hex
    store.create_board({"id": board, "order": order, "ranking": ranking})
    for number, friend in enumerate(friends):
        player = f"p{number}"
        store.create_player(board, {"id": player, "name": player, "score": friend.score})
        if friend.hidden:
            store.update_player(board, player, {"hidden": True})
    while store.run_maintenance(board):
        pass
    return board


boards = {
    "order": st.sampled_from(["desc", "asc"]),
    "ranking": st.sampled_from(RANKINGS),
    "friends": st.lists(
        st.builds(Friend, st.none() | SCORES, st.sampled_from([False] * 4 + [True])), max_size=12
    ),
}


@settings(max_examples=20)
@given(**boards, chosen=st.lists(st.integers(0, 14), max_size=20))
def test_a_selection_is_that_of_a_naive_ranking(
    store: Store, blocks: None, order: str, ranking: str, friends: list[Friend], chosen: list[int]
) -> None:
    board, naive = make_board(store, order, ranking, friends), Naive(order, ranking, friends)
    ids = [f"p{number}" for number in chosen]
    selection = store.get_selection(board, ids)
    expected = [player for player in naive.players if player in ids]
    assert [row["id"] for row in selection.rows] == expected
    ranks = naive.number(naive.players)
    assert [row["rank"] for row in selection.rows] == [ranks[player] for player in expected]
    others = {player for player in ids if int(player[1:]) < len(friends)} - {*expected}
    assert [row["id"] for row in selection.unranked] == sorted(others)
    assert selection.of == naive.of
    assert selection.board == store.get_board(board)
    assert selection.bound <= len(friends)


@settings(max_examples=20)
@given(**boards, chosen=st.lists(st.integers(0, 14), max_size=20), most_gaps=st.integers(0, 3))
def test_ranks_that_are_not_counted_are_within_the_bound(
    store: Store, order: str, ranking: str, friends: list[Friend], chosen: list[int], most_gaps: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for module in (rethinkdb, sql):
            patch.setattr(module, "BLOCK", 4)
            patch.setattr(module, "MOST", 5)
        patch.setattr(standings, "MOST_GAPS", most_gaps)
        board, naive = make_board(store, order, ranking, friends), Naive(order, ranking, friends)
        selection = store.get_selection(board, [f"p{number}" for number in chosen])
    changed = len(friends)  # in the last seconds, of which RethinkDB cannot be sure
    ranks = naive.number(naive.players)
    for row in selection.rows:
        off_by = abs(row["rank"] - ranks[row["id"]])
        assert off_by <= max(0, selection.bound - changed * (selection.bound >= changed))
    assert [row["id"] for row in selection.rows] == [
        player for player in naive.players if int(player[1:]) in chosen
    ]


@settings(max_examples=20)
@given(**boards)
def test_a_player_is_told_how_many_are_ranked(
    store: Store, blocks: None, order: str, ranking: str, friends: list[Friend]
) -> None:
    board, naive = make_board(store, order, ranking, friends), Naive(order, ranking, friends)
    for number in range(len(friends)):
        for limit in (1, 3):
            window = store.get_ranking_window(board, limit, around=f"p{number}")
            assert window.of == naive.of


@settings(max_examples=20)
@given(**boards, rank=st.integers(1, 15), limit=st.integers(1, 4))
@example(order="desc", ranking="competition", friends=[Friend(1, False)] * 3, rank=2, limit=4)
def test_a_page_begins_with_the_first_player_of_the_rank_or_a_worse_one(
    store: Store,
    blocks: None,
    order: str,
    ranking: str,
    friends: list[Friend],
    rank: int,
    limit: int,
) -> None:
    board, naive = make_board(store, order, ranking, friends), Naive(order, ranking, friends)
    ranks = naive.number(naive.players)
    expected = [(player, ranks[player]) for player in naive.players if ranks[player] >= rank]
    page = number_window(store.get_ranking_window(board, limit, from_rank=rank))
    assert [(row["id"], row["rank"]) for row in page] == expected[:limit]
    assert store.get_ranking_window(board, limit, from_rank=MAX_SCORE).rows == []


@settings(max_examples=20)
@given(**boards, score=SCORES)
def test_the_rank_of_a_score_is_that_of_a_new_player_who_reaches_it(
    store: Store, blocks: None, order: str, ranking: str, friends: list[Friend], score: int
) -> None:
    board = make_board(store, order, ranking, friends)
    told = store.get_score_rank(board, score)
    after = Naive(order, ranking, [*friends, Friend(score, False)])
    assert told.rank == after.number(after.players)[f"p{len(friends)}"]
    assert told.of == after.of
    assert told.percentile == after.percentile(told.rank)


@pytest.mark.parametrize("order", ["desc", "asc"])
@pytest.mark.parametrize("ranking", RANKINGS)
def test_the_greatest_scores_have_ranks(store: Store, order: str, ranking: str) -> None:
    board = make_board(store, order, ranking, [Friend(0, False)])
    for score in (-MAX_SCORE, MAX_SCORE):
        is_better = (score < 0) == (order == "asc")
        assert store.get_score_rank(board, score)[1:] == (1 if is_better else 2, 0, 2)


def test_a_missing_board_is_told(store: Store) -> None:
    reads: list[Any] = [
        lambda: store.get_selection("nowhere", ["a"]),
        lambda: store.get_score_rank("nowhere", 1),
        lambda: store.get_ranking_window("nowhere", 1, from_rank=2),
    ]
    for read in reads:
        with pytest.raises(BoardNotFound):
            read()


def test_a_selection_of_nobody_is_empty(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id})
    assert store.get_selection(board_id, [])[1:4] == ([], [], {})
    assert store.get_selection(board_id, ["nobody"])[1:4] == ([], [], {})


def test_only_asked_for_addresses_are_shown(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id, "ask_email": True})
    for player in ("a", "b"):
        email = f"{player}@example.com"
        store.create_player(board_id, {"id": player, "name": player, "email": email})
    store.update_player(board_id, "b", {"hidden": True})
    both = {"a": "a@example.com", "b": "b@example.com"}
    assert store.get_selection(board_id, ["a", "b"], with_emails=True).emails == both
    assert store.get_selection(board_id, ["a", "b"]).emails == {}
