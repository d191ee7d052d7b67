"""Endpoints that write scores."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from leaderboardapp.api.responses import (
    bound_fields,
    json_response,
    player_data,
    rank_error_fields,
    rank_fields,
)
from leaderboardapp.domain.exceptions import BoardNotFound
from leaderboardapp.domain.fields import (
    amount_field,
    choice_field,
    name_field,
    require,
    score_field,
    season_field,
)
from leaderboardapp.domain.types import Row, compute_percentile
from leaderboardapp.models import Board, Player
from leaderboardapp.web import rate_limit, rights
from leaderboardapp.web.methods import takes_query
from leaderboardapp.web.problems import to_problem
from leaderboardapp.web.requests import (
    read_body,
    read_flag,
    read_idempotency_key,
    read_increments,
)


@rights.open_to_players("add", "set")
@takes_query("rank")
def add_score(request: HttpRequest, board_id: str, player_id: str) -> HttpResponse:
    """Add to the player's score; answer the player. With a name, a missing one is created: 201."""
    fields = {"amount": amount_field, "season": season_field, "name": name_field}
    body, ranked = read_body(request, fields), read_flag(request, "rank")
    key = read_idempotency_key(request)
    player = Player(Board(board_id), player_id)
    player.score_add(body.get("amount", 1), key, body.get("season"), body.get("name"), ranked)
    return scored_response(player, ranked)


@rights.open_to_players("best", "set")
@takes_query("rank")
def set_score(request: HttpRequest, board_id: str, player_id: str) -> HttpResponse:
    """Set the player's score, or with the mode "best" only a better one; answer the player.

    With a name, a missing one is created: 201."""
    mode_field = choice_field("set", "best")
    fields = {"score": score_field, "mode": mode_field, "season": season_field}
    body, ranked = read_body(request, {**fields, "name": name_field}), read_flag(request, "rank")
    score, only_better = require(body, "score"), body.get("mode") == "best"
    if not only_better:
        rights.require_player_writes(request, board_id, "set")
    player = Player(Board(board_id), player_id)
    player.score_put(score, only_better, body.get("season"), body.get("name"), ranked)
    return scored_response(player, ranked)


def scored_response(player: Player, ranked: bool) -> HttpResponse:
    """Return the answer to a write of one score: 200, or 201 if it has created the player."""
    data = {**player_data(player), **outcome_data(player, ranked)}
    if not player.created:
        return json_response(data)
    location = f"/boards/{player.board.id}/players/{player.id}/"
    return json_response(data, 201, {"Location": location})


def outcome_data(player: Player, ranked: bool) -> dict[str, Any]:
    """Return JSON fields that say what the write of the score did, and perhaps the rank after
    it."""
    outcome = {field: getattr(player, field) for field in ("previous", "changed", "repeated")}
    if not ranked:
        return outcome
    windows = {"windows": {name: window_data(row) for name, row in player.windows.items()}}
    own = {**rank_fields(player), **rank_error_fields(player)}
    return {**outcome, **own, **(windows if player.windows else {})}


def window_data(row: Row) -> dict[str, Any]:
    """Return JSON fields that say where in a window a player is after a write of the score."""
    percentile = compute_percentile(row["rank"], row["of"])
    standing = {"rank": row["rank"], "of": row["of"], "percentile": percentile}
    return {"score": row["score"], **standing, **bound_fields(row["bound"])}


@rights.open_to_players("add", "set")
@rate_limit.counts_own_writes
@takes_query("rank")
def add_scores(request: HttpRequest, board_id: str) -> HttpResponse:
    """Add many increments in one request; answer a result for each, in their order."""
    increments = read_increments(request)
    rights.require_own_player(request, board_id, *(row.player for row in increments))
    rate_limit.count_writes(request, len(increments))
    results = Player.add_scores_for_board(Board(board_id), increments)
    rows = [
        result_data(increment.player, result, increment.ranked)
        for increment, result in zip(increments, results, strict=True)
    ]
    return json_response({"results": rows})


def result_data(player_id: str, result: Player | Exception, ranked: bool) -> dict[str, Any]:
    """Return one row of a bulk answer: the new score, or why there is none.

    Raises what fails the whole request: BoardNotFound, and StoreUnavailable for an outcome that is
    unknown.
    """
    if isinstance(result, Player):
        status = 201 if result.created else 200
        row = {"player": player_id, "status": status, "score": result.score}
        return {**row, **outcome_data(result, ranked)}
    problem = to_problem(result)
    if problem is None or isinstance(result, BoardNotFound):
        raise result
    reason = {"status": problem.status, "type": problem.kind.type, "detail": problem.detail}
    return {"player": player_id, **reason}
