"""The store in RethinkDB."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.domain.exceptions import OutcomeUnknown, StoreUnavailable
from leaderboardapp.domain.types import (
    BOARD_DEFAULTS,
    Increment,
    Lease,
    RankPosition,
    Row,
    Window,
    rank_position,
)
from leaderboardapp.stores.base import EncodedMessage, Feed, MessageStream, now_us
from leaderboardapp.stores.rethinkdb import message_stream
from leaderboardapp.stores.rethinkdb.connection import Connection, Function, r
from leaderboardapp.stores.rethinkdb.feed import RethinkFeed
from leaderboardapp.stores.rethinkdb.imports import Imports
from leaderboardapp.stores.rethinkdb.increment_runs import Run, first_of_each, runs_of
from leaderboardapp.stores.rethinkdb.ranking import PARTS
from leaderboardapp.stores.rethinkdb.results import (
    Refused,
    changed,
    changes_of,
    check,
    found,
    scored,
)
from leaderboardapp.stores.rethinkdb.rows import board_row, player_document, player_row
from leaderboardapp.stores.rethinkdb.schema import SETUP_SECONDS, UNSHOWN, ensure, row_id
from leaderboardapp.stores.rethinkdb.score_updates import added, put
from leaderboardapp.stores.rethinkdb.seasons import Seasons

SCAN_SECONDS = 10.0  # for each piece of a long read
PLAYERS_AT_ONCE = 100  # in one write, to stay far within QUERY_SECONDS
WRITES_AT_ONCE = 25  # in one query, one after the other

LEASE_LOST = "lease lost"

LEASE = "listener"  # the only document of its table
# How much later than acknowledged a write may be stamped: clocks of the cluster's servers differ.
TOLERANCE_MS = 5_000


class RethinkStore(Imports, Seasons):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        # Made once, because the driver takes longer to build these than the server to answer.
        self.snapshot = Function(lambda board: self.board_and_top(board))
        # Of one player it costs the server half as much again to find it by get_all.
        self.add_one = Function(
            lambda board, runs: self.add_runs(board, self.players.get(runs.keys()[0]), runs)
        )
        self.add_many = Function(
            lambda board, runs: self.add_runs(
                board, self.players.get_all(r.args(runs.keys())), runs
            )
        )
        self.put = Function(
            lambda board, player, score, now, only_better, season: self.change_scores(
                board,
                self.players.get(player),
                lambda row, old: put(row, old, score, now, only_better, season),
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
        check(self.run(self.boards.insert({**BOARD_DEFAULTS, **board})), board["id"])

    def list_boards(self, after: str, limit: int, private: bool = False) -> list[Row]:
        rows = self.boards.between(after, r.maxval, left_bound="open").order_by(index="id")
        if not private:
            rows = rows.filter(~r.row["private"].default(False))
        return [board_row(row) for row in self.run(rows.limit(limit))]

    def get_board(self, board: str) -> Row:
        return board_row(found(self.run(self.boards.get(board))))

    def update_board(self, board: str, fields: Row) -> Row:
        return board_row(self.update(self.boards.get(board), fields))

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
        score, email = player.get("score"), player.get("email")
        document = {**player_document(board, player["id"], player["name"]), "score": score or 0}
        document["scored"] = score is not None
        if email:
            document["email"] = email

        def insert(row: Any) -> Any:
            new = r.expr(document).merge({"season": row["season"].default(1)})
            added = self.players.insert(new)
            return self.emails.holding(board, email, document["id"], added) if email else added

        if email:
            self.emails.reserve(board, email, document)
        check(self.run(self.on_board(board, insert)), player["id"])
        return player_row(document)

    def get_emails(self, board: str, players: list[str]) -> dict[str, str]:
        rows = self.players.get_all(*(row_id(board, player) for player in players))
        found = self.run(rows.has_fields("email").pluck("player", "email"))
        return {row["player"]: row["email"] for row in found}

    def get_player(self, board: str, player: str) -> Row:
        row = self.boards.get(board)
        document = self.players.get(row_id(board, player)).without(*UNSHOWN).default(None)
        settings, document = self.run(r.expr([row, document]))
        return player_row(found(document), board_row(found(settings))["season"])

    def update_player(self, board: str, player: str, fields: Row) -> Row:
        update = self.players.get(row_id(board, player)).update(fields, return_changes="always")
        settings, result = self.run(r.expr([self.boards.get(board), update]))
        return player_row(changed(result), board_row(found(settings))["season"])

    def delete_player(self, board: str, player: str) -> None:
        self.note_deletion(board)
        # The player last: if something fails before, the request can be repeated.
        past = self.seasons.between([board, r.minval], [board, r.maxval], index="board")
        others = r.row["players"].filter(lambda row: row["id"].ne(player))
        check(self.run(past.update({"players": others})))
        document = self.players.get(row_id(board, player))
        freed, deleted = self.run(r.expr([self.emails.free(board, document), document.delete()]))
        if not deleted["deleted"]:
            raise ObjectDoesNotExist

    def add_scores(self, board: str, increments: list[Increment]) -> list[Row | Exception]:
        results: dict[int, Row | Exception | Refused] = {}
        waiting, now = runs_of(increments), now_us()
        try:
            while waiting:
                runs, waiting = first_of_each(waiting, PLAYERS_AT_ONCE)
                for run, result in zip(runs, self.write_runs(board, runs, now), strict=True):
                    if isinstance(result, Refused) and len(run.increments) > 1:
                        for place, single in self.write_singly(board, run, now):
                            results[place] = single
                    else:
                        results |= run.results(result)
        except StoreUnavailable as error:
            if results:  # something was done
                raise OutcomeUnknown(str(error)) from error
            raise
        return self.explained(board, [results[place] for place in range(len(increments))])

    def write_runs(self, board: str, runs: list[Run], now: int) -> list[Row | Exception | Refused]:
        """Each player's row afterwards, or why it was not written."""
        wire = {row_id(board, run.player): run.wire(now) for run in runs}
        changes = changes_of(self.run(self.write(board, wire)))
        return [scored(changes.get(key), run.player) for key, run in zip(wire, runs, strict=True)]

    def write_singly(
        self, board: str, run: Run, now: int
    ) -> Iterator[tuple[int, Row | Exception | Refused]]:
        """With the place of each, and as they are written: one after the other, for a run that was
        refused, of which some may be allowed."""
        key, singles = row_id(board, run.player), run.singles()
        for start in range(0, len(singles), WRITES_AT_ONCE):
            some = singles[start : start + WRITES_AT_ONCE]
            writes = [self.write(board, {key: single.wire(now)}) for single in some]
            for single, written in zip(some, self.run(r.expr(writes)), strict=True):
                [(place, _)] = single.increments
                yield place, scored(changes_of(written).get(key), run.player)

    def write(self, board: str, wire: dict[str, Row]) -> Any:
        """`wire` by the players' keys."""
        add = self.add_one if len(wire) == 1 else self.add_many
        return r.do(board, r.json(json.dumps(wire)), add)

    def set_score(
        self, board: str, player: str, score: int, only_better: bool, season: int | None = None
    ) -> Row:
        key = row_id(board, player)
        written = self.run(r.do(board, key, score, now_us(), only_better, season, self.put))
        [result] = self.explained(board, [scored(changes_of(written).get(key), player)])
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

    def list_hidden(self, board: str, after: str, limit: int) -> list[Row]:
        season = self.get_board(board)["season"]
        here, most = [board, after], [board, r.maxval]
        rows = self.players.between(here, most, index="hidden_on", left_bound="open")
        ordered = rows.order_by(index="hidden_on").limit(limit).without(*UNSHOWN)
        return [player_row(row, season) for row in self.run(ordered)]

    def get_ranking_window(
        self, board: Row, limit: int, after: RankPosition | None = None, around: Row | None = None
    ) -> Window:
        key, player = (rank_position(around), around["id"]) if around else (after, None)
        read = self.windows.read(board, limit, key, player)
        above, below = ([player_row(row) for row in read.pop(part, [])] for part in PARTS)
        rows = [*above[::-1], around, *below] if around else below
        return Window(rows, **read)

    def get_top_players(self, boards: Iterable[str]) -> dict[str, tuple[Row, list[Row]]]:
        rows = [row for row in self.run(r.expr(list(boards)).map(self.snapshot)) if row]
        return {
            row["board"]["id"]: (board_row(row["board"]), [player_row(p) for p in row["players"]])
            for row in rows
        }

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
        check(result)
        return True

    def note_deletion(self, board: str) -> None:
        # Before the deletion: a listener that was away looks further back than it needs to.
        def again(_: Any, old: Any, __: Any) -> Any:
            return old.merge({"times": old["times"].default(1) + 1})

        check(self.run(self.deleted.insert({"id": board, "times": 1}, conflict=again)))

    def publish(self, exchange: str, message: EncodedMessage) -> None:
        message_stream.publish(self.run, exchange, message)

    def expire_messages(self, older: float) -> None:
        message_stream.expire(self.run, older)

    def open_message_stream(self) -> MessageStream:
        return message_stream.RethinkMessageStream(self.address)

    def close(self) -> None:
        self.connections.close()

    def board_and_top(self, board: Any) -> Any:
        return self.boards.get(board).do(
            lambda row: r.branch(row.eq(None), None, {"board": row, "players": self.best(row)})
        )

    def change_scores(self, board: Any, players: Any, change: Callable[[Any, Any], Any]) -> Any:
        """`change` takes the board's and a player's document, and gives the new fields."""
        return self.on_board(
            board,
            lambda row: players.update(lambda old: change(row, old), return_changes="always"),
        )

    def add_runs(self, board: Any, players: Any, runs: Any) -> Any:
        """`runs` by the players' keys."""
        return self.change_scores(
            board,
            players,
            lambda row, old: runs[old["id"]].do(lambda run: added(row, old, run)),
        )
