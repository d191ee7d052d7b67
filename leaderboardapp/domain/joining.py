"""What boards and players are created with and renamed to, and who may join a board.

It is the one rule for every way in: HTTP, an import, the broker, a command and the model classes
all end in a store, and each store asks here. Values come back as they are to be stored.
"""

from leaderboardapp.domain.exceptions import EmailNotAsked, EmailRequired
from leaderboardapp.domain.fields import (
    BOARD_SETTING_FIELDS,
    check_fields,
    email_field,
    flag_field,
    id_field,
    name_field,
    require,
    score_field,
)
from leaderboardapp.domain.player_data import data_field
from leaderboardapp.domain.types import Row

NEW_BOARD_FIELDS = {"id": id_field, **BOARD_SETTING_FIELDS}
NEW_PLAYER_FIELDS = {
    "id": id_field,
    "name": name_field,
    "score": score_field,
    "email": email_field,
    "data": data_field,
}
PLAYER_CHANGE_FIELDS = {"name": name_field, "hidden": flag_field, "data": data_field}


def check_board(fields: Row) -> Row:
    """Return the fields of a new board, or those that change. Raises InvalidInput.

    A board may have no name. `season` and `ends_at` are the store's own, and not checked."""
    chosen = {
        name: value
        for name, value in fields.items()
        if name in NEW_BOARD_FIELDS and (name, value) != ("name", "")
    }
    return {**fields, **check_fields(chosen, NEW_BOARD_FIELDS)}


def check_new_player(player: Row) -> Row:
    """Return the fields of a new player: `id`, `name`, and if they are given, `score`, `email` and
    `data`. Raises InvalidInput."""
    given = {name: value for name, value in player.items() if value is not None}
    for name in ("id", "name"):
        require(given, name)
    return check_fields(given, NEW_PLAYER_FIELDS)


def check_player_change(fields: Row) -> Row:
    """Return the fields of a player that change. Raises InvalidInput."""
    return check_fields(fields, PLAYER_CHANGE_FIELDS)


def check_score(score: int) -> int:
    """Return the score, or the amount. Raises InvalidInput."""
    checked: int = check_fields({"score": score}, {"score": score_field})["score"]
    return checked


def new_player(board: Row, player_id: str, name: str, data: Row | None = None) -> Row:
    """Return the fields of a player whom a score or an import creates, without the score. Raises
    InvalidInput, EmailRequired."""
    player = check_new_player({"id": player_id, "name": name, "data": data})
    check_email(board, player)
    return player


def check_email(board: Row, player: Row) -> None:
    """Raise EmailRequired if the board asks for an address and the new player has none, and
    EmailNotAsked if it is the other way round."""
    has_email = player.get("email") is not None
    if board["ask_email"] and not has_email:
        raise EmailRequired(player["id"])
    if has_email and not board["ask_email"]:
        raise EmailNotAsked(player["id"])
