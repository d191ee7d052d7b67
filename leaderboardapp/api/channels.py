"""Channels of notifications."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from leaderboardapp.models import ObjectDoesNotExist
from leaderboardapp.rabbitmq.routes import Target
from leaderboardapp.realtime import subscribe
from leaderboardapp.realtime.formats import (
    DELETED,
    EVENTS,
    event_stream,
)


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


def require_channel(channel: str) -> None:
    """Raises ObjectDoesNotExist if no route leads there."""
    wanted = Target("events", channel)
    if not any(route.can_reach(wanted) for route in settings.AMQP_ROUTES):
        raise ObjectDoesNotExist
