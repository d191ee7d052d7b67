"""Where players stand, with the players around them, is what a naive ranking says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboardapp.domain.exceptions import BoardNotFound
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.rethinkdb import standings
from tests.stores.contract.helpers import add_player
from tests.stores.test_standings import Friend, Naive, blocks, boards, make_board

__all__ = ["blocks"]  # the fixture

CHOSEN = st.lists(st.integers(0, 14), max_size=20)


def around(players: list[str], player: str, limit: int) -> list[str]:
    """Return the window of the sorted players, which is shifted so that it stays full."""
    index = players.index(player)
    begin = max(0, min(index - (limit - 1 - limit // 2), len(players) - limit))
    return players[begin : begin + limit]


@settings(max_examples=20)
@given(**boards, chosen=CHOSEN, limit=st.integers(1, 6))
def test_standings_are_those_of_a_naive_ranking(
    store: Store,
    blocks: None,
    order: str,
    ranking: str,
    friends: list[Friend],
    chosen: list[int],
    limit: int,
) -> None:
    board, naive = make_board(store, order, ranking, friends), Naive(order, ranking, friends)
    ids = [f"p{number}" for number in chosen]
    read = store.get_standings(board, ids, limit)
    assert read.players.keys() == {id for id in ids if int(id[1:]) < len(friends)}
    ranks = naive.number(naive.players)
    for id, standing in read.players.items():
        assert (standing.row["id"], standing.row["name"]) == (id, id)
        assert standing.row["rank"] == ranks.get(id)
        expected = around(naive.players, id, limit) if id in ranks else []
        shown = [(row["id"], row["name"], row["rank"]) for row in standing.around]
        assert shown == [(one, one, ranks[one]) for one in expected]
        assert [row["score"] for row in standing.around] == [naive.scores[one] for one in expected]
    assert read.of == naive.of
    assert read.board == store.get_board(board)
    assert read.bound <= len(friends)


@settings(max_examples=10)
@given(**boards, chosen=CHOSEN)
def test_a_standing_agrees_with_itself_where_ranks_are_estimated(
    store: Store, order: str, ranking: str, friends: list[Friend], chosen: list[int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standings, "MOST_GAPS", 1)
        board, naive = make_board(store, order, ranking, friends), Naive(order, ranking, friends)
        read = store.get_standings(board, [f"p{number}" for number in chosen], 5)
    ranks = naive.number(naive.players)
    for id, standing in read.players.items():
        numbers = [row["rank"] for row in standing.around]
        assert numbers == sorted(numbers)
        assert all(rank <= naive.of for rank in numbers)
        if id in ranks:
            assert abs(standing.row["rank"] - ranks[id]) <= read.bound


def test_standings_of_a_missing_board_are_not_found(store: Store, board_id: str) -> None:
    with pytest.raises(BoardNotFound):
        store.get_standings(board_id, ["alice"], 5)
    store.create_board({"id": board_id})
    assert store.get_standings(board_id, [], 5).players == {}
    assert store.get_standings(board_id, ["alice"], 5).of == 0


def test_standings_of_a_new_season_are_those_of_its_scores(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id, "windows": ["week"]})
    for player, score in (("alice", 3), ("bob", 2), ("carl", 1)):
        add_player(store, board_id, player)
        store.add_score(board_id, player, score)
    store.start_next_season(board_id, 1, "2026-01-01T00:00:00Z")
    while store.run_maintenance(board_id):
        pass
    store.add_score(board_id, "carl", 7)
    ranked = store.get_standings(board_id, ["carl", "alice"], 2).players
    assert (ranked["carl"].row["score"], ranked["carl"].row["rank"]) == (7, 1)
    assert [row["id"] for row in ranked["alice"].around] == ["alice", "bob"]
    week = store.get_standings(f"{board_id}~week", ["carl", "bob"], 5)
    assert (week.players["carl"].row["score"], week.players["bob"].row["rank"]) == (8, 3)
