"""Writing scores."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from leaderboardapp.api.responses import json_response, player_data
from leaderboardapp.domain.exceptions import ScoreOutOfRange, StoreUnavailable, WrongSeason
from leaderboardapp.domain.fields import (
    amount_field,
    choice_field,
    require,
    score_field,
    season_field,
)
from leaderboardapp.domain.types import Row
from leaderboardapp.models import Board, Player
from leaderboardapp.stores import get_store
from leaderboardapp.web import rate_limit
from leaderboardapp.web.requests import idempotency_key, read_body, read_increments


def add_score(request: HttpRequest, board_id: str, player_id: str) -> HttpResponse:
    body = read_body(request, {"amount": amount_field, "season": season_field})
    amount, season = body.get("amount", 1), body.get("season")
    found = Player(Board(board_id), player_id).score_add(amount, idempotency_key(request), season)
    return json_response(player_data(found))


def set_score(request: HttpRequest, board_id: str, player_id: str) -> HttpResponse:
    mode_field = choice_field("set", "best")
    fields = {"score": score_field, "mode": mode_field, "season": season_field}
    body = read_body(request, fields)
    score, best, season = require(body, "score"), body.get("mode") == "best", body.get("season")
    return json_response(
        player_data(Player(Board(board_id), player_id).score_put(score, best, season))
    )


@rate_limit.counts_own_writes
def add_scores(request: HttpRequest, board_id: str) -> HttpResponse:
    increments = read_increments(request)
    rate_limit.count_writes(request, len(increments))
    Board.get(board_id)
    results = get_store().add_scores(board_id, increments)
    rows = [
        result_data(increment.player, result)
        for increment, result in zip(increments, results, strict=True)
    ]
    return json_response({"results": rows})


def result_data(player: str, result: Row | Exception) -> dict[str, Any]:
    """One row of a bulk answer: the new score, or why there is none."""
    if isinstance(result, ScoreOutOfRange):
        return {"player": player, "status": 422, "detail": f"{result}."}
    if isinstance(result, WrongSeason):
        return {"player": player, "status": 409, "detail": f"{result}."}
    if isinstance(result, StoreUnavailable):
        raise result
    if isinstance(result, Exception):
        return {"player": player, "status": 404, "detail": f"There is no player {player}."}
    return {"player": player, "status": 200, "score": result["score"]}
