"""The store in RethinkDB."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, cast

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.seasons import end_after
from leaderboardapp.stores.base import (
    BOARD_DEFAULTS,
    AlreadyExists,
    Amount,
    Count,
    Feed,
    Import,
    ImportMoved,
    Increment,
    Key,
    Lease,
    OutcomeUnknown,
    Row,
    ScoreOutOfRange,
    Store,
    StoreUnavailable,
    WrongSeason,
    check_due,
    check_season,
    key_of,
    limits,
    now_us,
)
from leaderboardapp.stores.rethinkdb.blocks import Blocks, place_of, season_ends
from leaderboardapp.stores.rethinkdb.connection import Connection, Connections, parse_url, r
from leaderboardapp.stores.rethinkdb.feed import RethinkFeed
from leaderboardapp.stores.rethinkdb.scores import (
    OUT_OF_RANGE,
    WRONG_SEASON,
    added,
    once,
    put,
    swept,
)
from leaderboardapp.stores.rethinkdb.tables import SETUP_SECONDS, ensure, row_id

QUERY_SECONDS = 2.5
SCAN_SECONDS = 10.0  # for each piece of a long read
DELETE_ROWS = 2_000  # at once, to stay far within QUERY_SECONDS
SWEEP_ROWS = 1_000  # for the same reason, as
WRITES_AT_ONCE = 100
BATCHES_REMEMBERED = 10  # per player: only a batch that was interrupted is ever looked up

NO_BOARD = "no such board"
IMPORT_MOVED = "import moved"
LEASE_LOST = "lease lost"

LEASE = "listener"  # the only document of its table
# How much later than acknowledged a write may be stamped: clocks of the cluster's servers differ.
TOLERANCE_MS = 5_000


class Refused(NamedTuple):
    """A write that the board does not allow."""

    player: str
    why: str

    def error(self, board: Row) -> Exception:
        if self.why == WRONG_SEASON:
            return WrongSeason(board["season"])
        return ScoreOutOfRange(self.player, board)


class RethinkStore(Store):
    def __init__(self, url: str) -> None:
        self.address = parse_url(url)
        self.connections = Connections(self.address, QUERY_SECONDS)
        self.run = self.connections.run
        self.blocks = Blocks(self.run, self.position)
        self.boards, self.players, self.imports = map(r.table, ("boards", "players", "imports"))
        self.deleted, self.lease, self.seasons = map(r.table, ("deleted", "lease", "seasons"))
        # Made once, because the driver takes longer to build these than the server to answer.
        self.snapshot = r.ast.Func(lambda board: self.board_and_top(board))
        self.add = r.ast.Func(
            lambda board, player, amount, now, key, season: self.change_score(
                board, player, lambda row, old: added(row, old, amount, now, key, season)
            )
        )
        self.put = r.ast.Func(
            lambda board, player, score, now, only_better, season: self.change_score(
                board, player, lambda row, old: put(row, old, score, now, only_better, season)
            )
        )

    def ensure(self) -> None:
        connection = Connection(self.address, SETUP_SECONDS)
        try:
            ensure(connection, self.address["db"])
        finally:
            connection.close()

    def ping(self) -> None:
        self.run(self.boards.limit(1))

    def create_board(self, board: Row) -> None:
        # Whoever was being added while a board of this id was deleted does not come back.
        gone = self.boards.get(board["id"]).eq(None)
        for rows in self.rows_of(board["id"]):
            self.delete_all(rows, only_if=gone)
        _check(self.run(self.boards.insert({**BOARD_DEFAULTS, **board})), board["id"])

    def list_boards(self, after: str, limit: int, private: bool = False) -> list[Row]:
        rows = self.boards.between(after, r.maxval, left_bound="open").order_by(index="id")
        if not private:
            rows = rows.filter(~r.row["private"].default(False))
        return [_board_row(row) for row in self.run(rows.limit(limit))]

    def get_board(self, board: str) -> Row:
        return _board_row(_found(self.run(self.boards.get(board))))

    def update_board(self, board: str, fields: Row) -> Row:
        return _board_row(self.update(self.boards.get(board), fields))

    def delete_board(self, board: str) -> None:
        self.note_deletion(board)
        # The board first, so that nobody begins to add to it.
        deleted = self.run(self.boards.get(board).delete())["deleted"]
        try:
            for rows in self.rows_of(board):
                self.delete_all(rows)
        except StoreUnavailable as error:
            raise OutcomeUnknown(str(error)) from error
        if not deleted:
            raise ObjectDoesNotExist

    def create_player(self, board: str, player: Row) -> Row:
        score = player.get("score")
        document = {**_player_document(board, player["id"], player["name"]), "score": score or 0}
        document["scored"] = score is not None

        def insert(row: Any) -> Any:
            season = row["season"].default(1)
            return self.players.insert(r.expr(document).merge({"season": season}))

        _check(self.run(self.on_board(board, insert)), player["id"])
        return _player_row(document)

    def get_player(self, board: str, player: str) -> Row:
        row = self.boards.get(board)
        settings, document = self.run(r.expr([row, self.players.get(row_id(board, player))]))
        return _player_row(_found(document), _board_row(_found(settings))["season"])

    def update_player(self, board: str, player: str, fields: Row) -> Row:
        update = self.players.get(row_id(board, player)).update(fields, return_changes="always")
        settings, result = self.run(r.expr([self.boards.get(board), update]))
        return _player_row(_changed(result), _board_row(_found(settings))["season"])

    def delete_player(self, board: str, player: str) -> None:
        self.note_deletion(board)
        # The player last: if something fails before, the request can be repeated.
        past = self.seasons.between([board, r.minval], [board, r.maxval], index="board")
        others = r.row["players"].filter(lambda row: row["id"].ne(player))
        _check(self.run(past.update({"players": others})))
        if not self.run(self.players.get(row_id(board, player)).delete())["deleted"]:
            raise ObjectDoesNotExist

    def add_scores(self, board: str, increments: list[Increment]) -> list[Row | Exception]:
        results: list[Row | Exception | Refused] = []
        for start in range(0, len(increments), WRITES_AT_ONCE):
            some = increments[start : start + WRITES_AT_ONCE]
            writes = [
                r.do(board, row_id(board, player), amount, now_us(), key, season, self.add)
                for player, amount, key, season in some
            ]
            try:
                results += map(_scored, self.run(r.expr(writes)), (each.player for each in some))
            except StoreUnavailable as error:
                if start:  # something was done
                    raise OutcomeUnknown(str(error)) from error
                raise
        return self.explained(board, results)

    def put_score(
        self, board: str, player: str, score: int, only_better: bool, season: int | None = None
    ) -> Row:
        key = row_id(board, player)
        written = self.run(r.do(board, key, score, now_us(), only_better, season, self.put))
        [result] = self.explained(board, [_scored(written, player)])
        if isinstance(result, Exception):
            raise result
        return result

    def explained(
        self, board: str, results: list[Row | Exception | Refused]
    ) -> list[Row | Exception]:
        """With the exception, which names what the board allows, in place of each refusal."""
        if not any(isinstance(result, Refused) for result in results):
            return cast(list[Row | Exception], results)
        try:
            row = self.get_board(board)
        except ObjectDoesNotExist as error:
            return [error if isinstance(result, Refused) else result for result in results]
        except StoreUnavailable as error:
            raise OutcomeUnknown(str(error)) from error
        return [each.error(row) if isinstance(each, Refused) else each for each in results]

    def reset(self, board: str, season: int, now: str, only_if_due: bool = False) -> Row:
        row = self.get_board(board)
        check_season(row, season)
        if only_if_due:
            check_due(row, now)
        # Before the season ends, when all are in it, and after, for what was written meanwhile.
        self.archive(row, now, final=False)
        change = {"season": season + 1, "ends_at": end_after(now, row["schedule"])}
        result = self.run(
            self.boards.get(board).update(
                lambda old: r.branch(_has_changed(old, row), r.error(WRONG_SEASON), change)
            )
        )
        if result.get("first_error") == WRONG_SEASON:
            raise WrongSeason(self.get_board(board)["season"])
        _check(result)
        try:
            if result["skipped"]:  # deleted meanwhile, perhaps before this was kept
                self.run(self.seasons.get(row_id(board, str(season))).delete())
                raise ObjectDoesNotExist
            self.archive(row, now, final=True)
            self.tidy(board)  # most boards are done with that
        except StoreUnavailable as error:
            raise OutcomeUnknown(str(error)) from error
        return {**row, **change}

    def archive(self, board: Row, ended_at: str, final: bool) -> None:
        """Keep the top of a season; finally with those of it who have left for the next season
        since it was first kept. What is final is kept as it is: whoever else resets the same
        season may be late."""
        id = row_id(board["id"], str(board["season"]))
        kept = self.run(self.seasons.get(id)["players"].default([])) if final else []
        in_season = self.blocks.page(board, board["size"], season=board["season"])
        rows = {row["id"]: row for row in [*kept, *map(_player_row, in_season)]}
        best = sorted(rows.values(), key=lambda row: place_of(board, key_of(row)))
        document = {
            "id": id,
            "board": board["id"],
            "number": board["season"],
            "ended_at": ended_at,
            "settings": board,
            "players": best[: board["size"]],
            "final": final,
        }

        def replace(_: Any, old: Any, new: Any) -> Any:
            return r.branch(old["final"], old, new)

        _check(self.run(self.seasons.insert(document, conflict=replace)))

    def list_seasons(self, board: str, before: int, limit: int) -> list[tuple[int, str]]:
        past = self.seasons.between([board, r.minval], [board, before], index="board")
        rows = self.run(past.order_by(index=r.desc("board")).limit(limit))
        return [(row["number"], row["ended_at"]) for row in rows]

    def get_season(self, board: str, season: int) -> tuple[str, Row, list[Row]]:
        row = self.boards.get(board)
        running = row["season"].default(1)
        document = self.seasons.get(row_id(board, str(season)))
        past = _found(self.run(r.branch(running > season, document, None)))
        return past["ended_at"], past["settings"], past["players"]

    def due_boards(self, now: str) -> list[Row]:
        rows = self.boards.between(r.minval, now, index="ends_at", right_bound="closed")
        return [_board_row(row) for row in self.run(rows)]

    def tidy(self, board: str) -> bool:
        def sweep(row: Any) -> Any:
            ended = [board, row["season"].default(1)]
            rows = self.players.between([board, r.minval], ended, index="season_desc")
            return rows.limit(SWEEP_ROWS).update(lambda old: swept(row, old))

        try:
            result = self.run(self.on_board(board, sweep))
            _check(result)
            return result["replaced"] == SWEEP_ROWS or self.blocks.round(self.get_board(board))
        except ObjectDoesNotExist:
            return False

    def page(
        self, board: Row, limit: int, after: Key | None = None, backward: bool = False
    ) -> list[Row]:
        return [_player_row(row) for row in self.blocks.page(board, limit, after, backward)]

    def list_hidden(self, board: str, after: str, limit: int) -> list[Row]:
        season = self.get_board(board)["season"]
        hidden = self.players.get_all(board, index="hidden").filter(r.row["player"] > after)
        rows = self.run(hidden.order_by("player").limit(limit))
        return [_player_row(row, season) for row in rows]

    def count_before(self, board: Row, key: Key) -> Count:
        return self.blocks.count_before(board, key)

    def count_scores_before(self, board: Row, score: int) -> Count:
        return self.blocks.count_scores_before(board, score)

    def tops(self, boards: Iterable[str]) -> dict[str, tuple[Row, list[Row]]]:
        rows = [row for row in self.run(r.expr(list(boards)).map(self.snapshot)) if row]
        return {
            row["board"]["id"]: (_board_row(row["board"]), [_player_row(p) for p in row["players"]])
            for row in rows
        }

    def get_import(self, board: str, name: str) -> Import:
        row = self.run(self.imports.get(row_id(board, name)))
        return Import(*(row[field] for field in Import._fields)) if row else Import()

    def import_batch(self, board: str, name: str, upto: Import, amounts: list[Amount]) -> None:
        # Nothing is atomic across documents: the intent is written first, each player's document
        # remembers the batch with its score, and a batch cut short is applied again to the rest.
        settings = self.get_board(board)
        low, high = limits(settings)
        self.check_range(settings, f"{name}:{upto.line}", amounts)
        self.note_import(board, name, upto._replace(done=False))
        batch, now = f"{name}:{upto.line}", now_us()
        documents = [
            {
                **_player_document(board, player, shown),
                "score": amount,
                "reached_at": now + position,
                "season": settings["season"],
                "batches": [batch],
            }
            for position, (player, shown, amount) in enumerate(amounts)
        ]

        def add(_: Any, old: Any, new: Any) -> Any:
            before = r.branch(old["season"].default(1) >= settings["season"], old["score"], 0)
            score, same = before + new["score"], new["score"].eq(0)
            reached_at = r.branch(same, old["reached_at"], new["reached_at"])
            season = r.expr([old["season"].default(1), settings["season"]]).max()
            fields = {"score": score, "reached_at": reached_at, "scored": True, "season": season}
            allowed = r.branch((score < low) | (score > high), r.error(OUT_OF_RANGE), fields)
            return old.merge(once(old, "batches", batch, BATCHES_REMEMBERED, allowed))

        result = self.run(self.players.insert(documents, conflict=add))
        if result.get("first_error") == OUT_OF_RANGE:
            raise ScoreOutOfRange("a player", settings)
        _check(result)
        try:
            self.note_import(board, name, upto._replace(done=True))
        except ObjectDoesNotExist:  # the board was deleted meanwhile
            for rows in self.rows_of(board):
                self.delete_all(rows, only_if=self.boards.get(board).eq(None))
            raise

    def check_range(self, board: Row, batch: str, amounts: list[Amount]) -> None:
        """Before anything is counted, because what is counted of a batch cannot be taken back."""
        low, high = limits(board)
        keys = [row_id(board["id"], amount.player) for amount in amounts]
        found = self.run(self.players.get_all(*keys).without("keys"))
        rows = {row["player"]: {**row, **_player_row(row, board["season"])} for row in found}
        for player, _, amount in amounts:
            row = rows.get(player, {"score": 0})
            counted = batch in row.get("batches", ())
            if not counted and not low <= row["score"] + amount <= high:
                raise ScoreOutOfRange(player, board)

    def note_import(self, board: str, name: str, state: Import) -> None:
        """Begin a batch (again) where the last one ended, or end the one begun; or ImportMoved."""
        row = {"id": row_id(board, name), "board": board, "name": name, **state._asdict()}

        def replace(_: Any, old: Any, new: Any) -> Any:
            same_batch = old["start"].eq(state.start) & old["line"].eq(state.line)
            last_ended_here = old["done"] & old["line"].eq(state.start)
            expected = same_batch if state.done else last_ended_here | same_batch & ~old["done"]
            return r.branch(expected, new, r.error(IMPORT_MOVED))

        insert = self.imports.insert(row, conflict=replace)
        _check(self.run(self.on_board(board, lambda _: insert)))

    def open_feed(self) -> Feed:
        connection = Connection(self.address, SCAN_SECONDS)
        return RethinkFeed(connection, self.players, self.boards, self.lease)

    def position(self) -> int:
        return int(self.run(r.now().to_epoch_time()) * 1000) - TOLERANCE_MS

    def changed_since(self, position: int) -> Iterator[str]:
        since = r.epoch_time(max(position, 0) / 1000)
        named = [(self.boards, "id"), (self.deleted, "id")]
        if position:  # without one, boards are enough: no player has another one
            named.append((self.players, "board"))
        connection = Connection(self.address, SCAN_SECONDS)
        try:
            for table, board in named:
                rows = table.between(since, r.maxval, index="changed_at")
                yield from connection.stream(rows[board])
        finally:
            connection.close()

    def read_lease(self) -> Lease:
        row = self.run(self.lease.get(LEASE))
        return Lease(*(row[field] for field in Lease._fields)) if row else Lease()

    def replace_lease(self, old: Lease, new: Lease) -> bool:
        def replace(row: Any) -> Any:
            there = r.expr([row["holder"], row["beat"]]).default(list(Lease()[:2]))
            return r.branch(
                there.eq(list(old[:2])), {"id": LEASE, **new._asdict()}, r.error(LEASE_LOST)
            )

        result = self.run(self.lease.get(LEASE).replace(replace))
        if result["errors"] and result["first_error"] == LEASE_LOST:
            return False
        _check(result)
        return True

    def note_deletion(self, board: str) -> None:
        # Before the deletion: a listener that was away looks further back than it needs to.
        def again(_: Any, old: Any, __: Any) -> Any:
            return old.merge({"times": old["times"].default(1) + 1})

        _check(self.run(self.deleted.insert({"id": board, "times": 1}, conflict=again)))

    def close(self) -> None:
        self.connections.close()

    def board_and_top(self, board: Any) -> Any:
        return self.boards.get(board).do(
            lambda row: r.branch(
                row.eq(None),
                None,
                {
                    "board": row,
                    "players": r.branch(
                        row["order"].default("desc").eq("asc"),
                        self.best(row, "season_asc"),
                        self.best(row, "season_desc"),
                    ),
                },
            )
        )

    def best(self, board: Any, index: str) -> Any:
        least, most = season_ends(board["id"], board["season"].default(1))
        rows = self.players.between(least, most, index=index).order_by(index=index)
        shown = rows.limit(board["size"].default(BOARD_DEFAULTS["size"]))
        return shown.without("keys", "batches").coerce_to("array")

    def change_score(self, board: Any, player: Any, change: Callable[[Any, Any], Any]) -> Any:
        """`change` takes the board's and the player's document, and gives the new fields."""
        document = self.players.get(player)
        return self.on_board(
            board,
            lambda row: document.update(lambda old: change(row, old), return_changes="always"),
        )

    def on_board(self, board: Any, write: Callable[[Any], Any]) -> Any:
        return self.boards.get(board).do(
            lambda row: r.branch(row.eq(None), {"errors": 1, "first_error": NO_BOARD}, write(row))
        )

    def rows_of(self, board: str) -> tuple[Any, ...]:
        """All rows that belong to a board."""
        least, most = [board, r.minval], [board, r.maxval]
        ranked = self.players.between(least, most, index="season_desc")
        hidden = self.players.get_all(board, index="hidden")
        numbered = (
            each.between(least, most, index="board") for each in (self.seasons, self.blocks.blocks)
        )
        return ranked, hidden, *numbered, self.imports.get_all(board, index="board")

    def delete_all(self, rows: Any, only_if: Any = True) -> None:
        some = rows.limit(DELETE_ROWS).delete()
        while self.run(r.branch(only_if, some, {"deleted": 0}))["deleted"]:
            pass

    def update(self, document: Any, change: Any) -> Row:
        """The document after the change. Raises ObjectDoesNotExist."""
        return _changed(self.run(document.update(change, return_changes="always")))


def _player_document(board: str, player: str, name: str) -> Row:
    return {
        "id": row_id(board, player),
        "board": board,
        "player": player,
        "name": name,
        "score": 0,
        "reached_at": now_us(),
    }


def _board_row(document: Row) -> Row:
    # A row made in the console may lack something; it must not keep others from being shown.
    return {"id": document["id"], **{f: document.get(f, d) for f, d in BOARD_DEFAULTS.items()}}


def _has_changed(document: Any, board: Row) -> Any:
    """Whether the board is in another season by now, or is to end it at another time."""
    same = [
        document[field].default(BOARD_DEFAULTS[field]).eq(board[field])
        for field in ("season", "schedule", "ends_at")
    ]
    return ~r.and_(*same)


def _player_row(document: Row, season: int = 0) -> Row:
    """`season`: the running one, if the document may be of another, which tidy has not come to."""
    running = document.get("season", 1) >= season
    return {
        "id": document["player"],
        "name": document.get("name", ""),
        "score": document["score"] if running else 0,
        "reached_at": document["reached_at"],
        "hidden": document.get("hidden", False),
        "scored": document.get("scored", True) and running,
        "late": not running,
    }


def _scored(result: Row, player: str) -> Row | Exception | Refused:
    """The player's row after the write of its score, or why there is none."""
    if (why := result.get("first_error")) in (OUT_OF_RANGE, WRONG_SEASON):
        return Refused(player, why)
    try:
        return _player_row(_changed(result))
    except ObjectDoesNotExist as error:
        return error
    except StoreUnavailable as error:  # of this row; others in the same query were written
        raise OutcomeUnknown(str(error)) from error


def _changed(result: Row) -> Row:
    """The document after an update that returned its changes. Raises ObjectDoesNotExist."""
    _check(result)
    if not result.get("changes") or result["changes"][0]["new_val"] is None:
        raise ObjectDoesNotExist
    new: Row = result["changes"][0]["new_val"]
    return new


def _found(document: Row | None) -> Row:
    if document is None:
        raise ObjectDoesNotExist
    return document


def _check(result: Row, id: str = "") -> None:
    """Failures of single documents raise nothing in the driver; they are counted."""
    error = result.get("first_error", "")
    if not result["errors"]:
        return
    if error.startswith("Duplicate primary key"):
        raise AlreadyExists(id)
    if error == NO_BOARD:
        raise ObjectDoesNotExist
    if error == IMPORT_MOVED:
        raise ImportMoved
    raise StoreUnavailable(error)
