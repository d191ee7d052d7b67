"""What a write makes of a player's score, as ReQL that the server runs within one document.

`board` and `old` are the board's and the player's documents; either may lack a field.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, cast

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
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
    get_changes_by_id,
    parse_score_change,
)
from leaderboardapp.stores.rethinkdb.schema import row_id

PLAYERS_AT_ONCE = 100  # in one write, to stay far within QUERY_SECONDS
WRITES_AT_ONCE = 25  # in one query, one after the other


class ScoreUpdates:
    def __init__(self, db: Database) -> None:
        self.db, self.players = db, db.players
        # Made once, because the driver takes longer to build these than the server to answer.
        # Of one player it costs the server half as much again to find it by get_all.
        self.add_one = CompiledFunction(
            lambda board, runs: self.update_by_runs(board, self.players.get(runs.keys()[0]), runs)
        )
        self.add_many = CompiledFunction(
            lambda board, runs: self.update_by_runs(
                board, self.players.get_all(r.args(runs.keys())), runs
            )
        )
        self.set_one = CompiledFunction(
            lambda board, player, score, now, only_better, season: self.update_scores(
                board,
                self.players.get(player),
                lambda row, old: set_score_fields(row, old, score, now, only_better, season),
            )
        )

    def add_scores(self, board: str, increments: list[Increment]) -> list[Row | Exception]:
        results: dict[int, Row | Exception | Refusal] = {}
        waiting, now = group_into_runs(increments), now_us()
        try:
            while waiting:
                runs, waiting = take_one_per_player(waiting, PLAYERS_AT_ONCE)
                for run, result in zip(runs, self.write_runs(board, runs, now), strict=True):
                    if isinstance(result, Refusal) and len(run.increments) > 1:
                        for index, single in self.write_each(board, run, now):
                            results[index] = single
                    else:
                        results |= run.results_by_index(result)
        except StoreUnavailable as error:
            if results:  # something was done
                raise OutcomeUnknown(str(error)) from error
            raise
        return self.replace_refusals(board, [results[index] for index in range(len(increments))])

    def write_runs(
        self, board: str, runs: list[IncrementRun], now: int
    ) -> list[Row | Exception | Refusal]:
        """Each player's row afterwards, or why it was not written."""
        wire = {row_id(board, run.player): run.to_wire(now) for run in runs}
        changes = get_changes_by_id(self.db.run(self.build_write(board, wire)))
        return [
            parse_score_change(changes.get(key), run.player)
            for key, run in zip(wire, runs, strict=True)
        ]

    def write_each(
        self, board: str, run: IncrementRun, now: int
    ) -> Iterator[tuple[int, Row | Exception | Refusal]]:
        """With the place of each, and as they are written: one after the other, for a run that was
        refused, of which some may be allowed."""
        key, singles = row_id(board, run.player), run.split()
        for start in range(0, len(singles), WRITES_AT_ONCE):
            some = singles[start : start + WRITES_AT_ONCE]
            writes = [self.build_write(board, {key: single.to_wire(now)}) for single in some]
            for single, written in zip(some, self.db.run(r.expr(writes)), strict=True):
                [(index, _)] = single.increments
                yield index, parse_score_change(get_changes_by_id(written).get(key), run.player)

    def build_write(self, board: str, wire: dict[str, Row]) -> Any:
        """`wire` by the players' keys."""
        add = self.add_one if len(wire) == 1 else self.add_many
        return r.do(board, r.json(json.dumps(wire)), add)

    def set_score(
        self, board: str, player: str, score: int, only_better: bool, season: int | None = None
    ) -> Row:
        key = row_id(board, player)
        written = self.db.run(r.do(board, key, score, now_us(), only_better, season, self.set_one))
        [result] = self.replace_refusals(
            board, [parse_score_change(get_changes_by_id(written).get(key), player)]
        )
        if isinstance(result, Exception):
            raise result
        return result

    def replace_refusals(
        self, board: str, results: list[Row | Exception | Refusal]
    ) -> list[Row | Exception]:
        """With the exception, which names what the board allows, in place of each refusal."""
        if not any(isinstance(result, Refusal) for result in results):
            return cast(list[Row | Exception], results)
        try:
            row = self.db.get_board(board)
        except ObjectDoesNotExist as error:
            return [error if isinstance(result, Refusal) else result for result in results]
        except StoreUnavailable as error:
            raise OutcomeUnknown(str(error)) from error
        return [each.to_exception(row) if isinstance(each, Refusal) else each for each in results]

    def update_scores(self, board: Any, players: Any, change: Callable[[Any, Any], Any]) -> Any:
        """`change` takes the board's and a player's document, and gives the new fields."""
        return self.db.write_if_board_exists(
            board,
            lambda row: players.update(lambda old: change(row, old), return_changes="always"),
        )

    def update_by_runs(self, board: Any, players: Any, runs: Any) -> Any:
        """`runs` by the players' keys."""
        return self.update_scores(
            board,
            players,
            lambda row, old: runs[old["id"]].do(lambda run: increment_fields(row, old, run)),
        )


def increment_fields(board: Any, old: Any, run: Any) -> Any:
    """The fields of a player's document after a run of increments (`Run.wire`), as ReQL."""

    # What is asked for more than once is bound: the server compiles each mention, at every write.
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
    """The fields of a player's document after setting its score, as ReQL."""
    scored, has = _has_score(board, old), _current_score(board, old)
    better = r.branch(_is_ascending(board), score < has, score > has)
    same = scored & score.eq(has)
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
    """The fields of a player's document at the beginning of the board's season, as ReQL; none if
    it is in that season already."""
    fields = {"score": 0, "scored": False, "season": _running_season(board, old)}
    return r.branch(_is_carried_over(board, old), {}, fields)


def _running_season(board: Any, old: Any) -> Any:
    """The running one. The board's document may have been read just before a reset."""
    return r.expr([board["season"].default(1), old["season"].default(1)]).max()


def _is_carried_over(board: Any, old: Any) -> Any:
    """Whether the player's score is of the running season; a sweep comes to all in the end."""
    return old["season"].default(1) >= board["season"].default(1)


def _current_score(board: Any, old: Any) -> Any:
    return r.branch(_is_carried_over(board, old), old["score"], 0)


def _is_other_season(running: Any, season: Any) -> Any:
    """Whether another season than the running one is meant."""
    return season.ne(None) & season.ne(running)


def _is_ascending(board: Any) -> Any:
    return board["order"].default("desc").eq("asc")


def _has_score(board: Any, player: Any) -> Any:
    """On a descending board the 0 that a player begins with is one."""
    return player["scored"].default(True) & _is_carried_over(board, player) | ~_is_ascending(board)


def _is_allowed(board: Any, least: Any, most: Any) -> Any:
    """Whether all scores from the least to the most are."""
    return (least >= board["min"].default(-MAX_SCORE)) & (most <= board["max"].default(MAX_SCORE))


def apply_once(old: Any, field: str, key: str, remembered: int, change: Any) -> Any:
    """The change, and the key at the end of the list in `field`; nothing if it is there already."""
    keys = old[field].default([])
    newest = _keep_newest(keys.append(key), remembered)
    return r.branch(keys.contains(key), {}, r.expr(change).merge({field: newest}))


def _keep_newest(keys: Any, remembered: int) -> Any:
    return keys.slice(r.expr([0, keys.count() - remembered]).max())
