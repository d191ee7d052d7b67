"""Parts that the endpoints' answers share."""

from collections.abc import Iterable
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, JsonResponse

from leaderboardapp.models import Board, Player
from leaderboardapp.stores import get_store
from leaderboardapp.web import auth

Model = TypeVar("Model", Board, Player)


def get_readable_board(request: HttpRequest, board_id: str) -> Board:
    """Return the board, if the sender may read it.

    Raises ObjectDoesNotExist, Problem 401 or 403.
    """
    board = Board.get(board_id)
    auth.require_read(request, board_id, private=board.private)
    return board


def player_data(player: Player) -> dict[str, Any]:
    """Return a player's JSON fields for the answer to a write."""
    return {"id": player.id, "name": player.name, "score": player.score}


def ranked_data(player: Player) -> dict[str, Any]:
    """Return a player's JSON fields for the answer to a read; the rank may be None."""
    return {**player_data(player), "rank": player.rank}


def add_emails(
    request: HttpRequest, board_id: str, players: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the players, each with `email` if the request has a write token for the board.

    Without a token nobody sees addresses, even where anybody may write.
    """
    rows = list(players)
    if not auth.has_scope(request, "write", board_id):
        return rows
    emails = get_store().get_emails(board_id, [row["id"] for row in rows])
    return [{**row, "email": emails.get(row["id"])} for row in rows]


def rank_error_fields(*players: Player) -> dict[str, Any]:
    """Return fields that say how far off these players' ranks may be; none if they are exact."""
    bound = max((player.bound for player in players), default=0)
    return {"exact": False, "bound": bound} if bound else {}


def assign_fields(model: Model, fields: dict[str, Any]) -> Model:
    """Set attributes of a board or a player, which is not saved yet; return it."""
    for name, value in fields.items():
        setattr(model, name, value)
    return model


def json_response(
    data: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
) -> HttpResponse:
    """Return a response with the data as JSON in UTF-8."""
    return JsonResponse(
        data, status=status, headers=headers, json_dumps_params={"ensure_ascii": False}
    )
