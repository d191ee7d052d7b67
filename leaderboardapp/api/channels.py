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


def read_events(request: HttpRequest, channel_name: str) -> HttpResponse:
    require_channel(channel_name)
    if request.method == "GET":
        return subscribe.hold_stream(request, EVENTS.format(channel_name))
    return event_stream("")


def watch_events(request: HttpRequest, channel_name: str) -> HttpResponse:
    """A WebSocket, of which the proxy tells in requests."""
    context = subscribe.websocket(request)
    if context.is_opening():
        try:
            require_channel(channel_name)
            subscribe.open_websocket(context, EVENTS.format(channel_name))
        except ObjectDoesNotExist:
            subscribe.refuse_websocket(context, DELETED)
    subscribe.answer_websocket(context)
    return HttpResponse()


def require_channel(channel_name: str) -> None:
    """Raises ObjectDoesNotExist if no route leads there."""
    wanted = Target("events", channel_name)
    if not any(route.leads_to(wanted) for route in settings.AMQP_ROUTES):
        raise ObjectDoesNotExist
