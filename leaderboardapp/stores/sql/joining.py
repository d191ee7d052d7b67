"""The write that lets a player join a board.

It is made in a transaction in which nobody else changes the board.
"""

from leaderboardapp.domain import scoring
from leaderboardapp.domain.exceptions import AlreadyExists, EmailTaken
from leaderboardapp.domain.joining import check_email
from leaderboardapp.domain.player_data import encode_data
from leaderboardapp.domain.types import Row
from leaderboardapp.stores.base import now_us
from leaderboardapp.stores.sql.increments import score_columns
from leaderboardapp.stores.sql.models import PlayerRow
from leaderboardapp.stores.sql.search import remember_players


def insert_player(board: Row, player: Row) -> None:
    """Create a player, whose fields joining.check_new_player has returned. Raises AlreadyExists,
    EmailTaken, PlayerRefused."""
    check_email(board, player)
    fields = scoring.start_with(board, player["id"], player.get("score"), now_us())
    players, email = PlayerRow.objects.filter(board_id=board["id"]), player.get("email")
    if players.filter(player=player["id"]).exists():
        raise AlreadyExists(player["id"])
    if email and players.filter(email=email).exists():
        raise EmailTaken
    PlayerRow.objects.create(
        board_id=board["id"],
        player=player["id"],
        name=player["name"],
        email=email,
        data=encode_data(player.get("data")),
        **score_columns(board, fields),
    )
    remember_players(board["id"], [player])
