"""The rule of what a write does to a score, without a store."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.domain import scoring
from leaderboardapp.domain.exceptions import ScoreOutOfRange, WrongSeason
from leaderboardapp.domain.types import BOARD_DEFAULTS, MAX_SCORE, Row, score_limits

NOW = 1_000
scores = st.one_of(st.integers(-5, 5), st.integers(-MAX_SCORE, MAX_SCORE))
boards = st.fixed_dictionaries(
    {"order": st.sampled_from(["desc", "asc"])},
    optional={
        "min": st.integers(-5, 0),
        "max": st.integers(0, 5),
        "max_amount": st.integers(1, 5),
        "season": st.integers(1, 3),
    },
).map(lambda fields: {"id": "b", **BOARD_DEFAULTS, **fields})


@st.composite
def players(draw: Callable[..., Row]) -> Row:
    """A player as a store gives it: who has not scored, or is not carried over, has 0."""
    scored = draw(st.booleans())
    return {
        "id": "alice",
        "name": "Alice",
        "score": draw(scores) if scored else 0,
        "reached_at": 7,
        "hidden": draw(st.booleans()),
        "scored": scored,
        "not_carried_over": not scored and draw(st.booleans()),
    }


def add(board: Row, player: Row, number: int) -> Row:
    return scoring.add_amount(board, player, number, NOW)


def put(board: Row, player: Row, number: int) -> Row:
    return scoring.set_score(board, player, number, NOW)


def best(board: Row, player: Row, number: int) -> Row:
    return scoring.set_best_score(board, player, number, NOW)


def import_to(board: Row, player: Row, number: int) -> Row:
    return scoring.import_amount(board, "alice", player, number, NOW)


def apply(write: Callable[[Row, Row, int], Row], board: Row, player: Row, number: int) -> Row:
    """The player's row after the write; the same row if it is refused."""
    try:
        return {**player, **write(board, player, number)}
    except ScoreOutOfRange:
        return player


@given(boards, players(), scores, st.sampled_from([add, put, best, import_to]))
def test_a_write_is_all_or_nothing(
    board: Row, player: Row, number: int, write: Callable[[Row, Row, int], Row]
) -> None:
    before = dict(player)
    after = apply(write, board, player, number)
    assert player == before, "the row that is passed stays as it is"
    if after == before:
        return
    assert after["scored"] and not after["not_carried_over"]
    low, high = score_limits(board)
    assert low <= after["score"] <= high
    assert (after["name"], after["hidden"]) == (player["name"], player["hidden"])
    was_ranked_by = player["scored"] or board["order"] == "desc"
    is_same = was_ranked_by and after["score"] == player["score"]
    assert after["reached_at"] == (player["reached_at"] if is_same else NOW)


@given(boards, players(), scores)
def test_the_best_score_never_becomes_worse_and_is_kept_when_repeated(
    board: Row, player: Row, score: int
) -> None:
    after = apply(best, board, player, score)
    assert not scoring.is_better(board, player["score"], after["score"]) or not player["scored"]
    if after != player:
        assert best(board, after, score) == {}


@given(boards, players(), scores)
def test_an_amount_is_the_sum_set_unless_one_increment_may_not_be_so_large(
    board: Row, player: Row, amount: int
) -> None:
    total = player["score"] + amount
    assert apply(import_to, board, player, amount) == apply(put, board, player, total)
    if abs(amount) <= (board["max_amount"] or MAX_SCORE):
        assert apply(add, board, player, amount) == apply(put, board, player, total)
    else:
        assert apply(add, board, player, amount) == player


@given(boards, players(), scores)
def test_another_season_is_refused_whatever_the_score(board: Row, player: Row, number: int) -> None:
    for write in (scoring.add_amount, scoring.set_score, scoring.set_best_score):
        with pytest.raises(WrongSeason):
            write(board, player, number, NOW, board["season"] + 1)


@pytest.mark.parametrize(("score", "scored"), [(None, False), (0, True), (5, True)])
def test_a_new_player_begins_with_a_score_or_with_zero(score: int | None, scored: bool) -> None:
    fields = scoring.start_with(score, NOW)
    assert fields == {
        "score": score or 0,
        "reached_at": NOW,
        "scored": scored,
        "not_carried_over": False,
    }


@given(boards, scores)
def test_a_new_player_of_an_import_has_reached_the_amount_now(board: Row, amount: int) -> None:
    try:
        fields = scoring.import_amount(board, "alice", None, amount, NOW)
    except ScoreOutOfRange as error:
        assert "alice" in str(error)
    else:
        assert (fields["score"], fields["reached_at"]) == (amount, NOW)
