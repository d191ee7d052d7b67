"""The rule of what a write does to a score, without a store."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.domain import scoring
from leaderboardapp.domain.exceptions import ScoreOutOfRange, WrongSeason
from leaderboardapp.domain.types import BOARD_DEFAULTS, MAX_SCORE, Amount, Row, score_limits

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
    return scoring.import_amount(board, player, Amount("alice", "Alice", (number,)), NOW)


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
    is_allowed = abs(amount) <= (board["max_amount"] or MAX_SCORE)
    expected = apply(put, board, player, total) if is_allowed else player
    for write in (add, import_to):
        assert apply(write, board, player, amount) == expected


@given(boards, players(), st.lists(scores, min_size=2, max_size=4))
def test_rows_are_imported_as_increments_or_the_one_that_is_not_allowed_is_named(
    board: Row, player: Row, rows: list[int]
) -> None:
    amount, expected = Amount("alice", "Alice", tuple(rows)), player
    for index, added in enumerate(rows):
        try:
            expected = {**expected, **add(board, expected, added)}
        except ScoreOutOfRange:
            with pytest.raises(ScoreOutOfRange) as raised:
                scoring.import_amount(board, player, amount, NOW)
            assert (raised.value.player, raised.value.row) == ("alice", index)
            return
    assert {**player, **scoring.import_amount(board, player, amount, NOW)} == expected


@given(boards, st.lists(scores, min_size=1, max_size=4))
def test_rows_of_a_new_player_are_those_of_a_player_who_joined_a_moment_ago(
    board: Row, rows: list[int]
) -> None:
    amount = Amount("alice", "Alice", tuple(rows))
    joined = {"id": "alice", **scoring.start_with(board, "alice", None, NOW)}
    try:
        expected = scoring.import_amount(board, joined, amount, NOW)
    except ScoreOutOfRange as error:
        with pytest.raises(ScoreOutOfRange) as raised:
            scoring.import_amount(board, None, amount, NOW)
        assert raised.value.row == error.row
    else:
        assert scoring.import_amount(board, None, amount, NOW) == expected
        assert expected["reached_at"] == NOW


@given(boards, players(), scores)
def test_another_season_is_refused_whatever_the_score(board: Row, player: Row, number: int) -> None:
    for write in (scoring.add_amount, scoring.set_score, scoring.set_best_score):
        with pytest.raises(WrongSeason):
            write(board, player, number, NOW, board["season"] + 1)


@given(boards, st.none() | scores)
def test_a_new_player_begins_with_a_score_that_the_board_allows_or_with_zero(
    board: Row, score: int | None
) -> None:
    low, high = score_limits(board)
    if low <= (score or 0) <= high:
        assert scoring.start_with(board, "alice", score, NOW) == {
            "score": score or 0,
            "reached_at": NOW,
            "scored": score is not None,
            "not_carried_over": False,
        }
    else:
        with pytest.raises(ScoreOutOfRange, match="alice"):
            scoring.start_with(board, "alice", score, NOW)


@given(boards, scores)
def test_a_new_player_of_an_import_has_reached_the_amount_now(board: Row, amount: int) -> None:
    try:
        fields = scoring.import_amount(board, None, Amount("alice", "Alice", (amount,)), NOW)
    except ScoreOutOfRange as error:
        assert "alice" in str(error)
    else:
        assert (fields["score"], fields["reached_at"]) == (amount, NOW)
