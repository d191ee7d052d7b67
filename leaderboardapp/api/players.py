"""Players of a board."""

from django.http import HttpRequest, HttpResponse

from leaderboardapp.api.responses import (
    assign,
    get_readable_board,
    json_response,
    player_data,
    rank_error_fields,
    ranked_data,
    with_emails,
)
from leaderboardapp.domain.fields import (
    RANK_POSITION_FIELDS,
    email_field,
    flag_field,
    id_field,
    name_field,
    require,
)
from leaderboardapp.domain.types import RankPosition
from leaderboardapp.models import Board, Player
from leaderboardapp.web import auth
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.requests import cursor_of, read_body, read_cursor, read_flag, read_limit


def create_player(request: HttpRequest, board_id: str) -> HttpResponse:
    body = read_body(request, {"id": id_field, "name": name_field, "email": email_field})
    require(body, "name")
    found = Board.get(board_id)
    if found.ask_email:
        require(body, "email")
    elif "email" in body:
        raise Problem(422, "email: not asked for by this board; set ask_email first.")
    player = Player(found, **body).save()
    location = f"/boards/{board_id}/players/{player.id}/"
    return json_response(player_data(player), 201, {"Location": location})


def list_players(request: HttpRequest, board_id: str) -> HttpResponse:
    if read_flag(request, "hidden"):
        return list_hidden(request, board_id)
    limit, cursor = read_limit(request), read_cursor(request, *RANK_POSITION_FIELDS)
    after = RankPosition(*cursor) if cursor else None
    found = Player.get_page_for_board(get_readable_board(request, board_id), limit + 1, after)
    more = len(found) > limit
    return json_response(
        {
            "players": with_emails(request, board_id, map(ranked_data, found[:limit])),
            "next": cursor_of(*found[limit - 1].key()) if more else None,
            **rank_error_fields(*found),
        }
    )


def list_hidden(request: HttpRequest, board_id: str) -> HttpResponse:
    """For whoever may show them again."""
    found = get_readable_board(request, board_id)
    auth.check_write(request, board_id)
    limit, cursor = read_limit(request), read_cursor(request, id_field)
    players = Player.get_hidden_for_board(found, limit + 1, cursor[0] if cursor else "")
    return json_response(
        {
            "players": with_emails(request, board_id, map(ranked_data, players[:limit])),
            "next": cursor_of(players[limit - 1].id) if len(players) > limit else None,
        }
    )


def read_player(request: HttpRequest, board_id: str, player_id: str) -> HttpResponse:
    found = Player.get_for_board(get_readable_board(request, board_id), player_id)
    rank = found.get_rank()
    [shown] = with_emails(request, board_id, [{**player_data(found), "rank": rank}])
    return json_response({**shown, **rank_error_fields(found)})


def update_player(request: HttpRequest, board_id: str, player_id: str) -> HttpResponse:
    body = read_body(request, {"name": name_field, "hidden": flag_field})
    found = assign(Player.get_for_board(Board(board_id), player_id), body).save()
    return json_response({**player_data(found), "hidden": found.hidden})


def delete_player(request: HttpRequest, board_id: str, player_id: str) -> HttpResponse:
    Player(Board(board_id), player_id).delete()
    return HttpResponse(status=204)


def read_around(request: HttpRequest, board_id: str, player_id: str) -> HttpResponse:
    limit = read_limit(request, default=5)
    window = Player.get_for_board(get_readable_board(request, board_id), player_id).get_around(
        limit
    )
    rows = [ranked_data(found) for found in window]
    return json_response({"players": rows, **rank_error_fields(*window)})
