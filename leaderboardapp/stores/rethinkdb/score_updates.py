"""Writes of scores: increments, sums and limits are computed by the server within one document.

In the functions that return ReQL, `board` and `old` are the board's and the player's documents.
Either may lack a field.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, cast

from leaderboardapp.domain.exceptions import BoardNotFound, OutcomeUnknown, StoreUnavailable
from leaderboardapp.domain.joining import check_score
from leaderboardapp.domain.types import KEYS_REMEMBERED, MAX_SCORE, Increment, Row
from leaderboardapp.stores.base import now_us
from leaderboardapp.stores.rethinkdb.connection import CompiledFunction, r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.increment_runs import (
    IncrementRun,
    group_into_runs,
    take_one_per_player,
)
from leaderboardapp.stores.rethinkdb.results import (
    KNOWN_KEY,
    OUT_OF_RANGE,
    WRONG_SEASON,
    Refusal,
    parse_score_changes,
)
from leaderboardapp.stores.rethinkdb.schema import row_id

Result = Row | Exception | Refusal

PLAYERS_AT_ONCE = 100  # in one write, to stay far within QUERY_SECONDS
WRITES_AT_ONCE = 25  # in one query, one after the other


class ScoreUpdates:
    """Writes of scores on all boards, and their results."""

    def __init__(self, db: Database) -> None:
        self.db, self.players = db, db.players

        def add_one(board: Any, runs: Any) -> Any:
            # To find one player by get_all costs the server half as much again as by get.
            return self._update_by_runs(board, self.players.get(runs.keys()[0]), runs)

        def add_many(board: Any, runs: Any) -> Any:
            return self._update_by_runs(board, self.players.get_all(r.args(runs.keys())), runs)

        def set_one(
            board: Any, player: Any, score: Any, now: Any, only_better: Any, season: Any
        ) -> Any:
            def change(row: Any, old: Any) -> Any:
                return set_score_fields(row, old, score, now, only_better, season)

            return self._update_scores(board, self.players.get(player), change)

        # Compiled once, because the driver takes longer to build these than the server to answer.
        self.add_one = CompiledFunction(add_one)
        self.add_many = CompiledFunction(add_many)
        self.set_one = CompiledFunction(set_one)

    def add_scores(self, board: str, increments: list[Increment]) -> list[Row | Exception]:
        """Add all, in this order. Return each one's row afterwards, or its exception."""
        results: dict[int, Result] = {}
        waiting, now = group_into_runs(increments), now_us()
        try:
            while waiting:
                runs, waiting = take_one_per_player(waiting, PLAYERS_AT_ONCE)
                for run, result in zip(runs, self._write_runs(board, runs, now), strict=True):
                    if isinstance(result, Refusal) and len(run.increments) > 1:
                        for index, single_result in self._write_singly(board, run, now):
                            results[index] = single_result
                    else:
                        results |= run.results_by_index(result)
        except StoreUnavailable as error:
            if results:  # some increments were written
                raise OutcomeUnknown(str(error)) from error
            raise
        return self._replace_refusals(board, [results[index] for index in range(len(increments))])

    def set_score(
        self, board: str, player: str, score: int, only_better: bool, season: int | None = None
    ) -> Row:
        """Set a score, or with `only_better` leave one as good. Return the row afterwards."""
        key, score = row_id(board, player), check_score(score)
        written = self.db.run(r.do(board, key, score, now_us(), only_better, season, self.set_one))
        results = parse_score_changes(written, board, {key: player})
        [result] = self._replace_refusals(board, results)
        if isinstance(result, Exception):
            raise result
        return result

    def _write_runs(self, board: str, runs: list[IncrementRun], now: int) -> list[Result]:
        """Write runs of different players in one query."""
        wire = {row_id(board, run.player): run.to_wire(now) for run in runs}
        written = self.db.run(self._build_write(board, wire))
        players = {key: run.player for key, run in zip(wire, runs, strict=True)}
        return parse_score_changes(written, board, players)

    def _write_singly(
        self, board: str, run: IncrementRun, now: int
    ) -> Iterator[tuple[int, Result]]:
        """Write the increments of a refused run one by one, as some of them may be allowed. Yield
        each one's index and result as soon as it is written."""
        key, singles = row_id(board, run.player), run.split()
        for start in range(0, len(singles), WRITES_AT_ONCE):
            piece = singles[start : start + WRITES_AT_ONCE]
            writes = [self._build_write(board, {key: single.to_wire(now)}) for single in piece]
            for single, written in zip(piece, self.db.run(r.expr(writes)), strict=True):
                [(index, _)] = single.increments
                [result] = parse_score_changes(written, board, {key: run.player})
                yield index, result

    def _build_write(self, board: str, wire: dict[str, Row]) -> Any:
        """Build a write of runs in their wire form, by the keys of the players' documents."""
        add = self.add_one if len(wire) == 1 else self.add_many
        return r.do(board, r.json(json.dumps(wire)), add)

    def _replace_refusals(self, board: str, results: list[Result]) -> list[Row | Exception]:
        """Replace each refusal by the exception that says what the board allows."""
        if not any(isinstance(result, Refusal) for result in results):
            return cast(list[Row | Exception], results)
        try:
            row = self.db.get_board(board)
        except BoardNotFound as error:
            return [error if isinstance(result, Refusal) else result for result in results]
        except StoreUnavailable as error:
            raise OutcomeUnknown(str(error)) from error
        return [
            result.to_exception(row) if isinstance(result, Refusal) else result
            for result in results
        ]

    def _update_scores(self, board: Any, players: Any, change: Callable[[Any, Any], Any]) -> Any:
        """Build an update. `change` takes the board's and a player's document, and returns the
        new fields."""
        return self.db.write_if_board_exists(
            board,
            lambda row: players.update(lambda old: change(row, old), return_changes="always"),
        )

    def _update_by_runs(self, board: Any, players: Any, runs: Any) -> Any:
        """Build an update by runs in their wire form, by the keys of the players' documents."""

        def change(row: Any, old: Any) -> Any:
            return runs[old["id"]].do(lambda run: increment_fields(row, old, run))

        return self._update_scores(board, players, change)


def increment_fields(board: Any, old: Any, run: Any) -> Any:
    """Return, as ReQL, the fields of a player's document after a run (`IncrementRun.to_wire`)."""

    # Values used more than once are bound: the server compiles each mention, at every write.
    def change(score: Any, season: Any, keys: Any) -> Any:
        known = keys.set_intersection(run["keys"]).is_empty().not_()
        untouched = run["largest"].eq(0) & _has_score(board, old)
        fields = {
            "score": score + run["amount"],
            "reached_at": r.branch(untouched, old["reached_at"], run["now"]),
            "scored": True,
            "season": season,
        }
        small = run["largest"] <= board["max_amount"].default(MAX_SCORE)
        allowed = small & _is_allowed(board, score + run["least"], score + run["most"])
        return r.branch(
            known,
            r.branch(run["alone"], season_reset_fields(board, old), r.error(KNOWN_KEY)),
            _is_other_season(season, run["season"]),
            r.error(WRONG_SEASON),
            allowed.not_(),
            r.error(OUT_OF_RANGE),
            run["keys"].is_empty(),
            fields,
            r.expr(fields).merge({"keys": _keep_newest(keys + run["keys"], KEYS_REMEMBERED)}),
        )

    return r.do(
        _current_score(board, old), _running_season(board, old), old["keys"].default([]), change
    )


def set_score_fields(
    board: Any, old: Any, score: Any, now: Any, only_better: Any, season: Any
) -> Any:
    """Return, as ReQL, the fields of a player's document after its score was set."""
    scored, current = _has_score(board, old), _current_score(board, old)
    better = r.branch(_is_ascending(board), score < current, score > current)
    same = scored & score.eq(current)
    return r.branch(
        _is_other_season(_running_season(board, old), season),
        r.error(WRONG_SEASON),
        _is_allowed(board, score, score).not_(),
        r.error(OUT_OF_RANGE),
        only_better & scored & better.not_(),
        season_reset_fields(board, old),
        {
            "score": score,
            "reached_at": r.branch(same, old["reached_at"], now),
            "scored": True,
            "season": _running_season(board, old),
        },
    )


def season_reset_fields(board: Any, old: Any) -> Any:
    """Return, as ReQL, the fields of a player's document when it is carried over into the board's
    season; none if it is in that season already."""
    fields = {"score": 0, "scored": False, "season": _running_season(board, old)}
    return r.branch(_is_carried_over(board, old), {}, fields)


def _running_season(board: Any, old: Any) -> Any:
    # The board's document may have been read just before a reset.
    return r.expr([board["season"].default(1), old["season"].default(1)]).max()


def _is_carried_over(board: Any, old: Any) -> Any:
    return old["season"].default(1) >= board["season"].default(1)


def _current_score(board: Any, old: Any) -> Any:
    return r.branch(_is_carried_over(board, old), old["score"], 0)


def _is_other_season(running: Any, season: Any) -> Any:
    return season.ne(None) & season.ne(running)


def _is_ascending(board: Any) -> Any:
    return board["order"].default("desc").eq("asc")


def _has_score(board: Any, player: Any) -> Any:
    # On a descending board the 0 that a player begins with is a score.
    return player["scored"].default(True) & _is_carried_over(board, player) | ~_is_ascending(board)


def _is_allowed(board: Any, least: Any, most: Any) -> Any:
    return (least >= board["min"].default(-MAX_SCORE)) & (most <= board["max"].default(MAX_SCORE))


def apply_once(old: Any, field: str, key: str, remembered: int, change: Any) -> Any:
    """Return, as ReQL, the change with the key appended to the list in `field`, of which so many
    are remembered; no change if the list has the key already."""
    keys = old[field].default([])
    newest = _keep_newest(keys.append(key), remembered)
    return r.branch(keys.contains(key), {}, r.expr(change).merge({field: newest}))


def _keep_newest(keys: Any, remembered: int) -> Any:
    return keys.slice(r.expr([0, keys.count() - remembered]).max())
