"""Ranks of many players, of a score, and the position of a rank (stores/base.py).

What one query reads decides what the next one counts. Nothing is atomic across documents anyway,
so players may pass in between. All answers are right by themselves for all that.
"""

import json
from collections.abc import Collection, Iterator
from itertools import accumulate, pairwise
from typing import Any

from leaderboardapp.domain.block_counts import Block, Gap, Key, count_before_each
from leaderboardapp.domain.exceptions import BoardNotFound
from leaderboardapp.domain.ranking import (
    assign_places,
    build_standings,
    newcomer_position,
    rank_newcomer,
    rank_start,
    rank_windows,
    split_ranked,
    take_around,
)
from leaderboardapp.domain.types import (
    LAST_MOMENT,
    MAX_SCORE,
    RANKINGS,
    PlayerStandings,
    RankPosition,
    Row,
    ScoreRank,
    Selection,
    last_position,
    rank_position,
)
from leaderboardapp.stores.rethinkdb.connection import CompiledFunction, r
from leaderboardapp.stores.rethinkdb.database import Database
from leaderboardapp.stores.rethinkdb.ranking import TRIES, Ranking, find_last
from leaderboardapp.stores.rethinkdb.rows import board_row, find_emails, find_member, player_row
from leaderboardapp.stores.rethinkdb.schema import SERVER_FIELDS, row_id
from leaderboardapp.stores.rethinkdb.sort_keys import LAST_KEY, build_sort_key

MOST_INDEX = 2**31 - 1  # that RethinkDB takes
GAPS_AT_ONCE = 25  # counted in one query
# Counted in one selection. Each takes the server a millisecond or more, however few are in it.
MOST_GAPS = 4 * GAPS_AT_ONCE
NEIGHBOUR_FIELDS = ("player", "name", "score", "reached_at")


class Standings:
    """Reads of ranks that are not windows."""

    def __init__(self, db: Database, ranking: Ranking) -> None:
        self.db, self.ranking = db, ranking
        self.selections = self._compile(self._build_selection)
        self.gaps = self._compile(self._build_gaps)
        self.neighbours = self._compile(self._build_neighbours)
        self.score_ranks = self._compile(self._build_score_rank)
        self.positions = self._compile(self._build_position)

    def read_selection(
        self, board: str, players: Collection[str], with_emails: bool = False
    ) -> Selection:
        """Read a selection as the store's `get_selection` returns it. Raises BoardNotFound."""
        settings, read, ranked, unranked = self._read_players(board, players)
        emails = find_emails(read["players"] if with_emails else [])
        starts = [rank_start(settings, player) for player in ranked]
        better, bound = self._count_before_each(settings, read["blocks"], starts)
        numbered, of = fit_ranks(settings, ranked, better, read["of"])
        return Selection(settings, numbered, unranked, emails, bound, of)

    def read_standings(self, board: str, players: Collection[str], limit: int) -> PlayerStandings:
        """Read where players stand as the store's `get_standings` returns it. Raises
        BoardNotFound."""
        settings, read, ranked, unranked = self._read_players(board, players)
        bound = 0

        def count(positions: list[RankPosition]) -> list[int]:
            nonlocal bound
            counts, bound = self._count_before_each(settings, read["blocks"], positions)
            return counts

        around = rank_windows(settings, self._read_around_each(settings, ranked, limit), count)
        windows = [fit_window(rows, read["of"]) for rows in around]
        # Whoever has joined between two counts must not make a rank greater than `of`.
        last = max((rows[-1]["rank"] for rows in windows), default=0)
        of = None if read["of"] is None else max(read["of"], last)
        return PlayerStandings(settings, build_standings(ranked, windows, unranked), bound, of)

    def _read_players(
        self, board: str, players: Collection[str]
    ) -> tuple[Row, Row, list[Row], list[Row]]:
        """Return the board, what was read, and of the players the ranked ones, best first, and the
        others."""
        settings = self.db.get_board(board)
        ids = r.json(json.dumps([row_id(board, player) for player in {*players}]))
        for _ in range(TRIES):
            [read] = self._run(self.selections, settings, ids)
            expected, settings = settings, board_row(read["board"])
            if _is_same_ranking(expected, settings):
                break
        members = (find_member(settings, document) for document in read["players"])
        return settings, read, *split_ranked(settings, (row for row in members if row))

    def _read_around_each(self, board: Row, players: list[Row], limit: int) -> Iterator[list[Row]]:
        """Yield the ranking window around each of the players, who may move meanwhile."""
        keys = [build_sort_key(board, rank_position(player)) for player in players]
        pieces = (keys[begin : begin + GAPS_AT_ONCE] for begin in range(0, len(keys), GAPS_AT_ONCE))
        arguments = [json.dumps({"keys": piece, "limit": limit - 1}) for piece in pieces]
        answers = self._run(self.neighbours, board, *map(r.json, arguments))
        sides = (pair for answer in answers for pair in answer["sides"])
        for player, (above, below) in zip(players, sides, strict=True):
            better, worse = (
                [row for row in map(player_row, side) if row["id"] != player["id"]]
                for side in (above, below)
            )
            ahead = {row["id"] for row in better}
            worse = [row for row in worse if row["id"] not in ahead]
            yield take_around(player, better, worse, limit)

    def read_score_rank(self, board: str, score: int) -> ScoreRank:
        """Read the rank of a new player as the store's `get_score_rank` returns it. Raises
        BoardNotFound."""
        settings = self.db.get_board(board)
        for _ in range(TRIES):
            position = newcomer_position(settings, score)
            sort_key = build_sort_key(settings, position)
            [read] = self._run(self.score_ranks, settings, sort_key)
            expected, settings = settings, board_row(read["board"])
            if _is_same_ranking(expected, settings):
                break
        better = read["better" if settings["ranking"] == "dense" else "before"]
        of = None if read["of"] is None else max(read["of"], better)
        return rank_newcomer(settings, better, of, read["is_taken"], read["bound"])

    def find_before_rank(
        self, board: str, rank: int, season: int | None = None
    ) -> RankPosition | None:
        """Return the position after which the players come whose rank is at least `rank`; None if
        these are all players. Raises BoardNotFound, SeasonNotFound."""
        if rank == 1:
            return None
        settings = self.ranking.rows.get_board(board, season)
        [read] = self._run(self.positions, settings, min(rank - 2, MOST_INDEX))
        if read["found"] is None:
            return last_position(settings)
        key, *rest = read["found"]
        score = key if settings["order"] == "asc" else -key
        ends_score = settings["ranking"] != "ordinal"
        return RankPosition(score, LAST_MOMENT) if ends_score else RankPosition(score, *rest)

    def _count_before_each(
        self, board: Row, document: Row, starts: list[RankPosition]
    ) -> tuple[list[int], int]:
        """Return how many are before each position, and how far off this may be."""
        keys: list[Key] = [tuple(build_sort_key(board, start)) for start in starts]
        counts = document["scores" if board["ranking"] == "dense" else "before"]
        edges: list[Key] = [tuple(key) for key in (*document["places"], LAST_KEY)]
        blocks = [
            Block(*block, *before)
            for block, before in zip(pairwise(edges), pairwise([*counts, None]), strict=True)
        ]
        since = {name: document[name] for name in ("id", "since", "deletions") if name in document}
        bounds = [0]

        def count_in_gaps(gaps: list[Gap]) -> list[int]:
            pieces = [
                gaps[begin : begin + GAPS_AT_ONCE] for begin in range(0, len(gaps), GAPS_AT_ONCE)
            ]
            arguments = [json.dumps({"blocks": since, "gaps": piece}) for piece in pieces]
            answers = self._run(self.gaps, board, *map(r.json, arguments))
            bounds.extend(answer["bound"] for answer in answers)
            return [size for answer in answers for size in answer["sizes"]]

        better, off_by = count_before_each(blocks, keys, count_in_gaps, MOST_GAPS)
        return better, max(bounds) + off_by

    def _compile(self, build: Any) -> dict[str, CompiledFunction]:
        return {
            ranking: CompiledFunction(self._build_query(build, ranking)) for ranking in RANKINGS
        }

    def _build_query(self, build: Any, ranking: str) -> Any:
        """Build a query that answers null without the board. Else it answers `board`, and what
        `build` makes of the order's index, the ranking, the beginning of the season's keys in it,
        and an argument."""

        def query(board: Any, season: Any, order: Any, argument: Any) -> Any:
            def read(row: Any, order: Any) -> Any:
                prefix = r.expr([board, row["season"].default(1)])
                answer = prefix.do(lambda prefix: build(order, ranking, prefix, argument))
                return answer.merge({"board": row})

            return self.ranking.rows.open(board, season, order, read)

        return query

    def _run(self, queries: dict[str, CompiledFunction], board: Row, *arguments: Any) -> list[Row]:
        """Run the query of the board's ranking with each argument, all at once."""
        query = queries[board["ranking"]]
        answers: list[Row | None] = self.db.run_together(
            r.do(board["id"], board["season"], board["order"], argument, query)
            for argument in arguments
        )
        rows = [answer for answer in answers if answer is not None]
        if len(rows) < len(answers):
            raise BoardNotFound(board["id"])
        return rows

    def _build_selection(self, order: Any, ranking: str, prefix: Any, ids: Any) -> Any:
        players = self.db.players.get_all(r.args(ids)).without(*SERVER_FIELDS).coerce_to("array")

        def read(blocks: Any) -> Any:
            of = self.ranking.count_all(order, ranking, blocks, prefix)
            return r.expr({"players": players, "blocks": blocks, "of": of})

        return self.ranking.use_blocks(order, ranking, prefix, read)

    def _build_neighbours(self, order: Any, ranking: str, prefix: Any, argument: Any) -> Any:
        """Select the players next to each of the argument's `keys`, up to `limit` on each side."""
        limit = argument["limit"]

        def select(key: Any) -> Any:
            own = prefix.add(key)
            sides = (self.ranking.select_before, self.ranking.select_after)
            return [side(order, own, limit).pluck(*NEIGHBOUR_FIELDS) for side in sides]

        return r.expr({"sides": argument["keys"].map(select)})

    def _build_gaps(self, order: Any, ranking: str, prefix: Any, argument: Any) -> Any:
        """Count what is in each of the argument's `gaps`, and the changes since its `blocks`."""

        def count(gap: Any) -> Any:
            low, high = prefix.add(gap[0]), prefix.add(gap[1])
            if ranking == "dense":
                return self.ranking.count_distinct_scores(order, low, high)
            return self.db.players.between(low, high, index=order).count()

        blocks = argument["blocks"]
        bound = r.branch(blocks.has_fields("since"), self.ranking.count_changes(blocks), 0)
        return r.expr({"sizes": argument["gaps"].map(count), "bound": bound})

    def _build_score_rank(self, order: Any, ranking: str, prefix: Any, sort_key: Any) -> Any:
        score = prefix.append(sort_key[0])
        taken = self.db.players.between(score, score.append(r.maxval), index=order).limit(1)

        def read(blocks: Any) -> Any:
            counts = self.ranking.count_before(order, ranking, blocks, prefix.add(sort_key))
            of = self.ranking.count_all(order, ranking, blocks, prefix)
            return counts.merge({"of": of, "is_taken": taken.count() > 0})

        return self.ranking.use_blocks(order, ranking, prefix, read)

    def _build_position(self, order: Any, ranking: str, prefix: Any, index: Any) -> Any:
        """Find the sort key of the player that so many are before; of a score its beginning."""

        def find(blocks: Any) -> Any:
            counts = blocks["scores" if ranking == "dense" else "before"]

            def find_in_block(number: Any) -> Any:
                start = prefix.add(blocks["places"].nth(number))
                rest = index - counts.nth(number)
                if ranking == "dense":
                    end = blocks["places"].nth(number + 1).default(None)
                    found = self._find_score(order, prefix, start, end, rest)
                else:
                    rows = self.ranking.rows.ascending(order, start, prefix.append(r.maxval))
                    found = rows.nth(rest).do(lambda row: self.ranking.rows.key(order, row))
                return r.expr({"found": found.slice(2).default(None)})

            return find_last(counts, index).do(find_in_block)

        return self.ranking.use_blocks(order, ranking, prefix, find)

    def _find_score(self, order: Any, prefix: Any, start: Any, end: Any, index: Any) -> Any:
        """Find the key of the score that so many of the block from `start` are before. `end` is
        where the next block begins, null for the last one.

        Scores of the block may be gone since they were counted. For each of them one more is read
        beyond the block, however many players share it."""
        until = r.branch(end.eq(None), prefix.append(r.maxval), prefix.add(end.default([])))
        rows = self.ranking.rows.between(order, start, until)

        def find_next(key: Any, _: Any) -> Any:
            rows = self.ranking.rows.ascending(
                order, key.slice(0, 3).append(r.maxval), prefix.append(r.maxval)
            )
            return rows.nth(0).do(lambda row: self.ranking.rows.key(order, row))

        def find(scores: Any) -> Any:
            last = scores.nth(-1).default(start)
            beyond = r.range(index - scores.count() + 1).fold(last, find_next)
            is_in_block = end.eq(None) | (index < scores.count())
            return r.branch(is_in_block, scores.nth(index), beyond)

        keys = rows.map(lambda row: self.ranking.rows.key(order, row).slice(0, 3))
        return keys.distinct().do(find)


def fit_window(rows: list[Row], of: int | None) -> list[Row]:
    """Return a ranking window with ranks that `of` allows: those of its players who had moved on
    before the first one's rank was counted were counted as well."""
    beyond = 0 if of is None else max(0, min(rows[-1]["rank"] - of, rows[0]["rank"] - 1))
    return [{**row, "rank": row["rank"] - beyond} for row in rows]


def fit_ranks(
    board: Row, ranked: list[Row], better: list[int], of: int | None
) -> tuple[list[Row], int | None]:
    """Return the players with ranks that agree with each other and with `of`, and `of`.

    `better` was counted while others moved, or these themselves. As many as are between two of them
    here, or before and after all of them, are so on the board, too."""
    places = [row["place"] for row in assign_places(board, ranked)]
    least = (places[-1] if board["ranking"] == "dense" else len(places)) if places else 0
    of = None if of is None else max(of, least)
    most = MAX_SCORE if of is None else of - least
    others = (count + 1 - place for count, place in zip(better, places, strict=True))
    moved_on = (max(0, min(number, most)) for number in accumulate(others, max))
    ranks = [place + number for place, number in zip(places, moved_on, strict=True)]
    return [{**row, "rank": rank} for row, rank in zip(ranked, ranks, strict=True)], of


def _is_same_ranking(board: Row, other: Row) -> bool:
    return all(board[name] == other[name] for name in ("order", "ranking", "season"))
