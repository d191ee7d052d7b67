"""Endpoints that write scores."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from leaderboardapp import events
from leaderboardapp.api.responses import json_response, player_data
from leaderboardapp.domain.exceptions import BoardNotFound
from leaderboardapp.domain.fields import (
    amount_field,
    choice_field,
    name_field,
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
    """Add to the player's score; answer the player. With a name, a missing one is created: 201."""
    fields = {"amount": amount_field, "season": season_field, "name": name_field}
    body = read_body(request, fields)
    key = read_idempotency_key(request)
    player = Player(Board(board_id), player_id)
    player.score_add(body.get("amount", 1), key, body.get("season"), body.get("name"))
    return scored_response(player)


@rights.open_to_players("best", "set")
def set_score(request: HttpRequest, board_id: str, player_id: str) -> HttpResponse:
    """Set the player's score, or with the mode "best" only a better one; answer the player.

    With a name, a missing one is created: 201."""
    mode_field = choice_field("set", "best")
    fields = {"score": score_field, "mode": mode_field, "season": season_field}
    body = read_body(request, {**fields, "name": name_field})
    score, only_better = require(body, "score"), body.get("mode") == "best"
    if not only_better:
        rights.require_player_writes(request, board_id, "set")
    player = Player(Board(board_id), player_id)
    player.score_put(score, only_better, body.get("season"), body.get("name"))
    return scored_response(player)


def scored_response(player: Player) -> HttpResponse:
    """Return the answer to a write of one score: 200, or 201 if it has created the player."""
    data = {
        **player_data(player),
        "previous": player.previous,
        "changed": player.changed,
        "repeated": player.repeated,
    }
    if not player.created:
        return json_response(data)
    location = f"/boards/{player.board.id}/players/{player.id}/"
    return json_response(data, 201, {"Location": location})


@rights.open_to_players("add", "set")
@rate_limit.counts_own_writes
def add_scores(request: HttpRequest, board_id: str) -> HttpResponse:
    """Add many increments in one request; answer a result for each, in their order."""
    increments = read_increments(request)
    rights.require_own_player(request, board_id, *(row.player for row in increments))
    rate_limit.count_writes(request, len(increments))
    results = get_store().add_scores(board_id, increments)
    announce_joined(board_id, results)
    rows = [
        result_data(increment.player, result)
        for increment, result in zip(increments, results, strict=True)
    ]
    return json_response({"results": rows})


def announce_joined(board_id: str, results: list[Row | Exception]) -> None:
    """Announce the players whom a write of many scores has created."""
    for row in results:
        if not isinstance(row, Exception) and row["created"]:
            events.announce(board_id, events.JOINED, events.player_payload(row))


def result_data(player_id: str, result: Row | Exception) -> dict[str, Any]:
    """Return one row of a bulk answer: the new score, or why there is none.

    Raises what fails the whole request: BoardNotFound, and StoreUnavailable for an outcome that is
    unknown.
    """
    if not isinstance(result, Exception):
        outcome = {field: result[field] for field in ("score", "previous", "changed", "repeated")}
        return {"player": player_id, "status": 201 if result["created"] else 200, **outcome}
    problem = to_problem(result)
    if problem is None or isinstance(result, BoardNotFound):
        raise result
    reason = {"status": problem.status, "type": problem.kind.type, "detail": problem.detail}
    return {"player": player_id, **reason}
