"""The worker: the process that takes a broker's messages."""

import logging
import threading

from django.conf import settings

from leaderboardapp.rabbitmq import connection
from leaderboardapp.rabbitmq.consumer import Consumer, QueueHandler
from leaderboardapp.rabbitmq.notifications import NotificationHandler
from leaderboardapp.rabbitmq.scores import ScoreHandler
from leaderboardapp.realtime.proxies import get_proxy_clients

logger = logging.getLogger(__name__)


def run(stop: threading.Event) -> None:
    """Consume each queue in a thread of its own until `stop` is set.

    Waits for `stop` if AMQP_URL is not set. Raises ImproperlyConfigured."""
    if not settings.AMQP_URL:
        logger.info(
            "AMQP_URL is not set, so there is nothing to do: set it, or leave this process out"
        )
        stop.wait()
        return
    connection.parse_url(settings.AMQP_URL)
    threads = [threading.Thread(target=Consumer(handler, stop).run) for handler in build_handlers()]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join()


def build_handlers() -> list[QueueHandler]:
    """Build and return the handlers: one of scores, and with AMQP_ROUTES one for each proxy."""
    handlers: list[QueueHandler] = [ScoreHandler()]
    if settings.AMQP_ROUTES:
        handlers += [
            NotificationHandler(client, dead_letters_rejects=index == 0)
            for index, client in enumerate(get_proxy_clients())
        ]
    return handlers
