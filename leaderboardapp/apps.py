import logging

from django.apps import AppConfig
from django.conf import settings

logger = logging.getLogger(__name__)


class LeaderboardConfig(AppConfig):
    name = "leaderboardapp"

    def ready(self) -> None:
        if settings.ALLOW_ANONYMOUS_WRITES and not settings.DEBUG:
            logger.warning("ALLOW_ANONYMOUS_WRITES=1: anybody who reaches this service may write")
