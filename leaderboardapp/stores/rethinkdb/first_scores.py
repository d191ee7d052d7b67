"""First scores: writes that create their player, if missing, with the score (ADR 34).

The document is inserted with the score that the write gives to a new player. If somebody has
created the player meanwhile, the insertion becomes the same write to the document that is there.
Either is one write of one document, so nobody sees the player without the score.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from leaderboardapp.domain import scoring
from leaderboardapp.domain.exceptions import (
    BoardNotFound,
    OutcomeUnknown,
    PlayerNotFound,
    PlayerRefused,
    StoreUnavailable,
    WrongSeason,
)
from leaderboardapp.domain.fields import InvalidInput
from leaderboardapp.domain.joining import new_player
from leaderboardapp.domain.types import Increment, Row
from leaderboardapp.stores.rethinkdb.connection import CompiledFunction, r
from leaderboardapp.stores.rethinkdb.database import CHECKS, Database
from leaderboardapp.stores.rethinkdb.increment_runs import IncrementRun
from leaderboardapp.stores.rethinkdb.results import (
    OUTDATED,
    Refusal,
    ScoreWrite,
    parse_score_changes,
)
from leaderboardapp.stores.rethinkdb.rows import player_document
from leaderboardapp.stores.rethinkdb.score_fields import (
    find_windows_began_at,
    increment_fields,
    set_score_fields,
)
from leaderboardapp.stores.rethinkdb.search import remember_players

Result = Row | Exception | Refusal


class SetScore(NamedTuple):
    """A score that is set."""

    score: int
    now: int
    only_better: bool
    season: int | None


class FirstScore(NamedTuple):
    """A write of a score to a player who may be missing."""

    write: ScoreWrite
    name: str
    now: int
    start: Callable[[Row, Row], Row]
    """Returns the score's fields of a new player, from the rows of board and player."""
    upsert: CompiledFunction
    change: Row
    """What the upsert changes in a player who is there, as JSON can say it."""


class FirstScores:
    """Writes of scores to players who may be missing, on all boards."""

    def __init__(self, db: Database) -> None:
        self.db = db

        def set_fields(board: Any, old: Any, wire: Any) -> Any:
            fields = (wire[name] for name in ("score", "now", "only_better", "season"))
            return set_score_fields(board, old, *fields)

        # Compiled once, because the driver takes ten times as long to build these as the server to
        # answer.
        self.upsert_increment = self._compile_upsert(increment_fields)
        self.upsert_score = self._compile_upsert(set_fields)

    def begin_runs(self, board: str, runs: list[IncrementRun], now: int) -> dict[int, Result]:
        """Add the increments of runs whose players were missing, of each run one after the other
        until one has created the player. Return, by each one's index, the row afterwards or why
        there is none. Increments without a name find no player. Raises StoreUnavailable."""
        results: dict[int, Result] = {}
        waiting = [iter(run.split()) for run in runs]
        while waiting:
            tried: list[tuple[Iterator[IncrementRun], int, FirstScore]] = []
            for singles in waiting:
                for single in singles:
                    [(index, increment)] = single.increments
                    if increment.name is not None:
                        first = self._begin(increment, increment.name, single.to_wire(now))
                        tried.append((singles, index, first))
                        break
                    results[index] = PlayerNotFound(board, single.player)
            try:
                written = self._upsert(board, [first for *_, first in tried])
            except StoreUnavailable as error:
                if len(runs) > 1:  # some may have been written
                    raise OutcomeUnknown(str(error)) from error
                raise
            results |= {index: row for (_, index, _), row in zip(tried, written, strict=True)}
            waiting = [
                singles for singles, index, _ in tried if not isinstance(results[index], dict)
            ]
        return results

    def set_score(self, board: str, player: str, name: str, write: SetScore) -> Result:
        """Set the score of a player who was missing; return the row afterwards, or why there is
        none."""
        apply = scoring.set_best_score if write.only_better else scoring.set_score

        def start(settings: Row, new: Row) -> Row:
            return apply(settings, new, write.score, write.now, write.season)

        change = write._asdict()
        first = FirstScore(ScoreWrite(player), name, write.now, start, self.upsert_score, change)
        [result] = self._upsert(board, [first])
        return result

    def _upsert(self, board: str, firsts: list[FirstScore]) -> list[Result]:
        """Insert each player; whoever is there by now is changed. Return the rows afterwards, or
        why there are none."""
        left = dict(enumerate(firsts))
        results: dict[int, Result] = {}
        for _ in range(CHECKS):
            try:
                settings = self.db.get_board(board)
            except BoardNotFound as error:
                results |= dict.fromkeys(left, error)
            else:
                results |= self._try_upserts(settings, left)
            left = {number: first for number, first in left.items() if number not in results}
            if not left:
                rows = [result for result in results.values() if isinstance(result, dict)]
                remember_players(self.db, board, [row for row in rows if row["created"]])
                return [results[number] for number in range(len(firsts))]
        raise StoreUnavailable(f"The board {board} changes too often.")

    def _try_upserts(self, settings: Row, firsts: dict[int, FirstScore]) -> dict[int, Result]:
        """Do the same once, under the board's rules as they are in its row. Whose write came too
        late for these is left out."""
        results: dict[int, Result] = {}
        queries: dict[int, Any] = {}
        for number, first in firsts.items():
            try:
                queries[number] = self._build_upsert(settings, first)
            except (PlayerRefused, WrongSeason, InvalidInput) as error:
                results[number] = error
        answers = self.db.run_together(queries.values())
        for number, answer in zip(queries, answers, strict=True):
            if answer.get("first_error") != OUTDATED:
                written = {**answer, "windows": settings["windows"]}
                writes = [firsts[number].write]
                [results[number]] = parse_score_changes(written, settings["id"], writes)
        return results

    def _begin(self, increment: Increment, name: str, wire: Row) -> FirstScore:
        def start(settings: Row, new: Row) -> Row:
            amount, season = increment.amount, increment.season
            fields = scoring.add_amount(settings, new, amount, wire["now"], season)
            return {**fields, "keys": wire["keys"]} if wire["keys"] else fields

        write = ScoreWrite(increment.player, wire["keys"])
        return FirstScore(write, name, wire["now"], start, self.upsert_increment, wire)

    def _build_upsert(self, settings: Row, first: FirstScore) -> Any:
        """Build, as ReQL, the insertion of a player under the board's rules, or else the change."""
        board, player = settings["id"], first.write.player
        new = new_player(settings, player, first.name)
        fields = scoring.start_with(settings, player, None, first.now)
        fields |= first.start(settings, {**new, **fields})
        del fields["not_carried_over"]
        season = {"season": settings["season"]}
        document = {**player_document(board, player, new["name"]), **fields, **season}
        values = (settings, document, first.change, first.now)
        return r.do(*(r.json(json.dumps(value)) for value in values), first.upsert)

    def _compile_upsert(self, change: Callable[[Any, Any, Any], Any]) -> CompiledFunction:
        """Compile what inserts a player, or changes one who is there: of the board's row, the
        document, what `change` takes, and when it is written."""

        def upsert(settings: Any, document: Any, wire: Any, now: Any) -> Any:
            def insert(began_at: Any) -> Any:
                own = settings.merge({"windows_began_at": began_at})
                has_times = settings["windows"].is_empty().not_() & document.has_fields("keys")
                times = {"key_times": [find_windows_began_at(own, now)]}
                return self.db.players.insert(
                    document.merge(r.branch(has_times, times, {})),
                    conflict=lambda _, old, __: old.merge(change(own, old, wire)),
                    return_changes="always",
                )

            began_at = self.db.boards.get(settings["id"])["windows_began_at"].default(None)
            return self.db.write_if_current(settings, began_at.do(insert))

        return CompiledFunction(upsert)
