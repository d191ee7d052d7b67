"""The Django app."""

from django.apps import AppConfig


class LeaderboardConfig(AppConfig):
    """The app's configuration."""

    name = "leaderboardapp"
