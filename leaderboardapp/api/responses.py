"""What answers have in common."""

from collections.abc import Iterable
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, JsonResponse

from leaderboardapp.models import Board, Player
from leaderboardapp.stores import get_store
from leaderboardapp.web import auth

Model = TypeVar("Model", Board, Player)


def get_readable_board(request: HttpRequest, board_id: str) -> Board:
    found = Board.get(board_id)
    auth.check_read(request, board_id, found.private)
    return found


def player_data(player: Player) -> dict[str, Any]:
    return {"id": player.id, "name": player.name, "score": player.score}


def ranked_data(player: Player) -> dict[str, Any]:
    return {**player_data(player), "rank": player.rank}


def with_emails(
    request: HttpRequest, board_id: str, players: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """For the holder of a write token only, whoever may write without."""
    shown = list(players)
    if not auth.has_scope(request, "write", board_id):
        return shown
    emails = get_store().get_emails(board_id, [player["id"] for player in shown])
    return [{**player, "email": emails.get(player["id"])} for player in shown]


def rank_error_fields(*players: Player) -> dict[str, Any]:
    """What to say of ranks that may be off."""
    bound = max((player.bound for player in players), default=0)
    return {"exact": False, "bound": bound} if bound else {}


def assign(found: Model, fields: dict[str, Any]) -> Model:
    for name, value in fields.items():
        setattr(found, name, value)
    return found


def json_response(
    data: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
) -> HttpResponse:
    return JsonResponse(
        data, status=status, headers=headers, json_dumps_params={"ensure_ascii": False}
    )
