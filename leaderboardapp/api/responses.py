"""Parts that the endpoints' answers share."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, JsonResponse

from leaderboardapp.domain.types import ScoreRank
from leaderboardapp.models import Board, Player
from leaderboardapp.snapshots import compute_fingerprint
from leaderboardapp.web import auth
from leaderboardapp.web.requests import encode_cursor

Model = TypeVar("Model", Board, Player)


@contextmanager
def reads_board(request: HttpRequest, board_id: str) -> Iterator[Board]:
    """Yield a board that the body reads with whatever it answers, all of one moment.

    Raises Problem 401 or 403 if the sender may not read that board, even if the body raises that
    a player of it is missing.
    """
    board = Board(board_id)
    try:
        yield board
    finally:
        if board.is_loaded():
            auth.require_read(request, board_id, private=board.private)


def player_data(player: Player) -> dict[str, Any]:
    """Return a player's JSON fields for the answer to a write."""
    return {"id": player.id, "name": player.name, "score": player.score}


def own_data(player: Player) -> dict[str, Any]:
    """Return the player's own data as a JSON field; no field without any."""
    return {"data": player.data} if player.data else {}


def ranked_data(player: Player, with_email: bool = False) -> dict[str, Any]:
    """Return a player's JSON fields for the answer to a read; the rank may be None."""
    data = {**player_data(player), "rank": player.rank, **own_data(player)}
    return {**data, "email": player.email} if with_email else data


def standing_data(player: Player, with_email: bool = False) -> dict[str, Any]:
    """Return a player's JSON fields for an answer about a few players: `of` and `percentile` stand
    beside the rank."""
    return {**ranked_data(player, with_email), **rank_fields(player)}


def players_page(
    players: Sequence[Player], limit: int, with_emails: bool = False, **headers: str
) -> HttpResponse:
    """Return a response with a page of ranked players, who are one more than `limit` if there are
    more pages."""
    body = {
        "players": [ranked_data(player, with_emails) for player in players[:limit]],
        "next": next_page(players, limit),
        **rank_error_fields(*players),
    }
    return json_response(body, 200, headers)


def next_page(players: Sequence[Player], limit: int) -> str | None:
    """Return the cursor of the page after these players; None if they are not more than `limit`."""
    return encode_cursor(*players[limit - 1].key()) if len(players) > limit else None


def rank_fields(ranked: Player | ScoreRank) -> dict[str, Any]:
    """Return JSON fields that say where in the ranking a player or a score is."""
    return {"rank": ranked.rank, "of": ranked.of, "percentile": ranked.percentile}


def may_see_emails(request: HttpRequest, board_id: str) -> bool:
    """Return whether the request has a write token for the board.

    Without a token nobody sees addresses, even where anybody may write.
    """
    return auth.has_scope(request, "write", board_id)


def rank_error_fields(*ranked: Player | ScoreRank) -> dict[str, Any]:
    """Return fields that say how far off these ranks may be; none if they are exact."""
    return bound_fields(max((each.bound for each in ranked), default=0))


def bound_fields(bound: int) -> dict[str, Any]:
    """Return fields that say how far off a rank may be; none if it is exact."""
    return {"exact": False, "bound": bound} if bound else {}


def assign_fields(model: Model, fields: dict[str, Any]) -> Model:
    """Set attributes of a board or a player, which is not saved yet; return it."""
    for name, value in fields.items():
        setattr(model, name, value)
    return model


def settings_data(board: Board) -> dict[str, Any]:
    """Return a board's JSON fields for an answer with its settings."""
    return {**board.row(), "next_ends": board.next_ends()}


def settings_response(board: Board, status: int = 200, **headers: str) -> HttpResponse:
    """Return a response with a board's settings, whose ETag is theirs and not the snapshot's.

    The next ends follow from them and the time, and do not count for it."""
    tag = entity_tag(board.row())
    return json_response(settings_data(board), status, {"ETag": tag, **headers})


def entity_tag(data: dict[str, Any]) -> str:
    """Return the ETag of an answer with this data."""
    return f'"{compute_fingerprint(json.dumps(data, sort_keys=True))}"'


def json_response(
    data: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
) -> HttpResponse:
    """Return a response with the data as JSON in UTF-8."""
    return JsonResponse(
        data, status=status, headers=headers, json_dumps_params={"ensure_ascii": False}
    )
