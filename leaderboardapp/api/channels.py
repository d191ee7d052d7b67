"""Endpoints of channels: public addresses at which viewers are shown notifications."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from leaderboardapp.domain.exceptions import ChannelNotFound
from leaderboardapp.rabbitmq.notification_routes import Target
from leaderboardapp.realtime import subscribe
from leaderboardapp.realtime.formats import EVENTS, event_stream
from leaderboardapp.web.methods import READ_PARAMETERS, takes_any_query
from leaderboardapp.web.requests import check_query


def read_events(request: HttpRequest, channel_name: str) -> HttpResponse:
    """Answer an event stream of notifications, which the proxy holds."""
    require_channel(channel_name)
    if request.method == "GET":
        return subscribe.hold_stream(request, [EVENTS.format(channel_name)])
    return event_stream("")


@takes_any_query
def watch_events(request: HttpRequest, channel_name: str) -> HttpResponse:
    """Answer the proxy's events of a channel's WebSocket (WebSocket-over-HTTP)."""
    context = subscribe.websocket(request)
    if context.is_opening():
        with subscribe.refuses_websocket(context):
            check_query(request, READ_PARAMETERS)
            require_channel(channel_name)
            subscribe.open_websocket(context, [EVENTS.format(channel_name)])
    subscribe.answer_websocket(context)
    return HttpResponse()


def require_channel(channel_name: str) -> None:
    """Raise ChannelNotFound if no route of AMQP_ROUTES leads to the channel."""
    target = Target("events", channel_name)
    if not any(route.can_reach(target) for route in settings.AMQP_ROUTES):
        raise ChannelNotFound(channel_name)
