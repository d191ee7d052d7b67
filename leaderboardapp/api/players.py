"""Endpoints of a board's players."""

from django.http import HttpRequest, HttpResponse

from leaderboardapp.api.own_ranks import hold_player
from leaderboardapp.api.responses import (
    assign_fields,
    entity_tag,
    json_response,
    may_see_emails,
    own_data,
    player_data,
    players_page,
    rank_error_fields,
    rank_fields,
    ranked_data,
    reads_board,
    standing_data,
)
from leaderboardapp.domain.fields import (
    RANK_POSITION_FIELDS,
    id_field,
    name_field,
    rank_field,
    require,
    score_field,
    selected_ids_field,
)
from leaderboardapp.domain.joining import NEW_PLAYER_FIELDS, PLAYER_CHANGE_FIELDS
from leaderboardapp.domain.searching import SearchPosition, key_field
from leaderboardapp.domain.types import Precondition, RankPosition, Row
from leaderboardapp.models import Board, Player
from leaderboardapp.realtime.subscribe import prefers_stream
from leaderboardapp.web import auth, preconditions, rights
from leaderboardapp.web.methods import takes_query, writes_nothing
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.requests import (
    encode_cursor,
    read_body,
    read_cursor,
    read_flag,
    read_integer,
    read_limit,
    read_parameter,
)
from leaderboardapp.web.windows import PARAMETER, reads_windows

SEARCH = "search"  # the parameter with the beginning of a name or an id
# A score has writes of its own.
NEW_PLAYER_BODY = {name: field for name, field in NEW_PLAYER_FIELDS.items() if name != "score"}


@rights.open_to_players(*rights.ANY_WRITES)
def create_player(request: HttpRequest, board_id: str) -> HttpResponse:
    """Create a player; answer 201 with the player and Location.

    Without an id, a token of a player gives that player's."""
    body = read_body(request, NEW_PLAYER_BODY)
    require(body, "name")
    if own := auth.get_own_player(request, board_id):
        body = {"id": own, **body}
        rights.require_own_player(request, board_id, body["id"])
        if "email" in body:  # the answer would say whether somebody has that address
            raise rights.forbid(f"email: the token writes for the player {own}, who gives none.")
    player = Player(Board(board_id), **body).save()
    location = f"/boards/{board_id}/players/{player.id}/"
    return json_response({**player_data(player), **own_data(player)}, 201, {"Location": location})


@takes_query("hidden", "limit", "cursor", "from_rank", SEARCH)
@reads_windows
def list_players(request: HttpRequest, board_id: str) -> HttpResponse:
    """Answer a page of ranked players, best first, perhaps from a rank on; with `?hidden=true`, of
    hidden players; with `?search=`, of those whom the text finds."""
    from_rank = read_from_rank(request)
    if SEARCH in request.GET:
        return search_players(request, board_id)
    if read_flag(request, "hidden"):
        return list_hidden_players(request, board_id)
    limit, cursor = read_limit(request), read_cursor(request, *RANK_POSITION_FIELDS)
    after = RankPosition(*cursor) if cursor else None
    with_emails = may_see_emails(request, board_id)
    with reads_board(request, board_id) as board:
        players = Player.get_page_for_board(board, limit + 1, after, with_emails, from_rank)
    return players_page(players, limit, with_emails)


def search_players(request: HttpRequest, board_id: str) -> HttpResponse:
    """Answer a page of players whose name or id begins with the text, by that text; hidden ones
    only to those who may write on the board."""
    text, hidden = _read_search(request), read_flag(request, "hidden")
    if hidden:
        auth.require_scope(request, "write", board_id)
    limit, cursor = read_limit(request), read_cursor(request, key_field, id_field)
    after, with_emails = SearchPosition(*cursor or ()), may_see_emails(request, board_id)
    with reads_board(request, board_id) as board:
        players, last = Player.search_for_board(board, text, limit, after, hidden, with_emails)
    return json_response(
        {
            "players": [ranked_data(player, with_emails) for player in players],
            "next": encode_cursor(*last) if last else None,
            **rank_error_fields(*players),
        }
    )


def list_hidden_players(request: HttpRequest, board_id: str) -> HttpResponse:
    """Answer a page of hidden players by id, to those who may write on the board."""
    auth.require_scope(request, "write", board_id)
    limit, cursor = read_limit(request), read_cursor(request, id_field)
    after, with_emails = cursor[0] if cursor else "", may_see_emails(request, board_id)
    with reads_board(request, board_id) as board:
        players = Player.get_hidden_for_board(board, limit + 1, after, with_emails)
    has_more = len(players) > limit
    return json_response(
        {
            "players": [ranked_data(player, with_emails) for player in players[:limit]],
            "next": encode_cursor(players[limit - 1].id) if has_more else None,
        }
    )


@reads_windows
def read_player(request: HttpRequest, board_id: str, player_id: str) -> HttpResponse:
    """Answer one player with the rank, as JSON, or as an event stream if the client prefers one."""
    if request.method == "GET" and prefers_stream(request):
        return hold_player(request, board_id, player_id)
    with_email = may_see_emails(request, board_id)
    with reads_board(request, board_id) as board:
        player = Player(board, player_id)
        player.get_rank(with_email)
    data = {**standing_data(player, with_email), **rank_error_fields(player)}
    headers = {"ETag": _player_tag(player, with_email), "Vary": "Accept"}
    return json_response(data, headers=headers)


@rights.open_to_players(*rights.ANY_WRITES)
@preconditions.requires_own
def update_player(request: HttpRequest, board_id: str, player_id: str) -> HttpResponse:
    """Rename, hide or show the player, or replace the data; answer the player. Players themselves
    cannot hide or show."""
    body = read_body(request, PLAYER_CHANGE_FIELDS)
    if "hidden" in body and (own := auth.get_own_player(request, board_id)):
        raise rights.forbid(
            f"hidden: the token writes for the player {own}, who cannot hide or show."
        )
    player = assign_fields(Player.get_for_board(Board(board_id), player_id), body)
    player.save(_build_precondition(request, board_id, player_id))
    return json_response({**player_data(player), "hidden": player.hidden, **own_data(player)})


@rights.open_to_players(*rights.ANY_WRITES)
@preconditions.requires_own
def delete_player(request: HttpRequest, board_id: str, player_id: str) -> HttpResponse:
    """Delete the player, from past seasons too; answer 204. A player who is hidden cannot leave."""
    precondition = _build_precondition(request, board_id, player_id)
    if auth.get_own_player(request, board_id):
        precondition = _build_leaving_precondition(board_id, player_id, precondition)
    Player(Board(board_id), player_id).delete(precondition)
    return HttpResponse(status=204)


def read_from_rank(request: HttpRequest) -> int:
    """Return `from_rank` of the query: with which rank the page begins. Raises Problem 422."""
    from_rank = read_integer(request, "from_rank", rank_field, default=1)
    if "from_rank" in request.GET:
        is_hidden = read_flag(request, "hidden")
        if "cursor" in request.GET or is_hidden:
            detail = "from_rank: must not be there together with a cursor, or with hidden=true."
            raise Problem(ProblemKind.INVALID_PARAMETER, detail)
    return from_rank


def _read_search(request: HttpRequest) -> str:
    """Return `search` of the query. Raises Problem 422."""
    for name in ("from_rank", PARAMETER):
        if name in request.GET:
            detail = f"{SEARCH}: must not be there together with {name}."
            raise Problem(ProblemKind.INVALID_PARAMETER, detail)
    try:
        return name_field(read_parameter(request, SEARCH))
    except ValueError as error:
        raise Problem(ProblemKind.INVALID_PARAMETER, f"{SEARCH}: must be {error}.") from error


@writes_nothing
@reads_windows
def select_players(request: HttpRequest, board_id: str, **_: str) -> HttpResponse:
    """Answer the players whose ids the body has, the ranked ones best first, with their places
    among them, and the ids that no player has."""
    ids = require(read_body(request, {"ids": selected_ids_field}), "ids")
    with_emails = may_see_emails(request, board_id)
    with reads_board(request, board_id) as board:
        players, missing = Player.select_for_board(board, ids, with_emails)
    rows = [{**standing_data(player, with_emails), "place": player.place} for player in players]
    return json_response({"players": rows, "missing": missing, **rank_error_fields(*players)})


@takes_query("score")
@reads_windows
def rank_score(request: HttpRequest, board_id: str) -> HttpResponse:
    """Answer the rank that a new player would have who reached the score now."""
    score = read_integer(request, "score", score_field)
    with reads_board(request, board_id) as board:
        rank = board.get_score_rank(score)
    return json_response({"score": score, **rank_fields(rank), **rank_error_fields(rank)})


@takes_query("limit")
@reads_windows
def read_around(request: HttpRequest, board_id: str, player_id: str) -> HttpResponse:
    """Answer a ranking window around the player."""
    limit = read_limit(request, default=5)
    with reads_board(request, board_id) as board:
        window = Player(board, player_id).get_around(limit)
    return json_response({"players": [*map(standing_data, window)], **rank_error_fields(*window)})


def _player_tag(player: Player, with_email: bool) -> str:
    """Return the ETag of the answer of one player.

    It is without `of` and `percentile`, which change whenever anybody joins or leaves: on a busy
    board no write could be held to it."""
    return entity_tag({**ranked_data(player, with_email), **rank_error_fields(player)})


def _build_leaving_precondition(
    board_id: str, player_id: str, others: Precondition | None
) -> Precondition:
    """Return the precondition that the player is not hidden, or joining again would end that, and
    the other ones."""

    def check() -> Row | None:
        if Player.get_for_board(Board(board_id), player_id).hidden:
            raise rights.forbid(f"The player {player_id} is hidden, and so cannot leave.")
        return others() if others else None

    return check


def _build_precondition(request: HttpRequest, board_id: str, player_id: str) -> Precondition | None:
    """Return the request's preconditions for a write of the player; None without any."""

    def read_tags() -> tuple[Row, list[str]]:
        # Whoever may see the email address may have read the player without a token as well.
        forms = {False, may_see_emails(request, board_id)}
        player = Player(Board(board_id), player_id)
        player.get_rank(with_email=True in forms)
        return player.stored(), [_player_tag(player, form) for form in forms]

    return preconditions.build(request, read_tags)
