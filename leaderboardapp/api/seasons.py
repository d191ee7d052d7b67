"""Endpoints of a board's seasons."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpRequest, HttpResponse

from leaderboardapp import snapshots
from leaderboardapp.api.responses import json_response, settings_response
from leaderboardapp.domain import schedule
from leaderboardapp.domain.exceptions import SeasonNotFound
from leaderboardapp.domain.fields import season_field
from leaderboardapp.domain.messages import clean
from leaderboardapp.domain.schedule import check_season
from leaderboardapp.models import Board
from leaderboardapp.pages import seasons as pages
from leaderboardapp.pages.views import prefers_page
from leaderboardapp.stores import get_store
from leaderboardapp.web import auth, rights
from leaderboardapp.web.methods import takes_query
from leaderboardapp.web.requests import encode_cursor, read_body, read_cursor, read_limit
from leaderboardapp.web.windows import reads_windows

NUMBERS = "[1-9][0-9]{0,8}"  # of seasons: one URL for each, and all fit every store's integers
NO_SEASON = 0


@rights.needs_admin
def reset_board(request: HttpRequest, board_id: str) -> HttpResponse:
    """End the running season, or only the one that the body names; answer the board."""
    season = read_body(request, {"season": season_field}).get("season")
    board = Board.get(board_id)
    check_season(board.row(), season)
    return settings_response(board.reset())


@takes_query("limit", "cursor")
@reads_windows
def list_seasons(request: HttpRequest, board_id: str) -> HttpResponse:
    """Answer the running season's number and next ends, and a page of past seasons, the newest
    first, as JSON or as a page for browsers."""
    limit, cursor = read_limit(request), read_cursor(request, season_field)
    before = cursor[0] if cursor else None
    board, past = get_store().list_seasons(board_id, before, limit + 1)
    auth.require_read(request, board_id, private=board["private"])
    rows = [{"season": number, "ended_at": ended_at} for number, ended_at in past[:limit]]
    next_cursor = encode_cursor(rows[-1]["season"]) if len(past) > limit else None
    if prefers_page(request):
        return pages.render_seasons_page(request, board, rows, next_cursor)
    since = {} if board["since"] is None else {"since": board["since"]}
    ends = schedule.list_ends_shown(board, schedule.now())
    running = {"season": board["season"], **since, "next_ends": ends}
    return json_response({**running, "past": rows, "next": next_cursor}, 200, {"Vary": "Accept"})


@contextmanager
def reads_season(request: HttpRequest, board_id: str, season_number: str) -> Iterator[int]:
    """Yield the number of a past season that the body reads with whatever it answers.

    Raises SeasonNotFound with the number as it was written; Problem 401 or 403 if the sender may
    not read the board as it is now, even if the body raises that something is missing.
    """
    try:
        yield int(season_number) if re.fullmatch(NUMBERS, season_number) else NO_SEASON
    except SeasonNotFound:
        raise SeasonNotFound(board_id, clean(season_number)) from None
    finally:  # after it was read, or the board might have become private in between
        auth.require_read(request, board_id, private=Board.get(board_id).private)


@reads_windows
def read_season(request: HttpRequest, board_id: str, season_number: str) -> HttpResponse:
    """Answer a past season: the board's name and top players as they were when it ended."""
    with reads_season(request, board_id, season_number) as number:
        ended_at, board, players = get_store().get_season(board_id, number)
    payload = snapshots.board_payload(board, players)
    return json_response({**payload, "season": number, "ended_at": ended_at})
