"""Writes of scores to windows, after the write to their board (ADR 41).

Each window has a document of its own for each player, which remembers the idempotency keys. One
query for each window writes all players of a batch. If the process dies before, a repeat of the
increment with its key counts in those windows that lack it.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from leaderboardapp.domain.board_ids import window_id
from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.domain.types import KEYS_REMEMBERED, MAX_SCORE, Increment, Row
from leaderboardapp.stores.rethinkdb.connection import CompiledFunction, r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.results import raise_for_errors
from leaderboardapp.stores.rethinkdb.schema import row_id
from leaderboardapp.stores.rethinkdb.score_fields import (
    apply_once,
    has_score,
    is_carried_over,
    keep_newest,
    set_score_fields,
)

BATCHES_REMEMBERED = 10  # as the board's documents do
PLAYERS_AT_ONCE = 100  # in one write of each window, to stay far within QUERY_SECONDS
SKIPPED = {"errors": 0}
COPIED_FIELDS = ("player", "name", "hidden", "data", "email")
Change = Callable[[Any, Any, Any], Any]
"""Of a window's and a player's document, and a write in its wire form, returns the new fields."""


class WindowScores:
    """Writes of scores to the windows of all boards."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.add = self._compile(_addition_fields)
        self.set = self._compile(_setting_fields)
        self.add_batch = self._compile(_import_fields)

    def add_scores(
        self, board: str, increments: list[Increment], results: Iterable[Any], now: int
    ) -> None:
        """Add the increments that the board has counted, of which the results say so; the first one
        `now`. Raises OutcomeUnknown."""
        windows: set[str] = set()
        additions: dict[str, list[Row]] = defaultdict(list)
        for index, (increment, result) in enumerate(zip(increments, results, strict=True)):
            counted = result.pop("counted", None) if isinstance(result, dict) else None
            if counted is None or (result["repeated"] and counted.key_time is None):
                continue
            windows.update(counted.windows)
            began_at = counted.key_time if result["repeated"] else None
            _append(additions[increment.player], increment, now + index, began_at)
        writes = {player: _to_wire(own) for player, own in additions.items()}
        self._write(board, windows, writes, self.add)

    def set_score(self, board: str, result: Row, score: int, now: int, only_better: bool) -> None:
        """Set the score that the board has taken. Raises OutcomeUnknown."""
        if counted := result.pop("counted", None):
            write = {"score": score, "at": now, "only_better": only_better}
            self._write(board, counted.windows, {result["id"]: write}, self.set)

    def import_batch(self, board: Row, writes: dict[str, Row]) -> None:
        """Add the amounts of a batch of an import, by player. Raises OutcomeUnknown."""
        self._write(board["id"], board["windows"], writes, self.add_batch)

    def _write(
        self, board: str, windows: Iterable[str], writes: dict[str, Row], query: CompiledFunction
    ) -> None:
        """Run the query with the writes, by player, for each window. Raises OutcomeUnknown."""
        players = list(writes)
        for start in range(0, len(players), PLAYERS_AT_ONCE):
            piece = players[start : start + PLAYERS_AT_ONCE]
            keys = r.json(json.dumps([row_id(board, player) for player in piece]))
            wire = r.json(json.dumps({player: writes[player] for player in piece}))
            queries = [r.do(window_id(board, window), keys, wire, query) for window in windows]
            try:
                for result in self.db.run_together(queries):
                    raise_for_errors(result)
            except StoreUnavailable as error:
                raise OutcomeUnknown(str(error)) from error

    def _compile(self, change: Change) -> CompiledFunction:
        """Compile a query: of a window's id, the keys of the board's documents, and the writes by
        player. Who is not in the window yet is created, as on the board, with 0."""

        def query(window: Any, keys: Any, writes: Any) -> Any:
            def write(row: Any) -> Any:
                def start(source: Any) -> Any:
                    new = {
                        "id": r.uuid(r.expr("").add(row["id"], "/", source["player"])),
                        "board": row["id"],
                        **_blank(row, writes[source["player"]]),
                    }
                    return source.merge(new)

                def create(document: Any) -> Any:
                    fields = change(row, document, writes[document["player"]])
                    return r.branch(fields.eq(None), [], [document.merge(fields)])

                def update(_: Any, old: Any, new: Any) -> Any:
                    own = writes[new["player"]]
                    has_own = old["score"].default(None).ne(None)  # archives.py may have left none
                    carried_over = is_carried_over(row, old) & has_own
                    base = r.branch(carried_over, old, old.merge(_blank(row, own)))
                    fields = change(row, base, own)
                    copied = base.without("data").merge(new.pluck(*COPIED_FIELDS))
                    return r.branch(fields.eq(None), old, copied.merge(fields))

                sources = self.db.players.get_all(r.args(keys)).pluck(*COPIED_FIELDS)
                documents = sources.coerce_to("array").map(start).concat_map(create)
                return documents.do(
                    lambda documents: r.branch(
                        documents.is_empty(),
                        SKIPPED,
                        self.db.players.insert(documents, conflict=update),
                    )
                )

            return self.db.boards.get(window).do(
                lambda row: r.branch(row.eq(None), SKIPPED, write(row))
            )

        return CompiledFunction(query)


def _append(additions: list[Row], increment: Increment, at: int, began_at: int | None) -> None:
    """Append an increment to those of its player, or join it with the last one. `began_at` is of a
    repeat: when the newest season of a window had begun as it was counted."""
    key, amount = increment.key, increment.amount
    if key and any(addition["key"] == key for addition in additions):
        return  # it is a repeat within the batch
    last = additions[-1] if additions else None
    if key or last is None or last["key"] or abs(last["amount"] + amount) > MAX_SCORE:
        moves = amount != 0
        additions.append(
            {"amount": amount, "key": key, "at": at, "moves": moves, "began_at": began_at}
        )
    else:
        last["amount"] += amount
        if amount:
            last.update(at=at, moves=True)


def _blank(row: Any, write: Any) -> Any:
    """Return, as ReQL, the fields of a player who has no score in the window's season yet."""
    return {"score": 0, "reached_at": write["at"], "scored": False, "season": row["season"]}


def _to_wire(additions: list[Row]) -> Row:
    return {"at": additions[-1]["at"], "additions": additions}


def _addition_fields(window: Any, player: Any, write: Any) -> Any:
    """Return, as ReQL, the fields after those additions whose keys the player does not know; null
    if there are none.

    A repeat of what was counted before the running season counts in none: it did in another."""

    def select(keys: Any, since: Any) -> Any:
        def is_new(addition: Any) -> Any:
            is_known = keys.contains(addition["key"])
            is_running = addition["began_at"].eq(None) | (addition["began_at"] >= since)
            return is_known.not_() & is_running

        return write["additions"].filter(is_new).do(lambda new: add(keys, new))

    def add(keys: Any, new: Any) -> Any:
        moved = new.filter(lambda addition: addition["moves"])
        fields = _reach(window, player, new.sum("amount"), moved.is_empty(), new.nth(-1)["at"])
        moved_at = {"reached_at": moved.nth(-1)["at"]}
        moves = r.branch(moved.is_empty(), {}, moved_at)
        own = new.filter(lambda addition: addition["key"].ne(None))["key"]
        remembered = r.branch(
            own.is_empty(), {}, {"keys": keep_newest(keys + own, KEYS_REMEMBERED)}
        )
        return r.branch(new.is_empty(), None, r.expr(fields).merge(moves, remembered))

    return r.do(player["keys"].default([]), _began_at(window), select)


def _setting_fields(window: Any, player: Any, write: Any) -> Any:
    """Return, as ReQL, the fields after the score was set."""
    values = write["score"], write["at"], write["only_better"]
    return set_score_fields(window, player, *values, r.expr(None))


def _import_fields(window: Any, player: Any, write: Any) -> Any:
    """Return, as ReQL, the fields after a batch of an import; null if it had begun before the
    running season, and so may have counted in another."""
    amount = write["exact"] + write["rest"]
    fields = _reach(window, player, amount, write["moves"].not_(), write["at"])
    once = apply_once(player, "batches", write["batch"], BATCHES_REMEMBERED, fields)
    is_late = write["began_at"].ne(None) & (write["began_at"] < _began_at(window)).default(False)
    return r.branch(is_late, None, once)


def _reach(window: Any, player: Any, amount: Any, is_unmoved: Any, at: Any) -> Row:
    """Return the fields after the amount was added. A window's score stops at MAX_SCORE."""
    score = r.expr([-MAX_SCORE, r.expr([MAX_SCORE, player["score"] + amount]).min()]).max()
    untouched = is_unmoved & has_score(window, player)
    reached_at = r.branch(untouched, player["reached_at"], at)
    return {"score": score, "reached_at": reached_at, "scored": True, "season": window["season"]}


def _began_at(window: Any) -> Any:
    """Return, as ReQL, when the running season of the window began, in microseconds: `since` is in
    whole seconds."""
    return window["began_at"]
