"""Seasons of a board."""

from django.http import HttpRequest, HttpResponse

from leaderboardapp import snapshots
from leaderboardapp.api.responses import get_readable_board, json_response
from leaderboardapp.domain.fields import season_field
from leaderboardapp.domain.schedule import check_season
from leaderboardapp.models import Board
from leaderboardapp.stores import get_store
from leaderboardapp.web.requests import cursor_of, read_body, read_cursor, read_limit


def reset_board(request: HttpRequest, board: str) -> HttpResponse:
    season = read_body(request, {"season": season_field}).get("season")
    found = Board.get(board)
    check_season(found.row(), season)
    return json_response(found.reset().row())


def list_seasons(request: HttpRequest, board: str) -> HttpResponse:
    limit, cursor = read_limit(request), read_cursor(request, season_field)
    found = get_readable_board(request, board)
    before = cursor[0] if cursor else found.season
    past = get_store().list_seasons(board, before, limit + 1)
    rows = [{"season": number, "ended_at": ended_at} for number, ended_at in past[:limit]]
    next_page = cursor_of(rows[-1]["season"]) if len(past) > limit else None
    return json_response({"season": found.season, "past": rows, "next": next_page})


def read_season(request: HttpRequest, board: str, season: int) -> HttpResponse:
    get_readable_board(request, board)
    ended_at, row, players = get_store().get_season(board, season)
    shown = snapshots.board_payload(row, players)
    return json_response({**shown, "season": season, "ended_at": ended_at})
