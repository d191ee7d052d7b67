"""First scores: writes that create their player, if missing, with the score (ADR 34).

The document is inserted with the score that the write gives to a new player. If somebody has
created the player meanwhile, the insertion becomes the same write to the document that is there.
Either is one write of one document, so nobody sees the player without the score.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from leaderboardapp.domain import scoring
from leaderboardapp.domain.exceptions import (
    BoardNotFound,
    PlayerNotFound,
    PlayerRefused,
    WrongSeason,
)
from leaderboardapp.domain.fields import InvalidInput
from leaderboardapp.domain.joining import new_player
from leaderboardapp.domain.types import Increment, Row
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.rethinkdb.database import Database
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

Result = Row | Exception | Refusal


class SetScore(NamedTuple):
    """A score that is set."""

    score: int
    now: int
    only_better: bool
    season: int | None


class FirstScores:
    """Writes of scores to players who may be missing, on all boards."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def begin_run(self, board: str, run: IncrementRun, now: int) -> Iterator[tuple[int, Result]]:
        """Add the increments of a run whose player was missing, one after the other, until one has
        created the player. Yield each one's index, and the row afterwards or why there is none, as
        soon as it is written.

        Increments without a name find no player."""
        for single in run.split():
            [(index, increment)] = single.increments
            if increment.name is None:
                yield index, PlayerNotFound(board, run.player)
                continue
            result = self._add(board, increment, increment.name, single.to_wire(now))
            yield index, result
            if isinstance(result, dict):
                return

    def set_score(self, board: str, player: str, name: str, write: SetScore) -> Result:
        """Set the score of a player who was missing; return the row afterwards, or why there is
        none."""
        apply = scoring.set_best_score if write.only_better else scoring.set_score

        def start(settings: Row, new: Row) -> Row:
            return apply(settings, new, write.score, write.now, write.season)

        def change(settings: Any, old: Any) -> Any:
            values = (write.score, write.now, write.only_better, write.season)
            return set_score_fields(settings, old, *map(r.expr, values))

        return self._upsert(board, ScoreWrite(player), name, start, change, write.now)

    def _add(self, board: str, increment: Increment, name: str, wire: Row) -> Result:
        def start(settings: Row, new: Row) -> Row:
            amount, season = increment.amount, increment.season
            fields, keys = (
                scoring.add_amount(settings, new, amount, wire["now"], season),
                wire["keys"],
            )
            return {**fields, "keys": keys} if keys else fields

        def change(settings: Any, old: Any) -> Any:
            return increment_fields(settings, old, r.expr(wire))

        write = ScoreWrite(increment.player, wire["keys"])
        return self._upsert(board, write, name, start, change, wire["now"])

    def _upsert(
        self,
        board: str,
        write: ScoreWrite,
        name: str,
        start: Callable[[Row, Row], Row],
        change: Callable[[Any, Any], Any],
        now: int,
    ) -> Result:
        """Insert the player with the fields that `start` gives; if the player is there, make the
        `change`. Return the row afterwards, or why there is none."""

        player = write.player

        def attempt(settings: Row) -> Row:
            new = new_player(settings, player, name)
            fields = scoring.start_with(settings, player, None, now)
            fields |= start(settings, {**new, **fields})
            del fields["not_carried_over"]
            season = {"season": settings["season"]}
            document = {**player_document(board, player, new["name"]), **fields, **season}

            def insert(began_at: Any) -> Any:
                own = r.expr(settings).merge({"windows_began_at": began_at})
                has_times = settings["windows"] and "keys" in document
                times = {"key_times": [find_windows_began_at(own, now)]} if has_times else {}
                return self.db.players.insert(
                    {**document, **times},
                    conflict=lambda _, old, __: old.merge(change(own, old)),
                    return_changes="always",
                )

            began_at = self.db.boards.get(board)["windows_began_at"].default(None)
            write = self.db.write_if_current(settings, began_at.do(insert))
            result: Row = self.db.run(write)
            return {**result, "windows": settings["windows"]}

        try:
            written = self.db.check_and_write(board, attempt, (OUTDATED,))
        except (BoardNotFound, PlayerRefused, WrongSeason, InvalidInput) as error:
            return error
        [result] = parse_score_changes(written, board, [write])
        return result
