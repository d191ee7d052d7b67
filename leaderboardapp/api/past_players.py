"""Endpoints of players in past seasons, as they were when these ended."""

from itertools import chain

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from leaderboardapp.api import exports
from leaderboardapp.api.players import read_from_rank
from leaderboardapp.api.responses import (
    json_response,
    next_page,
    players_page,
    rank_error_fields,
    standing_data,
)
from leaderboardapp.api.seasons import reads_season
from leaderboardapp.domain.fields import RANK_POSITION_FIELDS, season_field
from leaderboardapp.domain.types import (
    BOARD_DEFAULTS,
    PlayerSeason,
    RankPosition,
    Row,
    compute_percentile,
)
from leaderboardapp.models import Board, Player
from leaderboardapp.pages import seasons as season_pages
from leaderboardapp.pages.views import prefers_page
from leaderboardapp.stores import get_store
from leaderboardapp.web import auth
from leaderboardapp.web.methods import takes_query
from leaderboardapp.web.requests import encode_cursor, read_cursor, read_limit
from leaderboardapp.web.windows import reads_windows


@takes_query("limit", "cursor", "from_rank")
@reads_windows
def list_players(request: HttpRequest, board_id: str, season_number: str) -> HttpResponse:
    """Answer a page of a past season's players, best first, perhaps from a rank on, as JSON or as a
    page for browsers."""
    is_page = prefers_page(request)
    from_rank = read_from_rank(request)
    limit = read_limit(request, season_pages.PAGE_SIZE) if is_page else read_limit(request)
    cursor = read_cursor(request, *RANK_POSITION_FIELDS)
    after = RankPosition(*cursor) if cursor else None
    with reads_season(request, board_id, season_number) as season:
        board = Board(board_id)
        players = Player.get_page_for_board(
            board, limit + 1, after, from_rank=from_rank, season=season
        )
    if is_page:
        ended_at, *_ = get_store().get_season(board_id, season)
        next_cursor = next_page(players, limit)
        return season_pages.render_season_page(
            request, board, ended_at, players[:limit], next_cursor
        )
    return players_page(players, limit, Vary="Accept")


@reads_windows
def read_player(
    request: HttpRequest, board_id: str, season_number: str, player_id: str
) -> HttpResponse:
    """Answer one player of a past season with the rank."""
    with reads_season(request, board_id, season_number) as season:
        player = Player(Board(board_id), player_id)
        player.get_rank(season=season)
    return json_response({**standing_data(player), **rank_error_fields(player)})


@takes_query("limit")
@reads_windows
def read_around(
    request: HttpRequest, board_id: str, season_number: str, player_id: str
) -> HttpResponse:
    """Answer a past season's ranking window around the player."""
    limit = read_limit(request, default=5)
    with reads_season(request, board_id, season_number) as season:
        window = Player(Board(board_id), player_id).get_around(limit, season)
    return json_response({"players": [*map(standing_data, window)], **rank_error_fields(*window)})


@takes_query("format")
@reads_windows
def export_players(request: HttpRequest, board_id: str, season_number: str) -> HttpResponseBase:
    """Answer all players of a past season, best first, as CSV or JSON Lines.

    The answer is streamed. A failure after its beginning cuts it short, so that no client takes it
    for whole."""
    form = exports.choose_form(request)
    with reads_season(request, board_id, season_number) as season:
        pages = exports.read_ranked(board_id, season)
        first = next(pages)
    file_name = exports.name_file(board_id, season, form)
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"', "Vary": "Accept"}
    if request.method == "HEAD":  # nothing more is read
        return HttpResponse(content_type=form.content_type, headers=headers)
    text = form.write(chain([first], pages))
    return StreamingHttpResponse(text, content_type=form.content_type, headers=headers)


@takes_query("limit", "cursor")
@reads_windows
def list_player_seasons(request: HttpRequest, board_id: str, player_id: str) -> HttpResponse:
    """Answer a page of the past seasons in which the player was ranked, the newest first, as JSON
    or as a page for browsers."""
    limit, cursor = read_limit(request), read_cursor(request, season_field)
    before = cursor[0] if cursor else None
    try:
        board, past = get_store().list_player_seasons(board_id, player_id, before, limit + 1)
    finally:  # after it was read, or the board might have become private in between
        auth.require_read(request, board_id, private=Board.get(board_id).private)
    rows = [season_data(season) for season in past[:limit]]
    next_cursor = encode_cursor(rows[-1]["season"]) if len(past) > limit else None
    if prefers_page(request):
        return season_pages.render_player_seasons_page(request, board, player_id, rows, next_cursor)
    return json_response({"seasons": rows, "next": next_cursor}, 200, {"Vary": "Accept"})


def season_data(past: PlayerSeason) -> Row:
    """Return JSON fields that say what a past season says of a player."""
    row, board = past.row, past.board
    is_default = board["format"] == BOARD_DEFAULTS["format"]
    return {
        "season": board["season"],
        "ended_at": past.ended_at,
        **({} if is_default else {"format": board["format"]}),
        **{field: row[field] for field in ("id", "name", "score", "rank", "data") if field in row},
        "of": past.of,
        "percentile": compute_percentile(row["rank"], past.of),
        **({"exact": False, "bound": past.bound} if past.bound else {}),
    }
