"""The Django app, and what it says at its start."""

import logging

from django.apps import AppConfig
from django.conf import settings

logger = logging.getLogger(__name__)


class LeaderboardConfig(AppConfig):
    """The app's configuration."""

    name = "leaderboardapp"

    def ready(self) -> None:
        """Warn if anybody may write, which is meant for development."""
        if settings.ALLOW_ANONYMOUS_WRITES and not settings.DEBUG:
            logger.warning("ALLOW_ANONYMOUS_WRITES=1: anybody who reaches this service may write")
