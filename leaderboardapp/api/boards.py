"""HTTP in, HTTP out. Views keep no state and publish nothing: viewers are fed from the store."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import get_conditional_response

from leaderboardapp import snapshots
from leaderboardapp.domain.fields import (
    BOARD_FIELDS,
    KEY_FIELDS,
    amount_field,
    choice_field,
    cursor_of,
    email_field,
    flag_field,
    id_field,
    idempotency_key,
    name_field,
    read_body,
    read_cursor,
    read_flag,
    read_increments,
    read_limit,
    require,
    score_field,
    season_field,
)
from leaderboardapp.models import Board, ObjectDoesNotExist, Player
from leaderboardapp.pages import views
from leaderboardapp.rabbitmq.routes import Target
from leaderboardapp.realtime import subscribe
from leaderboardapp.realtime.formats import (
    DELETED,
    EVENTS,
    STREAM,
    channel,
    event_stream,
    update_message,
)
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.stores import get_store
from leaderboardapp.stores.base import (
    Key,
    Row,
    ScoreOutOfRange,
    StoreUnavailable,
    WrongSeason,
    check_season,
)
from leaderboardapp.web import auth
from leaderboardapp.web.problems import Problem

PAGE = "text/html"

View = Callable[..., HttpResponse]
Model = TypeVar("Model", Board, Player)


def by_method(**views: View) -> View:
    """One URL's view: the function for the request's method, or 405 with Allow."""
    allowed = [*views, "HEAD"] if "GET" in views else [*views]

    def view(request: HttpRequest, **ids: Any) -> HttpResponse:
        # A WebSocket is opened by a GET, and told of by the proxy's POST.
        reads = request.method == "HEAD" or subscribe.is_websocket(request)
        method = "GET" if reads else str(request.method)
        if method not in views:
            allow = ", ".join(allowed)
            raise Problem(405, f"Accepted here: {allow}.", {"Allow": allow})
        if method != "GET" and "board" in ids:
            auth.check_write(request, ids["board"])
            if views[method] is not add_scores:  # which counts its rows
                auth.count_writes(request)
        return views[method](request, **ids)

    return view


def create_board(request: HttpRequest) -> HttpResponse:
    body = read_body(request, {"id": id_field, **BOARD_FIELDS})
    auth.check_write(request, body.get("id"))
    auth.count_writes(request)
    board = Board(**body).save()
    return json_response(board.row(), 201, {"Location": f"/boards/{board.id}/"})


def list_boards(request: HttpRequest) -> HttpResponse:
    limit, cursor = read_limit(request), read_cursor(request, id_field)
    after = cursor[0] if cursor else ""
    found = Board.get_page(limit + 1, after, private=auth.holds(request, "read", None))
    more = len(found) > limit
    return json_response(
        {
            "boards": [board.row() for board in found[:limit]],
            "next": cursor_of(found[limit - 1].id) if more else None,
        }
    )


def read_board(request: HttpRequest, board: str) -> HttpResponse:
    wanted = wanted_type(request)
    if wanted == PAGE:
        return views.read_board(request, board)
    if request.method == "GET" and wanted == STREAM:
        try:
            return subscribe.hold_board(request, board, take_snapshot(request, board))
        except StoreUnavailable:
            return subscribe.come_again()
    snapshot = take_snapshot(request, board)
    response = HttpResponse(snapshot.body, headers=snapshot.headers())
    conditional = get_conditional_response(request, etag=response["ETag"], response=response)
    assert conditional is not None  # it is the response unless that is a 304 or 412
    if request.method == "GET" and conditional.status_code == 304:
        return subscribe.hold_response(request, board, snapshot, conditional)
    return conditional


def watch_board(request: HttpRequest, board: str) -> HttpResponse:
    """A WebSocket, of which the proxy tells in requests."""
    context = subscribe.websocket(request)
    if context.is_opening():
        try:
            snapshot = take_snapshot(request, board)
            to = channel(board, snapshot.private)
            subscribe.open_websocket(context, to, update_message(snapshot))
        except ObjectDoesNotExist:
            subscribe.refuse_websocket(context, DELETED)
        except Problem as problem:  # 401 or 403
            subscribe.refuse_websocket(context, 4000 + problem.status)
    subscribe.answer_websocket(context)
    return HttpResponse()


def update_board(request: HttpRequest, board: str) -> HttpResponse:
    body = read_body(request, BOARD_FIELDS)
    return json_response(assign(Board.get(board), body).save().row())


def delete_board(request: HttpRequest, board: str) -> HttpResponse:
    Board(board).delete()
    return HttpResponse(status=204)


def create_player(request: HttpRequest, board: str) -> HttpResponse:
    body = read_body(request, {"id": id_field, "name": name_field, "email": email_field})
    require(body, "name")
    found = Board.get(board)
    if found.ask_email:
        require(body, "email")
    elif "email" in body:
        raise Problem(422, "email: not asked for by this board; set ask_email first.")
    player = Player(found, **body).save()
    location = f"/boards/{board}/players/{player.id}/"
    return json_response(player_data(player), 201, {"Location": location})


def list_players(request: HttpRequest, board: str) -> HttpResponse:
    if read_flag(request, "hidden"):
        return list_hidden(request, board)
    limit, cursor = read_limit(request), read_cursor(request, *KEY_FIELDS)
    after = Key(*cursor) if cursor else None
    found = Player.get_page_for_board(readable(request, board), limit + 1, after)
    more = len(found) > limit
    return json_response(
        {
            "players": with_emails(request, board, map(ranked_data, found[:limit])),
            "next": cursor_of(*found[limit - 1].key()) if more else None,
            **exactness(*found),
        }
    )


def list_hidden(request: HttpRequest, board: str) -> HttpResponse:
    """For whoever may show them again."""
    found = readable(request, board)
    auth.check_write(request, board)
    limit, cursor = read_limit(request), read_cursor(request, id_field)
    players = Player.get_hidden_for_board(found, limit + 1, cursor[0] if cursor else "")
    return json_response(
        {
            "players": with_emails(request, board, map(ranked_data, players[:limit])),
            "next": cursor_of(players[limit - 1].id) if len(players) > limit else None,
        }
    )


def read_player(request: HttpRequest, board: str, player: str) -> HttpResponse:
    found = Player.get_for_board(readable(request, board), player)
    rank = found.get_rank()
    [shown] = with_emails(request, board, [{**player_data(found), "rank": rank}])
    return json_response({**shown, **exactness(found)})


def update_player(request: HttpRequest, board: str, player: str) -> HttpResponse:
    body = read_body(request, {"name": name_field, "hidden": flag_field})
    found = assign(Player.get_for_board(Board(board), player), body).save()
    return json_response({**player_data(found), "hidden": found.hidden})


def delete_player(request: HttpRequest, board: str, player: str) -> HttpResponse:
    Player(Board(board), player).delete()
    return HttpResponse(status=204)


def read_around(request: HttpRequest, board: str, player: str) -> HttpResponse:
    limit = read_limit(request, default=5)
    window = Player.get_for_board(readable(request, board), player).get_around(limit)
    rows = [ranked_data(found) for found in window]
    return json_response({"players": rows, **exactness(*window)})


def add_score(request: HttpRequest, board: str, player: str) -> HttpResponse:
    body = read_body(request, {"amount": amount_field, "season": season_field})
    amount, season = body.get("amount", 1), body.get("season")
    found = Player(Board(board), player).score_add(amount, idempotency_key(request), season)
    return json_response(player_data(found))


def put_score(request: HttpRequest, board: str, player: str) -> HttpResponse:
    mode_field = choice_field("set", "best")
    fields = {"score": score_field, "mode": mode_field, "season": season_field}
    body = read_body(request, fields)
    score, best, season = require(body, "score"), body.get("mode") == "best", body.get("season")
    return json_response(player_data(Player(Board(board), player).score_put(score, best, season)))


def add_scores(request: HttpRequest, board: str) -> HttpResponse:
    increments = read_increments(request)
    auth.count_writes(request, len(increments))
    Board.get(board)
    results = get_store().add_scores(board, increments)
    rows = [
        result_data(increment.player, result)
        for increment, result in zip(increments, results, strict=True)
    ]
    return json_response({"results": rows})


def reset_board(request: HttpRequest, board: str) -> HttpResponse:
    season = read_body(request, {"season": season_field}).get("season")
    found = Board.get(board)
    check_season(found.row(), season)
    return json_response(found.reset().row())


def list_seasons(request: HttpRequest, board: str) -> HttpResponse:
    limit, cursor = read_limit(request), read_cursor(request, season_field)
    found = readable(request, board)
    before = cursor[0] if cursor else found.season
    past = get_store().list_seasons(board, before, limit + 1)
    rows = [{"season": number, "ended_at": ended_at} for number, ended_at in past[:limit]]
    next_page = cursor_of(rows[-1]["season"]) if len(past) > limit else None
    return json_response({"season": found.season, "past": rows, "next": next_page})


def read_season(request: HttpRequest, board: str, season: int) -> HttpResponse:
    readable(request, board)
    ended_at, row, players = get_store().get_season(board, season)
    shown = snapshots.shown(row, players)
    return json_response({**shown, "season": season, "ended_at": ended_at})


def read_events(request: HttpRequest, channel: str) -> HttpResponse:
    require_channel(channel)
    if request.method == "GET":
        return subscribe.hold_stream(request, EVENTS.format(channel))
    return event_stream("")


def watch_events(request: HttpRequest, channel: str) -> HttpResponse:
    """A WebSocket, of which the proxy tells in requests."""
    context = subscribe.websocket(request)
    if context.is_opening():
        try:
            require_channel(channel)
            subscribe.open_websocket(context, EVENTS.format(channel))
        except ObjectDoesNotExist:
            subscribe.refuse_websocket(context, DELETED)
    subscribe.answer_websocket(context)
    return HttpResponse()


def read_health(request: HttpRequest) -> HttpResponse:
    return json_response({"status": "ok"})


def read_readiness(request: HttpRequest) -> HttpResponse:
    get_store().ping()
    return json_response({"status": "ok"})


boards = by_method(GET=list_boards, POST=create_board)
board = by_method(GET=read_board, PATCH=update_board, DELETE=delete_board)
players = by_method(GET=list_players, POST=create_player)
player = by_method(GET=read_player, PATCH=update_player, DELETE=delete_player)
watch = by_method(GET=watch_board)
around = by_method(GET=read_around)
score_add = by_method(POST=add_score)
score = by_method(PUT=put_score)
scores = by_method(POST=add_scores)
reset = by_method(POST=reset_board)
seasons = by_method(GET=list_seasons)
season = by_method(GET=read_season)
events = by_method(GET=read_events)
watch_channel = by_method(GET=watch_events)
healthz = by_method(GET=read_health)
readyz = by_method(GET=read_readiness)


def wanted_type(request: HttpRequest) -> str | None:
    """Of a board's three forms the one that the client prefers; JSON if it does not say."""
    # What an EventSource and what a poll sends, before a parser that takes longer than the read.
    accept = request.headers.get("Accept", "").lower()
    if accept == STREAM or "text/" not in accept:
        return accept
    return request.get_preferred_type(["application/json", STREAM, PAGE])


def require_channel(channel: str) -> None:
    """Raises ObjectDoesNotExist if no route leads there."""
    wanted = Target("events", channel)
    if not any(route.leads_to(wanted) for route in settings.AMQP_ROUTES):
        raise ObjectDoesNotExist


def take_snapshot(request: HttpRequest, board: str) -> Snapshot:
    snapshot = snapshots.take_one(board)
    if snapshot is None:
        raise ObjectDoesNotExist
    auth.check_read(request, board, snapshot.private)
    return snapshot


def readable(request: HttpRequest, board: str) -> Board:
    found = Board.get(board)
    auth.check_read(request, board, found.private)
    return found


def player_data(player: Player) -> dict[str, Any]:
    return {"id": player.id, "name": player.name, "score": player.score}


def ranked_data(player: Player) -> dict[str, Any]:
    return {**player_data(player), "rank": player.rank}


def with_emails(
    request: HttpRequest, board: str, players: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """For the holder of a write token only, whoever may write without."""
    shown = list(players)
    if not auth.holds(request, "write", board):
        return shown
    emails = get_store().get_emails(board, [player["id"] for player in shown])
    return [{**player, "email": emails.get(player["id"])} for player in shown]


def exactness(*players: Player) -> dict[str, Any]:
    """What to say of ranks that may be off."""
    bound = max((player.bound for player in players), default=0)
    return {"exact": False, "bound": bound} if bound else {}


def result_data(player: str, result: Row | Exception) -> dict[str, Any]:
    """One row of a bulk answer: the new score, or why there is none."""
    if isinstance(result, ScoreOutOfRange):
        return {"player": player, "status": 422, "detail": f"{result}."}
    if isinstance(result, WrongSeason):
        return {"player": player, "status": 409, "detail": f"{result}."}
    if isinstance(result, StoreUnavailable):
        raise result
    if isinstance(result, Exception):
        return {"player": player, "status": 404, "detail": f"There is no player {player}."}
    return {"player": player, "status": 200, "score": result["score"]}


def assign(found: Model, fields: dict[str, Any]) -> Model:
    for name, value in fields.items():
        setattr(found, name, value)
    return found


def json_response(
    data: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
) -> HttpResponse:
    return JsonResponse(
        data, status=status, headers=headers, json_dumps_params={"ensure_ascii": False}
    )
