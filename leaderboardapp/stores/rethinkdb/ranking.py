"""Windows of a ranking, and how many players are before them, each read in one query.

RethinkDB counts by reading all that it counts. On a large board, players before a window are
therefore counted from the beginning of a rank block on. The blocks' document (rank_blocks.py)
has the count up to there.
"""

from collections.abc import Callable
from typing import Any

from leaderboardapp.domain.exceptions import BoardNotFound
from leaderboardapp.domain.ranking import is_ranked, number_window
from leaderboardapp.domain.types import (
    BOARD_DEFAULTS,
    RankPosition,
    Row,
    Window,
    rank_position,
)
from leaderboardapp.stores.rethinkdb.connection import CompiledFunction, r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.ranked_rows import RankedRows
from leaderboardapp.stores.rethinkdb.rows import board_row, find_emails, find_member, player_row
from leaderboardapp.stores.rethinkdb.schema import INTERNAL_FIELDS, SERVER_FIELDS
from leaderboardapp.stores.rethinkdb.sort_keys import (
    FIRST_KEY,
    build_sort_key,
    season_bounds,
)

Selection = Callable[[Any], Any]
"""Takes rows of ReQL, and returns those that are wanted."""

PARTS_WITH_OF = ("player", "around")
TRIES = 10  # to read a window that is full
MOST_COUNTED = 10_000  # players of a board without blocks, for `of`
ONE_BLOCK = {"places": [FIRST_KEY], "before": [0], "scores": [0]}  # with all players in it
# Steps of the binary search for a block. An array has at most 100,000 items, fewer than 2^17.
SEARCH_STEPS = [2**power for power in reversed(range(17))]
SHORT_STEPS = SEARCH_STEPS[-10:]  # for fewer than 1,024 blocks


class Ranking:
    """Queries over a board's ranked players, which `rows` reads.

    They are compiled once, because the driver takes longer to build them than the server to
    answer. All methods but `read_window` return ReQL. In them `order` is what `rows` takes, and
    `key` is a key in it: the board, the season, and a sort key.
    """

    def __init__(self, db: Database, rows: RankedRows) -> None:
        self.db, self.rows = db, rows
        self.queries: dict[tuple[str, str, bool], CompiledFunction] = {}

    def select_top(self, board: Any) -> Any:
        """Select the documents of a board's top players, in an order. They can be updated."""
        index = r.branch(board["order"].default("desc").eq("asc"), "asc", "desc")
        least, most = season_bounds(board["id"], board["season"].default(1))
        rows = self.db.players.between(least, most, index=index).order_by(index=index)
        return rows.limit(board["size"].default(BOARD_DEFAULTS["size"]))

    def select_top_rows(self, board: Any) -> Any:
        """Select a board's top players as an array, without internal fields, and with their data
        if the board shows some."""
        unread = r.branch(board["show"].default([]).is_empty(), ["data"], [])
        rows = self.select_top(board).without(*INTERNAL_FIELDS, r.args(unread))
        return rows.coerce_to("array")

    def read_window(
        self,
        board: str,
        limit: int,
        after: RankPosition | None = None,
        around: str | None = None,
        with_emails: bool = False,
        season: int | None = None,
    ) -> Window:
        """Read a window as the store's `get_ranking_window` returns it. Raises BoardNotFound,
        SeasonNotFound.

        One query reads all of it. Nothing is atomic across documents, so a player of the window may
        move on before all is read, or before those ahead are counted. Then all is read again, and
        the window's players are counted out, wherever they are by then."""
        settings, excluding = self.rows.get_board(board, season), False
        for _ in range(TRIES):
            read = self._run_query(settings, limit, after, around, excluding)
            window = _build_window(read, with_emails)
            expected, settings = settings, window.board
            is_other_order = any(expected[name] != settings[name] for name in ("order", "ranking"))
            if not (is_other_order or read["moved"] or read["short"] or read["outdated"]):
                break
            excluding = excluding or read["moved"]
        return window

    def _run_query(
        self,
        board: Row,
        limit: int,
        after: RankPosition | None,
        around: str | None,
        excluding: bool,
    ) -> Row:
        part = "page" if after else "top"
        if around is not None:
            part = "around" if limit > 1 else "player"
        query = self._compile(part, board["ranking"], excluding)
        id, season = board["id"], board["season"]
        player = None if around is None else self.rows.player_keys(id, season, around)
        sort_key = build_sort_key(board, after) if after else FIRST_KEY
        read: Row | None = self.db.run(
            r.do(id, season, board["order"], sort_key, limit, player, query)
        )
        if read is None:
            self.rows.get_board(id, season)  # raises what is missing
            raise BoardNotFound(id)
        return read

    def _compile(self, part: str, ranking: str, excluding: bool) -> CompiledFunction:
        """Return the query, built when it is first needed."""
        key = part, ranking, excluding
        if key not in self.queries:
            build = {
                "top": self._build_top,
                "page": self._build_page,
                "player": self._build_player,
                "around": self._build_surroundings,
            }[part]
            query = self._build_query(build, ranking, excluding, with_of=part in PARTS_WITH_OF)
            self.queries[key] = CompiledFunction(query)
        return self.queries[key]

    def count_distinct_scores(
        self, order: Any, start: Any, end: Any, select: Selection = lambda rows: rows
    ) -> Any:
        """Count the different scores from one key's score to before another's, of the players that
        `select` leaves.

        Only one player with the first score is read. A million may share it, in many blocks.
        """
        after = start.slice(0, 3).append(r.maxval)
        first = select(self.rows.between(order, start.slice(0, 3), after)).limit(1)
        others = select(self.rows.between(order, after, end.slice(0, 3)))
        number = first.count() + others["score"].distinct().count()
        return r.branch(start[2] < end[2], number, 0)

    def count_deletions(self, board: Any) -> Any:
        """Count how often a player of the board was ever deleted."""
        return self.db.deleted.get(board)["times"].default(0)

    def _build_query(
        self, build_part: Callable[..., Any], ranking: str, excluding: bool, with_of: bool
    ) -> Callable[..., Any]:
        """Build a query that answers null without the board. Else it answers `board`, `player` and
        `rows` as documents, and Window's counts, `of` if it is wanted. `moved` is
        whether one of the players has moved before all were counted, `short` whether the window is
        not full though it could be, and `outdated` whether all has to be read again anyway.

        `excluding` leaves the players of the window out of the counts, wherever they are by then.
        That takes longer."""

        def query(
            board: Any, season: Any, order: Any, sort_key: Any, limit: Any, player: Any
        ) -> Any:
            def add_counts(order: Any, key: Any, window: Any) -> Any:
                first, members = window["first"], window["members"]
                select = _leave_out(members) if excluding else (lambda rows: rows)

                def count(blocks: Any) -> Any:
                    of = {"of": self.count_all(order, ranking, blocks, key)} if with_of else {}
                    counts = self.count_before(order, ranking, blocks, first, select)
                    moved = False if excluding else self.rows.have_moved(order, members)
                    counted = counts.merge({"moved": moved, **of})
                    return r.branch(first.eq(None), {"moved": False, **of}, counted)

                is_counted = True if with_of else first.ne(None)
                counts = r.branch(
                    is_counted, self.use_blocks(order, ranking, key, count), {"moved": False}
                )
                return window.merge(counts).without(
                    "first", "members", {"rows": SERVER_FIELDS, "player": SERVER_FIELDS}
                )

            def read(row: Any, order: Any) -> Any:
                def build(key: Any) -> Any:
                    window = build_part(order, key, limit, player)
                    return window.do(lambda window: add_counts(order, key, window))

                window = r.expr([board, row["season"].default(1)]).add(sort_key).do(build)
                answer = r.expr({"board": row, "short": False}).merge(window)
                return answer.do(
                    lambda answer: answer.merge({"outdated": self.rows.is_outdated(order)})
                )

            return self.rows.open(board, season, order, read)

        return query

    def _build_top(self, order: Any, key: Any, limit: Any, _: Any) -> Any:
        rows = self.select_after(order, key, limit)
        return r.expr({"player": None, "rows": rows, "first": None, "members": []})

    def _build_page(self, order: Any, key: Any, limit: Any, _: Any) -> Any:
        def build(rows: Any) -> Any:
            first = self.rows.key(order, rows.nth(0)).default(None)
            members = self._keys(order, rows)
            return {"player": None, "rows": rows, "first": first, "members": members}

        return self.select_after(order, key, limit).do(build)

    def _build_player(self, order: Any, key: Any, _: Any, player: Any) -> Any:
        """Select only the player."""

        def build(document: Any) -> Any:
            own = self._key_in_season(order, document, key)
            members = r.branch(own.eq(None), [], [[document["id"], own]])
            return {"player": document, "rows": [], "first": own, "members": members}

        return self.rows.get(order, player).do(build)

    def _build_surroundings(self, order: Any, key: Any, limit: Any, player: Any) -> Any:
        """Select the player, and as many others on either side. Near the first or the last, more
        are on the other side."""

        def build(document: Any) -> Any:
            def build_around(own: Any) -> Any:
                return r.branch(
                    own.eq(None), nobody, self._select_others(order, own, limit, document)
                )

            nobody = {"player": document, "rows": [], "first": None, "members": []}
            return self._key_in_season(order, document, key).do(build_around)

        return self.rows.get(order, player).do(build)

    def _select_others(self, order: Any, own: Any, limit: Any, document: Any) -> Any:
        def build(rows: Any) -> Any:
            keys = self._keys(order, rows)
            first = r.expr([own]).add(keys.limit(1).map(lambda member: member[1])).min()
            members = keys.append([document["id"], own])
            return {"player": document, "rows": rows, "first": first, "members": members}

        def read_from(start: Any) -> Any:
            # All in one reading: in two, somebody who moves meanwhile would be met twice or never.
            end = own.slice(0, 2).append(r.maxval)
            rows = self.rows.ascending(order, start, end)
            return self.rows.take_others(rows, document, limit).do(build)

        def read(below: Any, above: Any) -> Any:
            everybody = (below + self.rows.count(above)) < limit - 1

            def is_short(window: Any) -> Any:
                return everybody.not_() & (self.rows.count(window["rows"]) < limit - 1)

            farthest = self.rows.key(order, above.nth(-1)).default(own)
            start = r.branch(everybody, own.slice(0, 2), farthest)
            return read_from(start).do(lambda window: window.merge({"short": is_short(window)}))

        below = self.rows.count(self.select_after(order, own, (limit / 2).floor()))
        return below.do(
            lambda below: self.select_before(order, own, limit - 1 - below).do(
                lambda above: read(below, above)
            )
        )

    def select_after(self, order: Any, key: Any, limit: Any) -> Any:
        """Select the players after the key in its season, the nearest first."""
        end = key.slice(0, 2).append(r.maxval)
        return self.rows.take(self.rows.ascending(order, key.append(r.minval), end), limit)

    def select_before(self, order: Any, key: Any, limit: Any) -> Any:
        """Select the players before the key in its season, the nearest first."""
        return self.rows.take(self.rows.descending(order, key.slice(0, 2), key), limit)

    def _keys(self, order: Any, rows: Any) -> Any:
        """Return, as ReQL, `[id, key]` of each document."""
        return rows.map(lambda row: [row["id"], self.rows.key(order, row)])

    def _key_in_season(self, order: Any, document: Any, key: Any) -> Any:
        """Return, as ReQL, the document's key, null if the player is not ranked in the key's
        season."""
        own = self.rows.key(order, document)
        return own.do(lambda own: r.branch(own.eq(None), None, own[1].ne(key[1]), None, own))

    def use_blocks(self, order: Any, ranking: str, key: Any, use: Callable[[Any], Any]) -> Any:
        """Call `use` with the blocks' document. If there is none for the key's season, the order
        and the ranking, it gets one block with everybody."""

        def are_usable(blocks: Any) -> Any:
            exist = blocks.ne(None)
            return exist & blocks["scores"].ne(None) if ranking == "dense" else exist

        blocks = self.rows.find_blocks(order, key)
        return blocks.do(lambda blocks: r.branch(are_usable(blocks), blocks, ONE_BLOCK)).do(use)

    def count_before(
        self, order: Any, ranking: str, blocks: Any, key: Any, select: Selection = lambda rows: rows
    ) -> Any:
        """Count what Window's `before` and `better` need for a player with this key, of the players
        that `select` leaves, and how far off the counts may be."""
        score = key.slice(0, 3).add(FIRST_KEY[1:])  # before all players with this score
        bound = r.branch(blocks.has_fields("since"), self.count_changes(blocks), 0)
        if ranking == "dense":
            better = self._count_better_scores(order, blocks, score, select)
            return r.expr({"better": better, "bound": bound})
        counts = {"before": self._count_players(order, blocks, key, select), "bound": bound}
        if ranking == "competition":
            counts["better"] = self._count_players(order, blocks, score, select)
        return r.expr(counts)

    def count_all(self, order: Any, ranking: str, blocks: Any, key: Any) -> Any:
        """Count the ranked players of the key's season; with dense ranking, the scores. Null if the
        blocks do not say, or if there are no blocks on a board that needs some."""

        def limit(number: Any) -> Any:
            return r.branch(number > MOST_COUNTED, None, number)

        start, end = key.slice(0, 2), key.slice(0, 2).append(r.maxval)
        rows = self.rows.between(order, start, end).limit(MOST_COUNTED + 1)
        counted = rows.count().do(limit)
        if ranking == "dense":
            counted = counted.do(
                lambda number: r.branch(number.eq(None), None, rows["score"].distinct().count())
            )
        return r.branch(blocks.has_fields("since"), blocks["of"].default(None), counted)

    def _count_players(self, order: Any, blocks: Any, key: Any, select: Selection) -> Any:
        """Count the ranked players before the key."""

        def count_from(number: Any) -> Any:
            start = key.slice(0, 2).add(blocks["places"].nth(number))
            rows = select(self.rows.between(order, start, key))
            return blocks["before"].nth(number) + rows.count()

        return find_last(blocks["places"], key.slice(2)).do(count_from)

    def _count_better_scores(self, order: Any, blocks: Any, key: Any, select: Selection) -> Any:
        """Count the different scores before the key's."""

        def count_from(number: Any) -> Any:
            start = key.slice(0, 2).add(blocks["places"].nth(number))
            better = self.count_distinct_scores(order, start, key, select)
            return blocks["scores"].nth(number) + better

        return find_last(blocks["places"], key.slice(2)).do(count_from)

    def count_changes(self, blocks: Any) -> Any:
        """Count the board's players who have changed, or were deleted, since the blocks' counts. Of
        a past season they were counted when it ended."""
        board, since = blocks["id"], r.epoch_time(blocks["since"] / 1000)
        changed = self.db.players.between([board, since], [board, r.maxval], index="changed_on")
        number = changed.count() + self.count_deletions(board) - blocks["deletions"]
        return r.branch(blocks.has_fields("bound"), blocks["bound"].default(0), number)


def _leave_out(members: Any) -> Selection:
    """Return a function that leaves these players out of a selection."""
    ids = members.map(lambda member: member[0])
    return lambda rows: rows.filter(lambda row: ids.contains(row["id"]).not_())


def _build_window(read: Row, with_emails: bool) -> Window:
    """Return the window that a query has read."""
    board = board_row(read["board"])
    player = read["player"] and find_member(board, read["player"])
    documents = [*read["rows"], *([read["player"]] if player else [])]
    rows = [player_row(row) for row in read["rows"]]
    counts = {name: read[name] for name in ("before", "better", "bound") if name in read}
    if player and counts and is_ranked(board, player):
        rows.append(player)
        rows.sort(key=lambda row: build_sort_key(board, rank_position(row)))
    emails = find_emails(documents if with_emails else [])
    window = Window(board, rows, player, emails, **counts)
    # Whoever has joined or left between two counts must not make a rank greater than `of`.
    ranks = [row["rank"] for row in number_window(window)]
    of = read.get("of")
    return window._replace(of=None if of is None else max([of, *ranks]))


def find_last(values: Any, value: Any) -> Any:
    """Find the number of the last of the sorted values that is at most `value`; 0 if none is."""

    def find(size: Any) -> Any:
        def step_on(number: Any, step: Any) -> Any:
            tried = number + step
            return r.branch((tried < size) & (values.nth(tried) <= value), tried, number)

        # Each step takes time, and most boards have few blocks.
        return r.branch(size < 1024, SHORT_STEPS, SEARCH_STEPS).fold(0, step_on)

    # RethinkDB counts an array by going through it, so it is counted once.
    return values.count().do(find)
