"""The process that takes a broker's messages."""

import logging
import threading

from django.conf import settings

from leaderboardapp.rabbitmq import connection, consumer
from leaderboardapp.rabbitmq.consumer import QueueHandler
from leaderboardapp.rabbitmq.notifications import NotificationHandler
from leaderboardapp.rabbitmq.scores import ScoreHandler
from leaderboardapp.realtime import proxy_client

logger = logging.getLogger(__name__)


def run(stop: threading.Event) -> None:
    """Until `stop` is set. Raises ImproperlyConfigured."""
    if not settings.AMQP_URL:
        logger.info(
            "AMQP_URL is not set, so there is nothing to do: set it, or leave this process out"
        )
        stop.wait()
        return
    connection.parse_url(settings.AMQP_URL)
    works: list[QueueHandler] = [ScoreHandler()]
    if settings.AMQP_ROUTES:
        works += [
            NotificationHandler(each, dead_letters_rejects=not at)
            for at, each in enumerate(proxy_client.get_proxy_clients())
        ]
    threads = [threading.Thread(target=consumer.Consumer(each, stop).run) for each in works]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join()
