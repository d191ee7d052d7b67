"""What Prometheus is shown of a listener, read at the moment at which it asks."""

import math
import time
from collections.abc import Callable

from leaderboardapp.listener.lease import Lease
from leaderboardapp.listener.publish_scheduler import PublishScheduler
from leaderboardapp.metrics import Gauge
from leaderboardapp.realtime.publish import ProxyPublisher, Publisher
from leaderboardapp.stores.streams import Feed

FEED_AGE = Gauge(
    "leaderboard_feed_age_seconds", "Since the feed brought anything; NaN without a feed"
)
LEASE_AGE = Gauge("leaderboard_lease_age_seconds", "Since the lease was renewed")
PARTS = Gauge("leaderboard_parts", "Parts of the boards that this listener has")
ALL_PARTS = Gauge("leaderboard_all_parts", "Parts of the boards, of whomever")
LISTENERS = Gauge("leaderboard_listeners", "Listeners, as far as this one sees")
BOARDS_DUE = Gauge("leaderboard_boards_due", "Boards that are to be read now")
PUBLISH_LAG = Gauge(
    "leaderboard_publish_lag_seconds", "How long the oldest snapshot waits", "proxy"
)
TO_RESEND = Gauge("leaderboard_boards_to_resend", "Boards that a proxy did not take", "proxy")
CONNECTED = Gauge("leaderboard_proxy_connected", "Whether a proxy is connected to", "proxy")
HELD = Gauge("leaderboard_held_channels", "GRIP channels that a proxy holds somebody for", "proxy")


def follow(
    lease: Lease,
    publisher: Publisher,
    get_feed: Callable[[], Feed | None],
    get_scheduler: Callable[[], PublishScheduler | None],
) -> None:
    """Show these from now on. A standby has neither a feed nor a scheduler."""
    LEASE_AGE.follow(lambda: time.monotonic() - lease.renewed_at)
    PARTS.follow(lambda: len(lease.parts.numbers))
    ALL_PARTS.follow(lambda: lease.parts.of)
    LISTENERS.follow(lambda: len(lease.seen))
    FEED_AGE.follow(lambda: _get_age(get_feed()))
    BOARDS_DUE.follow(lambda: _count_due(get_scheduler()))
    for proxy in publisher.proxies:
        _follow_proxy(proxy)


def _follow_proxy(proxy: ProxyPublisher) -> None:
    client = proxy.client
    PUBLISH_LAG.follow(proxy.lag_seconds, client.uri)
    TO_RESEND.follow(lambda: len(proxy.to_resend), client.uri)
    if client.tells_holds:
        CONNECTED.follow(lambda: not client.is_away(), client.uri)
        HELD.follow(client.count_held, client.uri)


def _get_age(feed: Feed | None) -> float:
    return time.monotonic() - feed.last_activity if feed else math.nan


def _count_due(scheduler: PublishScheduler | None) -> int:
    if scheduler is None:
        return 0
    now = time.monotonic()
    times = [*scheduler.due_at.values()]  # at once, because the listener's thread changes it
    return len(scheduler.backlog) + sum(when <= now for when in times)
