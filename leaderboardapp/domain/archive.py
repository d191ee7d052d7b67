"""Past seasons: all ranked players of a season, as they were when it ended.

Whoever is deleted is erased there: name, data and id go, and the score stays, so that nobody else's
rank changes. In a tie of the same score and microsecond the order is by id. So an erased player's
id is that of the player before in that tie, or nothing, and a mark that sorts before all that ids
have. Nobody was between the two, so nobody else in the tie has that id, and the order stays. In
another tie somebody else may have it.
"""

from collections.abc import Iterable

from leaderboardapp.domain.types import BOARD_DEFAULTS, Row

ERASED_MARK = "!"  # ids have A-Z, a-z, 0-9, _ and -


def past_board(settings: Row, season: int) -> Row:
    """Return the row of a board in a past season, from the settings that were kept of it, perhaps
    by an earlier version."""
    return {**BOARD_DEFAULTS, **settings, "season": season}


def is_erased(player: Row) -> bool:
    """Return whether the player of a past season is erased."""
    return is_erased_id(player["id"])


def is_erased_id(player_id: str) -> bool:
    """Return whether the id is an erased player's."""
    return player_id.endswith(ERASED_MARK)


def count_kept(players: Iterable[Row]) -> int:
    """Return how many of the players are not erased."""
    return sum(not is_erased(player) for player in players)


def take_kept(players: Iterable[Row], count: int) -> list[Row]:
    """Return the players up to the one by whom there are `count` who are not erased."""
    taken: list[Row] = []
    for player in players:
        if count <= 0:
            break
        taken.append(player)
        count -= not is_erased(player)
    return taken


def erased_id(player_id: str, erased: str, before: str) -> str:
    """Return the id after the player with the id `erased` is erased: its own new one, or that of a
    player erased earlier, who was named after it.

    `before` is the greatest id before `erased` in its tie, or empty."""
    return before + ERASED_MARK + player_id[len(erased) :]


def names_player(player_id: str, player: str) -> bool:
    """Return whether the id is the player's, or an erased player's who is named after it."""
    return player_id.rstrip(ERASED_MARK) == player


def erase_row(row: Row, erased: str, before: str) -> Row:
    """Return the player's row after erased_id has its new id."""
    kept = {field: value for field, value in row.items() if field != "data"}
    return {**kept, "id": erased_id(row["id"], erased, before), "name": ""}


def erase_from_top(rows: Iterable[Row], player: str) -> list[Row]:
    """Return the first players of a past season, best first, without this one's name, data and
    id."""
    erased: list[Row] = []
    before, tie = "", None
    for row in rows:
        if (row["score"], row["reached_at"]) != tie:
            before, tie = "", (row["score"], row["reached_at"])
        if names_player(row["id"], player):
            row = erase_row(row, player, before)
        else:
            before = row["id"]
        erased.append(row)
    return erased
