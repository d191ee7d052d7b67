"""Writes of scores: increments, sums and limits are computed by the server within one document."""

import json
from collections.abc import Callable, Iterator
from typing import Any, cast

from leaderboardapp.domain.exceptions import (
    BoardNotFound,
    OutcomeUnknown,
    PlayerNotFound,
    StoreUnavailable,
)
from leaderboardapp.domain.joining import check_score
from leaderboardapp.domain.types import Increment, Row
from leaderboardapp.stores.base import now_us
from leaderboardapp.stores.rethinkdb.connection import CompiledFunction, r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.first_scores import FirstScores, SetScore
from leaderboardapp.stores.rethinkdb.increment_runs import (
    IncrementRun,
    group_into_runs,
    take_one_per_player,
)
from leaderboardapp.stores.rethinkdb.results import Refusal, ScoreWrite, parse_score_changes
from leaderboardapp.stores.rethinkdb.schema import row_id
from leaderboardapp.stores.rethinkdb.score_fields import increment_fields, set_score_fields
from leaderboardapp.stores.rethinkdb.window_scores import WindowScores

Result = Row | Exception | Refusal

PLAYERS_AT_ONCE = 100  # in one write, to stay far within QUERY_SECONDS
WRITES_AT_ONCE = 25  # in one query, one after the other


class ScoreUpdates:
    """Writes of scores on all boards, and their results."""

    def __init__(self, db: Database) -> None:
        self.db, self.players = db, db.players
        self.first_scores, self.windows = FirstScores(db), WindowScores(db)

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
                missing: list[IncrementRun] = []
                for run, result in zip(runs, self._write_runs(board, runs, now), strict=True):
                    if isinstance(result, PlayerNotFound) and run.name:
                        missing.append(run)
                    elif isinstance(result, Refusal) and len(run.increments) > 1:
                        for index, single_result in self._write_singly(board, run, now):
                            results[index] = single_result
                    else:
                        results |= run.results_by_index(result)
                results |= self.first_scores.begin_runs(board, missing, now)
                begun = [
                    IncrementRun(left)
                    for run in missing
                    if (left := [each for each in run.increments if each[0] not in results])
                ]
                waiting = begun + waiting
        except StoreUnavailable as error:
            if results:  # some increments were written
                raise OutcomeUnknown(str(error)) from error
            raise
        in_order = [results[index] for index in range(len(increments))]
        self.windows.add_scores(board, increments, in_order, now)
        return self._replace_refusals(board, in_order)

    def set_score(
        self,
        board: str,
        player: str,
        score: int,
        only_better: bool,
        season: int | None = None,
        name: str | None = None,
    ) -> Row:
        """Set a score, or with `only_better` leave one as good. Return the row afterwards. With a
        `name` a missing player is created."""
        key, score = row_id(board, player), check_score(score)
        now = now_us()
        written = self.db.run(r.do(board, key, score, now, only_better, season, self.set_one))
        results = parse_score_changes(written, board, [ScoreWrite(player)])
        if isinstance(results[0], PlayerNotFound) and name:
            write = SetScore(score, now, only_better, season)
            results = [self.first_scores.set_score(board, player, name, write)]
        [result] = self._replace_refusals(board, results)
        if isinstance(result, Exception):
            raise result
        self.windows.set_score(board, result, score, now, only_better)
        return result

    def _write_runs(self, board: str, runs: list[IncrementRun], now: int) -> list[Result]:
        """Write runs of different players in one query."""
        wire = {row_id(board, run.player): run.to_wire(now) for run in runs}
        written = self.db.run(self._build_write(board, wire))
        return parse_score_changes(written, board, [run.write for run in runs])

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
                [result] = parse_score_changes(written, board, [single.write])
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
            lambda row: players.update(lambda old: change(row, old), return_changes="always").merge(
                {"windows": row["windows"].default([])}
            ),
        )

    def _update_by_runs(self, board: Any, players: Any, runs: Any) -> Any:
        """Build an update by runs in their wire form, by the keys of the players' documents."""

        def change(row: Any, old: Any) -> Any:
            return runs[old["id"]].do(lambda run: increment_fields(row, old, run))

        return self._update_scores(board, players, change)
