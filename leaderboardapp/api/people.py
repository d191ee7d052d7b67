"""Endpoints of a person: the players with one id on all boards."""

import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from leaderboardapp.api.past_players import season_data
from leaderboardapp.api.responses import may_see_emails, rank_error_fields, standing_data
from leaderboardapp.domain.board_ids import window_id
from leaderboardapp.domain.exceptions import BoardNotFound, PersonNotFound, PlayerNotFound
from leaderboardapp.domain.types import Row
from leaderboardapp.models import Board, Player
from leaderboardapp.stores import get_store
from leaderboardapp.web import auth, rate_limit

BOARDS_AT_ONCE = 100  # in one read of the store
SEASONS_AT_ONCE = 20


def read_person(request: HttpRequest, person_id: str) -> HttpResponseBase:
    """Answer all that boards, their windows and past seasons have of this player, as one JSON. It
    is sent as it is read."""
    auth.require_token(request, "admin", None)
    players = _read_players(request, person_id)
    first = next(players, None)
    if first is None:
        raise PersonNotFound(person_id)
    if request.method == "HEAD":  # nothing more is read
        return HttpResponse(content_type="application/json")
    text = _write_person(person_id, chain([first], players))
    return StreamingHttpResponse(text, content_type="application/json")


def erase_person(request: HttpRequest, person_id: str) -> HttpResponse:
    """Delete the player on all boards, from past seasons too; answer 204."""
    auth.require_token(request, "admin", None)
    rate_limit.count_writes(request)
    erased = 0
    for board_id in _list_boards(person_id):
        try:
            Player(Board(board_id), person_id).delete()
        except (BoardNotFound, PlayerNotFound):
            # Somebody else was faster, or a deletion was cut short and has left a name to be found.
            with suppress(BoardNotFound, PlayerNotFound):
                get_store().delete_player(board_id, person_id)
            continue
        erased += 1
    if not erased:
        raise PersonNotFound(person_id)
    return HttpResponse(status=204)


def _list_boards(person_id: str) -> Iterator[str]:
    after = ""
    while boards := get_store().list_boards_of(person_id, after, BOARDS_AT_ONCE):
        yield from boards
        after = boards[-1]


def _write_person(person_id: str, players: Iterator[Row]) -> Iterator[str]:
    """Yield the text of a JSON object with the players."""
    separator = f'{{"id": {json.dumps(person_id)}, "players": ['
    for player in players:
        yield separator + json.dumps(player, ensure_ascii=False)
        separator = ", "
    yield "]}"


def _read_players(request: HttpRequest, person_id: str) -> Iterator[Row]:
    """Yield what each board has of the player."""
    for board_id in _list_boards(person_id):
        with_email, board = may_see_emails(request, board_id), Board(board_id)
        try:
            own = _read_player(board, person_id, with_email)
            windows = {
                window: data
                for window in board.windows
                if (data := _read_in_window(window_id(board_id, window), person_id))
            }
        except (BoardNotFound, PlayerNotFound):
            continue  # deleted meanwhile
        yield {"board": board_id, **own, "windows": windows}


def _read_in_window(window: str, person_id: str) -> Row | None:
    """Return what a window has of the player, None if it has nothing."""
    try:
        return _read_player(Board(window), person_id, with_email=False)
    except PlayerNotFound:  # without a score in the running season
        seasons = [*_read_seasons(window, person_id)]
        return {"seasons": seasons} if seasons else None
    except BoardNotFound:  # turned off meanwhile
        return None


def _read_player(board: Board, person_id: str, with_email: bool) -> Row:
    player = Player(board, person_id)
    player.get_rank(with_email)
    return {
        **standing_data(player, with_email),
        **rank_error_fields(player),
        "hidden": player.hidden,
        "seasons": [*_read_seasons(board.id, person_id)],
    }


def _read_seasons(board_id: str, person_id: str) -> Iterator[Row]:
    """Yield what past seasons have of the player, the newest first. Raises BoardNotFound,
    PlayerNotFound."""
    before: int | None = None
    while True:
        _, past = get_store().list_player_seasons(board_id, person_id, before, SEASONS_AT_ONCE)
        yield from map(season_data, past)
        if len(past) < SEASONS_AT_ONCE:
            return
        before = past[-1].board["season"]
