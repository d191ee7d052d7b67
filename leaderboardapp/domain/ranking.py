"""Ranks: which players have one, and how players in a board's order are numbered.

| scores | 9 | 7 | 7 | 3 |
|---|---|---|---|---|
| ordinal | 1 | 2 | 3 | 4 |
| competition | 1 | 2 | 2 | 4 |
| dense | 1 | 2 | 2 | 3 |
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from leaderboardapp.domain.archive import is_erased
from leaderboardapp.domain.scoring import has_score
from leaderboardapp.domain.types import (
    LAST_MOMENT,
    RankPosition,
    Row,
    ScoreRank,
    Standing,
    Window,
    rank_position,
)


def assign_ranks(board: Row, rows: Iterable[Row], ordinal: int = 1, rank: int = 1) -> list[Row]:
    """Return the rows, each with its `rank`. They follow each other in the board's order; `ordinal`
    is the ordinal rank of the first row, and `rank` its rank by the board's own ranking.

    Erased players keep their rank, and are left out."""
    ranked: list[Row] = []
    previous: Row | None = None
    for number, row in enumerate(rows, start=ordinal):
        if previous and row["score"] != previous["score"]:
            rank = rank + 1 if board["ranking"] == "dense" else number
        ranked.append({**row, "rank": number if board["ranking"] == "ordinal" else rank})
        previous = row
    return [row for row in ranked if not is_erased(row)]


def number_window(window: Window) -> list[Row]:
    """Return the window's rows with two fields more: `rank`, from 1, and `bound`, how far off the
    rank may be, either way (0 if it is exact). Erased players are left out."""
    first = window.before + 1, window.better + 1
    rows = assign_ranks(window.board, window.rows, *first)
    return [{**row, "bound": window.bound} for row in rows]


def assign_places(board: Row, rows: Iterable[Row]) -> list[Row]:
    """Return ranked rows, best first, each with its `place`: its rank among them alone."""
    numbered = [*rows]
    places = assign_ranks(board, numbered)
    return [{**row, "place": other["rank"]} for row, other in zip(numbered, places, strict=True)]


def is_ranked(board: Row, player: Row) -> bool:
    """Return whether the player has a rank: not hidden, carried over into the season, and on an
    ascending board with a score of this season."""
    if player["hidden"] or player["not_carried_over"]:
        return False
    return has_score(board, player)


def split_ranked(board: Row, players: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Return the players who are ranked, best first, and the others, by id."""
    ranked: list[Row] = []
    unranked: list[Row] = []
    for player in players:
        (ranked if is_ranked(board, player) else unranked).append(player)
    sign = 1 if board["order"] == "asc" else -1
    ranked.sort(key=lambda player: (sign * player["score"], player["reached_at"], player["id"]))
    return ranked, sorted(unranked, key=lambda player: str(player["id"]))


def rank_start(board: Row, player: Row) -> RankPosition:
    """Return the position before which everybody is whom the player's rank counts."""
    position = rank_position(player)
    return position if board["ranking"] == "ordinal" else RankPosition(position.score)


def window_positions(board: Row, first: Row) -> dict[str, RankPosition]:
    """Return the positions before which Window's `before` and `better` are counted, as far as the
    board's ranking needs them, for a window that begins with this player."""
    positions = {"before": rank_position(first), "better": RankPosition(first["score"])}
    unneeded = {"ordinal": "better", "dense": "before"}.get(board["ranking"])
    return {name: position for name, position in positions.items() if name != unneeded}


def take_around(player: Row, better: list[Row], worse: list[Row], limit: int) -> list[Row]:
    """Return the ranking window of `limit` players with the player in its middle, or as near to it
    as the best and the worst allow. Those on either side come nearest first."""
    size = len(better[: limit - 1 - len(worse[: limit // 2])])
    return [*better[:size][::-1], player, *worse[: limit - 1 - size]]


def rank_windows(
    board: Row,
    windows: Iterable[list[Row]],
    count_before_each: Callable[[list[RankPosition]], Sequence[int]],
) -> Iterator[list[Row]]:
    """Yield each ranking window with ranks. Whatever they need is counted in one call."""
    windows = [*windows]
    positions = [window_positions(board, rows[0]) for rows in windows]
    counts = iter(count_before_each([one for named in positions for one in named.values()]))
    for rows, named in zip(windows, positions, strict=True):
        before = {name: next(counts) for name in named}
        first = before.get("before", 0) + 1, before.get("better", 0) + 1
        yield assign_ranks(board, rows, *first)


def build_standings(
    ranked: list[Row], windows: Iterable[list[Row]], unranked: list[Row]
) -> dict[str, Standing]:
    """Return where the players stand, by id: the ranked ones, each with the ranking window around,
    and the others."""
    standings = {player["id"]: Standing({**player, "rank": None}, []) for player in unranked}
    for player, rows in zip(ranked, windows, strict=True):
        rank = next(row["rank"] for row in rows if row["id"] == player["id"])
        standings[player["id"]] = Standing({**player, "rank": rank}, rows)
    return standings


def newcomer_position(board: Row, score: int) -> RankPosition:
    """Return the position before which everybody is whom the rank of a new player counts, who
    reaches the score now."""
    return RankPosition(score, LAST_MOMENT if board["ranking"] == "ordinal" else -1)


def rank_newcomer(
    board: Row, better: int, of: int | None, is_taken: bool, bound: int = 0
) -> ScoreRank:
    """Return the rank of a new player whom so many are better than. `of` is without the player.

    The new player is one more whom ranks count. With dense ranking it is the score, unless it is
    taken."""
    added = not (is_taken and board["ranking"] == "dense")
    return ScoreRank(board, better + 1, bound, None if of is None else of + added)
