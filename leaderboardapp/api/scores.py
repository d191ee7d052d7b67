"""Endpoints that write scores."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from leaderboardapp.api.responses import json_response, player_data
from leaderboardapp.domain.exceptions import BoardNotFound
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
from leaderboardapp.web import rate_limit, rights
from leaderboardapp.web.problems import to_problem
from leaderboardapp.web.requests import read_body, read_idempotency_key, read_increments


@rights.open_to_players("add", "set")
def add_score(request: HttpRequest, board_id: str, player_id: str) -> HttpResponse:
    """Add to the player's score; answer the player."""
    body = read_body(request, {"amount": amount_field, "season": season_field})
    key = read_idempotency_key(request)
    player = Player(Board(board_id), player_id)
    player.score_add(body.get("amount", 1), key, body.get("season"))
    return json_response(player_data(player))


@rights.open_to_players("best", "set")
def set_score(request: HttpRequest, board_id: str, player_id: str) -> HttpResponse:
    """Set the player's score, or with the mode "best" only a better one; answer the player."""
    mode_field = choice_field("set", "best")
    fields = {"score": score_field, "mode": mode_field, "season": season_field}
    body = read_body(request, fields)
    score, only_better = require(body, "score"), body.get("mode") == "best"
    if not only_better:
        rights.require_player_writes(request, board_id, "set")
    player = Player(Board(board_id), player_id)
    player.score_put(score, only_better=only_better, season=body.get("season"))
    return json_response(player_data(player))


@rights.open_to_players("add", "set")
@rate_limit.counts_own_writes
def add_scores(request: HttpRequest, board_id: str) -> HttpResponse:
    """Add many increments in one request; answer a result for each, in their order."""
    increments = read_increments(request)
    rights.require_own_player(request, board_id, *(row.player for row in increments))
    rate_limit.count_writes(request, len(increments))
    results = get_store().add_scores(board_id, increments)
    rows = [
        result_data(increment.player, result)
        for increment, result in zip(increments, results, strict=True)
    ]
    return json_response({"results": rows})


def result_data(player_id: str, result: Row | Exception) -> dict[str, Any]:
    """Return one row of a bulk answer: the new score, or why there is none.

    Raises what fails the whole request: BoardNotFound, and StoreUnavailable for an outcome that is
    unknown.
    """
    if not isinstance(result, Exception):
        return {"player": player_id, "status": 200, "score": result["score"]}
    problem = to_problem(result)
    if problem is None or isinstance(result, BoardNotFound):
        raise result
    reason = {"status": problem.status, "type": problem.kind.type, "detail": problem.detail}
    return {"player": player_id, **reason}
