"""The store in RethinkDB: boards, players, listeners, and what it delegates to its parts."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

from leaderboardapp.domain.exceptions import BoardNotFound, OutcomeUnknown, StoreUnavailable
from leaderboardapp.domain.joining import check_board
from leaderboardapp.domain.parts import ALL_PARTS, Parts
from leaderboardapp.domain.searching import BoardPage, BoardPosition, SearchPage, SearchPosition
from leaderboardapp.domain.topics import Reql
from leaderboardapp.domain.types import (
    BOARD_DEFAULTS,
    Amount,
    Import,
    Increment,
    Lease,
    PlayerSeason,
    PlayerStandings,
    Precondition,
    RankPosition,
    Row,
    ScoreRank,
    Selection,
    Window,
)
from leaderboardapp.domain.windows import FOLLOWED_FIELDS
from leaderboardapp.stores.base import Store, now_us
from leaderboardapp.stores.examination import Examination
from leaderboardapp.stores.ranked_increments import add_ranks, select_ranked, split_by_ranks
from leaderboardapp.stores.rethinkdb import lease, maintenance, message_stream
from leaderboardapp.stores.rethinkdb.archives import Archives
from leaderboardapp.stores.rethinkdb.connection import CompiledFunction, r
from leaderboardapp.stores.rethinkdb.copies import RethinkCopies
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.emails import Emails
from leaderboardapp.stores.rethinkdb.erasure import Erasure
from leaderboardapp.stores.rethinkdb.examination import examine_schema
from leaderboardapp.stores.rethinkdb.feed import RethinkFeed
from leaderboardapp.stores.rethinkdb.imports import Imports
from leaderboardapp.stores.rethinkdb.players import Players
from leaderboardapp.stores.rethinkdb.rank_blocks import RankBlocks
from leaderboardapp.stores.rethinkdb.ranked_rows import LiveRows, PastRows
from leaderboardapp.stores.rethinkdb.ranking import Ranking
from leaderboardapp.stores.rethinkdb.results import get_updated_document, raise_for_errors
from leaderboardapp.stores.rethinkdb.rows import board_row, is_board, player_row, with_fields
from leaderboardapp.stores.rethinkdb.schema import SETUP_SECONDS, ensure_schema
from leaderboardapp.stores.rethinkdb.score_updates import ScoreUpdates
from leaderboardapp.stores.rethinkdb.search import Search, fill_search
from leaderboardapp.stores.rethinkdb.seasons import Seasons
from leaderboardapp.stores.rethinkdb.standings import Standings
from leaderboardapp.stores.rethinkdb.windows import Windows
from leaderboardapp.stores.streams import Feed, MessageStream

SCAN_SECONDS = 10.0  # for each piece of a long read
# How much later than acknowledged a write may be stamped: clocks of the cluster's servers differ.
TOLERANCE_MS = 5_000


class RethinkStore(Store):
    """A store in one RethinkDB database, made of parts that share the connections."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.db = Database(url)
        self.ranking = Ranking(self.db, LiveRows(self.db))
        self.past = Ranking(self.db, PastRows(self.db))
        self.emails = Emails(self.db)
        self.score_updates = ScoreUpdates(self.db)
        self.rank_blocks = RankBlocks(self.db, self.ranking, self.position)
        self.standings = Standings(self.db, self.ranking)
        self.past_standings = Standings(self.db, self.past)
        self.archives = Archives(self.db, self.ranking, self.past)
        self.erasure = Erasure(self.db, self.emails)
        self.windows = Windows(self.db, self.erasure)
        self.search = Search(self.db, self.standings)
        self.players = Players(self.db, self.emails, self.erasure, self.windows, self.search)
        self.seasons = Seasons(self.db, self.past, self.archives, self.rank_blocks, self.windows)
        self.imports = Imports(self.db)
        self.copies = RethinkCopies(self.db, self.windows, self.search)
        self.snapshot = CompiledFunction(lambda board: self._build_snapshot(board))
        self.leader = CompiledFunction(lambda board: self._build_leader(board))

    def check(self) -> None:
        self.db.connections.breaker.check()

    def ensure(self) -> None:
        with closing(self.db.connections.open(SETUP_SECONDS)) as connection:
            ensure_schema(connection, self.db.connections.address)
            fill_search(connection)

    def examine(self) -> Examination:
        return examine_schema(self.db)

    def ping(self) -> None:
        self.db.run(self.db.boards.limit(1))

    def create_board(self, board: Row) -> None:
        board = {**BOARD_DEFAULTS, **check_board(board)}
        # A player who was added while a board of this id was deleted must not come back.
        absent = self.db.boards.get(board["id"]).eq(None)
        for rows in self.db.select_rows_of_board(board["id"]):
            self.db.delete_in_pieces(rows, only_if=absent)
        raise_for_errors(self.db.run(self.db.boards.insert(board)), id=board["id"])
        self.search.remember_board(board, now_us())
        if board["windows"]:
            self._follow(board["id"])

    def list_boards(self, after: str, limit: int, private: bool = False) -> list[Row]:
        rows = self.db.boards.between(after, r.maxval, left_bound="open").order_by(index="id")
        rows = rows.filter(r.row["since"].default(None).eq(None))
        if not private:
            rows = rows.filter(~r.row["private"].default(False))
        return [board_row(row) for row in self.db.run(rows.limit(limit))]

    def find_boards(
        self,
        order: str,
        prefix: str,
        limit: int,
        after: BoardPosition | None,
        private: bool = False,
    ) -> BoardPage:
        return self.search.find_boards(order, prefix, limit, after, private)

    def get_board(self, board: str) -> Row:
        return self.db.get_board(board)

    def update_board(
        self, board: str, fields: Row, precondition: Precondition | None = None
    ) -> Row:
        document, checked = self.db.boards.get(board), check_board(fields)

        def change(old: Any, guard: Any) -> Any:
            return r.branch(old.eq(None), None, guard(old, with_fields(old, checked)))

        def write(guard: Any) -> Any:
            return document.replace(lambda old: change(old, guard), return_changes="always")

        result = self.db.write_if(precondition, write, is_board)
        row = board_row(get_updated_document(result, BoardNotFound(board)))
        if {"name", "private"} & fields.keys():
            self.search.remember_board(row)
        if FOLLOWED_FIELDS & fields.keys():
            self._follow(board)
        return row

    def _follow(self, board: str) -> None:
        """Bring the windows up to date with their board, which has changed."""
        try:
            self.windows.follow_board(board)
        except StoreUnavailable as error:
            raise OutcomeUnknown(str(error)) from error

    def delete_board(self, board: str, precondition: Precondition | None = None) -> None:
        document = self.db.boards.get(board)

        def write(guard: Any) -> Any:
            self.db.record_deletion(board)
            return document.replace(lambda old: guard(old, None))

        # The board first, so that no write to it begins.
        result = self.db.write_if(precondition, write, is_board)
        raise_for_errors(result)
        deleted = result["deleted"]
        try:
            self.search.forget_board(board)
            for rows in self.db.select_rows_of_board(board):
                self.db.delete_in_pieces(rows)
            self.windows.delete_windows(board)
        except StoreUnavailable as error:
            raise OutcomeUnknown(str(error)) from error
        if not deleted:
            raise BoardNotFound(board)

    def create_player(self, board: str, player: Row) -> Row:
        return self.players.create(board, player)

    def get_player(self, board: str, player: str) -> Row:
        return self.players.get(board, player)

    def update_player(
        self, board: str, player: str, fields: Row, precondition: Precondition | None = None
    ) -> Row:
        return self.players.update(board, player, fields, precondition)

    def list_boards_of(self, player: str, after: str, limit: int) -> list[str]:
        return self.search.list_boards_of(player, after, limit)

    def delete_player(
        self, board: str, player: str, precondition: Precondition | None = None
    ) -> None:
        self.players.delete(board, player, precondition)

    def list_hidden(self, board: str, after: str, limit: int, with_emails: bool = False) -> Window:
        return self.players.list_hidden(board, after, limit, with_emails)

    def add_scores(self, board: str, increments: list[Increment]) -> list[Row | Exception]:
        results: list[Row | Exception] = []
        try:
            for piece in split_by_ranks(increments):
                added = self.score_updates.add_scores(board, piece)
                results += self._rank(board, piece, added)
        except StoreUnavailable as error:
            if results:  # some increments were written
                raise OutcomeUnknown(str(error)) from error
            raise
        return results

    def _rank(
        self, board: str, increments: list[Increment], results: list[Row | Exception]
    ) -> list[Row | Exception]:
        """Return the results with ranks, or why a rank cannot be read: the scores are written."""
        try:
            add_ranks(self, board, select_ranked(increments, results))
            return results
        except BoardNotFound as error:
            missing: Exception = error
        except StoreUnavailable as error:
            missing = OutcomeUnknown(str(error))
        return [
            missing if increment.ranked and isinstance(result, dict) else result
            for increment, result in zip(increments, results, strict=True)
        ]

    def set_score(
        self,
        board: str,
        player: str,
        score: int,
        only_better: bool,
        season: int | None = None,
        name: str | None = None,
        ranked: bool = False,
    ) -> Row:
        written = self.score_updates.set_score(board, player, score, only_better, season, name)
        try:
            add_ranks(self, board, [written] if ranked else [])
        except StoreUnavailable as error:
            raise OutcomeUnknown(str(error)) from error  # the score is written
        return written

    def start_next_season(
        self, board: str, season: int, now: str, only_if_due: bool = False
    ) -> Row:
        return self.seasons.start_next_season(board, season, now, only_if_due)

    def list_seasons(
        self, board: str, before: int | None, limit: int
    ) -> tuple[Row, list[tuple[int, str]]]:
        return self.seasons.list_seasons(board, before, limit)

    def get_season(self, board: str, season: int) -> tuple[str, Row, list[Row]]:
        return self.seasons.get_season(board, season)

    def list_player_seasons(
        self, board: str, player: str, before: int | None, limit: int
    ) -> tuple[Row, list[PlayerSeason]]:
        return self.seasons.list_player_seasons(board, player, before, limit)

    def list_boards_to_end(self, now: str) -> list[Row]:
        return self.seasons.list_boards_to_end(now)

    def find_work(self, boards: Sequence[str]) -> list[str]:
        return maintenance.list_unfinished(self.db, boards)

    def run_maintenance(self, board: str) -> bool:
        return self.seasons.run_maintenance(board)

    def get_import(self, board: str, name: str) -> Import:
        return self.imports.get_import(board, name)

    def import_batch(self, board: str, name: str, upto: Import, amounts: list[Amount]) -> None:
        self.imports.import_batch(board, name, upto, amounts)

    def get_ranking_window(
        self,
        board: str,
        limit: int,
        after: RankPosition | None = None,
        around: str | None = None,
        with_emails: bool = False,
        from_rank: int = 1,
        season: int | None = None,
    ) -> Window:
        ranking, standings = self.ranking, self.standings
        if season is not None:
            ranking, standings, with_emails = self.past, self.past_standings, False
        if after is None and around is None:
            after = standings.find_before_rank(board, from_rank, season)
        return ranking.read_window(board, limit, after, around, with_emails, season)

    def get_selection(
        self, board: str, players: Collection[str], with_emails: bool = False
    ) -> Selection:
        return self.standings.read_selection(board, players, with_emails)

    def search_players(
        self,
        board: str,
        prefix: str,
        limit: int,
        after: SearchPosition,
        hidden: bool = False,
        with_emails: bool = False,
    ) -> SearchPage:
        return self.search.search_players(board, prefix, limit, after, hidden, with_emails)

    def get_standings(self, board: str, players: Collection[str], limit: int) -> PlayerStandings:
        return self.standings.read_standings(board, players, limit)

    def get_score_rank(self, board: str, score: int) -> ScoreRank:
        return self.standings.read_score_rank(board, score)

    def get_top_players(self, boards: Iterable[str]) -> dict[str, tuple[Row, list[Row]]]:
        rows = [row for row in self.db.run(r.expr(list(boards)).map(self.snapshot)) if row]
        return {
            row["board"]["id"]: (board_row(row["board"]), [player_row(p) for p in row["players"]])
            for row in rows
        }

    def get_leaders(self, boards: Iterable[str]) -> dict[str, Row]:
        rows = self.db.run(r.expr(list(boards)).concat_map(self.leader))
        return {row.pop("board"): row for row in rows}

    def open_feed(self, parts: Parts = ALL_PARTS) -> Feed:
        # By the host that this thread asks: when that hangs, the heartbeat of its lease fails, too.
        connection = self.db.connections.open(SCAN_SECONDS)
        return RethinkFeed(connection, self.db, parts)

    def position(self) -> int:
        return int(self.db.run(r.now().to_epoch_time()) * 1000) - TOLERANCE_MS

    def changed_since(self, position: int) -> Iterator[str]:
        since = r.epoch_time(max(position, 0) / 1000)
        sources = [(self.db.boards, "id"), (self.db.deleted, "id")]
        if position:  # 0 is before all changes: then the boards are enough
            sources.append((self.db.players, "board"))
        with closing(self.db.connections.open(SCAN_SECONDS)) as connection:
            for table, field in sources:
                rows = table.between(since, r.maxval, index="changed_at")
                yield from connection.stream(rows[field])

    def read_lease(self) -> Lease:
        return lease.read_lease(self.db)

    def replace_lease(self, old: Lease, new: Lease) -> bool:
        return lease.replace_lease(self.db, old, new)

    def use_ticket(self, ticket: str) -> bool:
        document = {"id": ticket, "used_at": r.now().to_epoch_time()}
        # The conflict function keeps the document that is there.
        result = self.db.run(self.db.tickets.insert(document, conflict=lambda id, old, new: old))
        raise_for_errors(result)
        return bool(result["inserted"])

    def expire_tickets(self, older: float) -> None:
        before = r.now().to_epoch_time() - older
        self.db.delete_in_pieces(self.db.tickets.between(r.minval, before, index="used_at"))

    def publish(self, exchange: str, topic: str, payloads: Sequence[str]) -> None:
        message_stream.publish(self.db.run, exchange, topic, payloads)

    def expire_messages(self, older: float) -> None:
        message_stream.expire_messages(self.db.run, older)

    def compile_reql(self, function: Callable[[Any], Any]) -> Reql:
        return message_stream.compile_reql(function)

    def open_message_stream(self) -> MessageStream:
        return message_stream.RethinkMessageStream(self.db.connections)

    def close(self) -> None:
        self.db.connections.close()

    def _build_snapshot(self, board: Any) -> Any:
        """Return, as ReQL, a board's document and its top players; null without a board."""

        def read(row: Any) -> Any:
            snapshot = {"board": row, "players": self.ranking.select_top_rows(row)}
            return r.branch(row.eq(None), None, snapshot)

        return self.db.boards.get(board).do(read)

    def _build_leader(self, board: Any) -> Any:
        """Return, as ReQL, an array of a board's best player, empty if that one has not scored."""

        def read(row: Any) -> Any:
            best = self.ranking.select_top(row).limit(1).coerce_to("array")
            return best.filter(lambda player: player["scored"].default(True)).map(
                lambda player: {
                    "board": player["board"],
                    "id": player["player"],
                    "name": player["name"].default(""),
                    "score": player["score"],
                }
            )

        return self.db.boards.get(board).do(lambda row: r.branch(row.eq(None), [], read(row)))
