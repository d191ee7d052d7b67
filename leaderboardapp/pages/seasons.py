"""Pages of past seasons: which there are, one with all its players, and a player's own history.

They show what the endpoints of the same URLs answer as JSON, and need no script.
"""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse

from leaderboardapp.domain.board_ids import split_id
from leaderboardapp.domain.schedule import parse
from leaderboardapp.domain.types import BOARD_DEFAULTS, Row
from leaderboardapp.models import Board, Player
from leaderboardapp.pages.views import describe_window, render_page, title_season

PAGE_SIZE = 100  # rows, unless the query has a limit of its own


def render_seasons_page(
    request: HttpRequest, board: Row, past: Sequence[Row], next_cursor: str | None
) -> HttpResponse:
    """Answer the list of past seasons, the newest first: rows of `season` and `ended_at`."""
    window = split_id(board["id"])[1]
    seasons = [
        {
            "number": row["season"],
            "title": title_season(window, row["season"]),
            "ended_at": parse(row["ended_at"]),
        }
        for row in past
    ]
    return _render(
        request, "seasons", board["id"], board["name"], {"seasons": seasons}, next_cursor
    )


def render_season_page(
    request: HttpRequest,
    board: Board,
    ended_at: str,
    players: Sequence[Player],
    next_cursor: str | None,
) -> HttpResponse:
    """Answer a page of a past season's players; the board is as it was when the season ended."""
    rows = [
        {
            "id": player.id,
            "name": player.name,
            "rank": player.rank,
            "score": player.score or 0,
        }
        for player in players
    ]
    bound = max((player.bound for player in players), default=0)
    context = {
        "board": board,
        "title_then": title_season(split_id(board.id)[1], board.season),
        "ended_at": parse(ended_at),
        "players": rows,
        "bound": bound,
    }
    return _render(request, "season", board.id, board.name, context, next_cursor)


def render_player_seasons_page(
    request: HttpRequest, board: Row, player: str, seasons: Sequence[Row], next_cursor: str | None
) -> HttpResponse:
    """Answer the past seasons of a player, the newest first, as the endpoint's rows have them."""
    window = split_id(board["id"])[1]
    rows = [
        {
            "format": BOARD_DEFAULTS["format"],
            **row,
            "ended_at": parse(row["ended_at"]),
            "title": title_season(window, row["season"]),
        }
        for row in seasons
    ]
    name = seasons[0]["name"] if seasons else player
    context = {"name": name, "seasons": rows}
    return _render(request, "player_seasons", board["id"], board["name"], context, next_cursor)


def _render(
    request: HttpRequest,
    template: str,
    board_id: str,
    name: str,
    context: dict[str, Any],
    next_cursor: str | None,
) -> HttpResponse:
    owner, window = split_id(board_id)
    query = request.GET.copy()
    query.pop("from_rank", None)
    is_first = query.pop("cursor", None) is None
    first = query.urlencode()
    if next_cursor:
        query["cursor"] = next_cursor
    links = {"next": next_cursor and f"?{query.urlencode()}", "first": not is_first and f"?{first}"}
    place = {"path": f"/boards/{owner}/", "title": name or owner, "managed": owner}
    return render_page(
        request, template, {**context, **links, **place, **describe_window(request, window)}
    )
