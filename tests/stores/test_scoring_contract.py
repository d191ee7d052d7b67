"""What each kind of write does to a score, in every store: a table of writes, players and boards.

The expected values come from the small model below, and not from the rule that the stores use.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from leaderboardapp.domain.exceptions import ScoreOutOfRange, WrongSeason
from leaderboardapp.domain.types import MAX_SCORE, Amount, Import, Increment, Row
from leaderboardapp.stores.base import Store

ENDED_AT = "2026-11-30T00:00:00Z"
SEASON = 2  # the running one


class State(NamedTuple):
    """A player before the write."""

    score: int
    scored: bool
    is_past: bool = False  # the player had 3 points in the season before
    hidden: bool = False


STATES = {
    "fresh": State(0, scored=False),
    "zero": State(0, scored=True),
    "scored": State(3, scored=True),
    "hidden": State(3, scored=True, hidden=True),
    "past": State(0, scored=False, is_past=True),
    # In SQL a hidden player is not carried over.
    "past-hidden": State(0, scored=False, is_past=True, hidden=True),
}


class Write(NamedTuple):
    # "add", "add-key", "bulk", "set", "best", "import", "create"; "import-back" has a row with the
    # amount, and a row that takes it back
    kind: str
    number: int  # the amount, or the score
    season: int | None = None


IMPORTS = ("import", "import-back")


def writes(amounts: list[int], scores: list[int]) -> list[Write]:
    return [
        *(Write(kind, amount) for kind in ("add", "bulk", *IMPORTS) for amount in amounts),
        *(Write(kind, score) for kind in ("set", "best", "create") for score in scores),
    ]


WRITES = [
    *writes(amounts=[0, 1, -1, MAX_SCORE], scores=[0, 2, 3, 4, MAX_SCORE]),
    *(Write("add-key", amount) for amount in (0, 1)),
    *(
        Write(kind, 1, season)
        for kind in ("add", "add-key", "bulk", "set", "best")
        for season in (SEASON, SEASON - 1)
    ),
]
# For boards with limits, where who is hidden or scored makes no difference.
LIMIT_STATES = ["fresh", "scored", "past-hidden"]
LIMIT_WRITES = writes(amounts=[1, 2, 3, -1, -4], scores=[4, 5, -1, -2])
BOARDS: dict[str, Row] = {
    "desc": {"order": "desc"},
    "asc": {"order": "asc"},
    "desc-limits": {"order": "desc", "min": -1, "max": 4},
    "asc-limits": {"order": "asc", "min": -1, "max": 4},
    "desc-max-amount": {"order": "desc", "max_amount": 2},
    "asc-max-amount": {"order": "asc", "max_amount": 2},
}


class Case(NamedTuple):
    """A write to a player. No state: the player is not there, but an import and a "create" make
    one."""

    player: str
    state: State | None
    write: Write


def cases(settings: Row) -> list[Case]:
    has_limits = settings.keys() != {"order"}
    states = LIMIT_STATES if has_limits else list(STATES)
    table = LIMIT_WRITES if has_limits else WRITES
    rows: list[tuple[State | None, Write]] = [
        (STATES[state], write) for state in states for write in table if write.kind != "create"
    ]
    rows += [(None, write) for write in table if write.kind in (*IMPORTS, "create")]
    return [Case(f"p{number}", *row) for number, row in enumerate(rows)]


class Outcome(NamedTuple):
    error: type[Exception] | None
    score: int
    scored: bool
    is_reached_now: bool


def expect(board: Row, state: State | None, write: Write) -> Outcome:
    """The model."""
    score, scored = (state.score, state.scored) if state else (0, False)
    same = Outcome(None, score, scored, is_reached_now=False)
    if write.season == SEASON - 1:
        return same._replace(error=WrongSeason)
    adds = write.kind not in ("set", "best", "create")
    new = score + write.number if adds else write.number
    low, high = board.get("min", -MAX_SCORE), board.get("max", MAX_SCORE)
    largest = board.get("max_amount", MAX_SCORE)
    if new < low or new > high or (adds and abs(write.number) > largest):
        return same._replace(error=ScoreOutOfRange)
    is_first = state is None or (board["order"] == "asc" and not scored)
    is_reached_now = is_first or new != score
    if write.kind == "import-back":
        new = score
    better = new < score if board["order"] == "asc" else new > score
    if write.kind == "best" and not is_first and not better:
        return same
    return Outcome(None, new, scored=True, is_reached_now=is_reached_now)


def prepare(store: Store, board: str, table: list[Case]) -> dict[str, Row]:
    """Bring all players into their states; return their rows."""
    states = {case.player: case.state for case in table if case.state}
    past = {player: 3 for player, state in states.items() if state.is_past}
    running = {player: state.score for player, state in states.items() if state.scored}
    import_scores(store, board, past)
    hide(store, board, [player for player in past if states[player].hidden])
    store.start_next_season(board, SEASON - 1, ENDED_AT)
    import_scores(store, board, running)
    hide(store, board, [player for player in running if states[player].hidden])
    for player in states.keys() - past.keys() - running.keys():
        store.create_player(board, {"id": player, "name": player})
    rows = {player: store.get_player(board, player) for player in states}
    for player, state in states.items():
        assert (rows[player]["score"], rows[player]["scored"]) == (state.score, state.scored)
    return rows


def import_scores(store: Store, board: str, scores: dict[str, int]) -> None:
    """All at once, because there are many; each as rows of 1, which no board forbids."""
    done = store.get_import(board, "scores")
    amounts = [Amount(player, player, (1,) * score or (0,)) for player, score in scores.items()]
    store.import_batch(board, "scores", Import(done.line, done.line + 1, "digest"), amounts)


def hide(store: Store, board: str, players: list[str]) -> None:
    for player in players:
        store.update_player(board, player, {"hidden": True})


def do(store: Store, board: str, table: list[Case]) -> dict[str, Row | Exception | None]:
    """Do all writes; return what each returned or raised."""
    results: dict[str, Row | Exception | None] = {}
    bulk = [case for case in table if case.write.kind == "bulk"]
    increments = [
        Increment(case.player, case.write.number, season=case.write.season) for case in bulk
    ]
    for case, row in zip(bulk, store.add_scores(board, increments), strict=True):
        results[case.player] = row
    for case in table:
        if case.write.kind != "bulk":
            try:
                results[case.player] = WRITERS[case.write.kind](store, board, case)
            except (ScoreOutOfRange, WrongSeason) as error:
                results[case.player] = error
    return results


def add(store: Store, board: str, case: Case) -> Row:
    return store.add_score(board, case.player, case.write.number, season=case.write.season)


def add_twice(store: Store, board: str, case: Case) -> Row:
    """With an idempotency key, so that the second one does not count."""
    arguments = (board, case.player, case.write.number, "key", case.write.season)
    row = store.add_score(*arguments)
    again = store.add_score(*arguments)
    assert again == {**row, "previous": row["score"], "changed": False, "repeated": True}
    return row


def set_any(store: Store, board: str, case: Case) -> Row:
    return store.set_score(board, case.player, case.write.number, False, case.write.season)


def set_best(store: Store, board: str, case: Case) -> Row:
    return store.set_score(board, case.player, case.write.number, True, case.write.season)


def import_one(store: Store, board: str, case: Case) -> None:
    amounts = [Amount(case.player, case.player, (case.write.number,))]
    store.import_batch(board, case.player, Import(0, 1, "digest"), amounts)


def import_back(store: Store, board: str, case: Case) -> None:
    amounts = [Amount(case.player, case.player, (case.write.number, -case.write.number))]
    store.import_batch(board, case.player, Import(0, 2, "digest"), amounts)


def create(store: Store, board: str, case: Case) -> Row:
    player = {"id": case.player, "name": case.player, "score": case.write.number}
    return store.create_player(board, player)


WRITERS: dict[str, Callable[[Store, str, Case], Row | None]] = {
    "add": add,
    "add-key": add_twice,
    "set": set_any,
    "best": set_best,
    "import": import_one,
    "import-back": import_back,
    "create": create,
}


@pytest.mark.parametrize("settings", BOARDS.values(), ids=BOARDS.keys())
def test_each_write_does_what_the_table_says(store: Store, board_id: str, settings: Row) -> None:
    store.create_board({"id": board_id, **settings})
    table = cases(settings)
    before = prepare(store, board_id, table)
    results = do(store, board_id, table)
    for case in table:
        label = f"{case.write} of {case.state}"
        expected, result = expect(settings, case.state, case.write), results[case.player]
        error = type(result) if isinstance(result, Exception) else None
        assert error == expected.error, label
        if not case.state and error:
            continue  # nobody was created
        after = store.get_player(board_id, case.player)
        assert (after["score"], after["scored"]) == (expected.score, expected.scored), label
        if isinstance(result, dict):
            assert (result["score"], result["scored"]) == (after["score"], after["scored"]), label
        if isinstance(result, dict) and case.state:
            previous = case.state.score if case.state.scored else None
            is_changed = expected[1:3] != case.state[:2]
            assert result["created"] is result["repeated"] is False, label
            assert (result["previous"], result["changed"]) == (previous, is_changed), label
        if case.state:
            reached_at = before[case.player]["reached_at"]
            assert (after["reached_at"] > reached_at) == expected.is_reached_now, label
            assert after["reached_at"] >= reached_at, label
            assert after["hidden"] == case.state.hidden, label


def test_a_first_zero_of_an_ascending_board_is_reached_when_it_is_written(
    store: Store, board_id: str
) -> None:
    """The example of the rule: whichever way it is written, those who come later are behind."""
    store.create_board({"id": board_id, "order": "asc", "size": 6})
    players = ["add", "bulk", "set", "best", "import", "create"]
    for player in reversed(players[:-1]):
        store.create_player(board_id, {"id": player, "name": player})
    store.add_score(board_id, "add", 0)
    store.add_scores(board_id, [Increment("bulk", 0), Increment("add", 0)])
    store.set_score(board_id, "set", 0, only_better=False)
    store.set_score(board_id, "best", 0, only_better=True)
    store.import_batch(board_id, "f", Import(0, 1, "x"), [Amount("import", "import", (0,))])
    store.create_player(board_id, {"id": "create", "name": "create", "score": 0})
    _, rows = store.get_top_players([board_id])[board_id]
    assert [row["id"] for row in rows] == players
