"""The Django app."""

from django.apps import AppConfig


class LeaderboardConfig(AppConfig):
    """The app's configuration."""

    name = "leaderboardapp"

    def ready(self) -> None:
        """Register the checks."""
        from leaderboardapp.management import checks  # noqa: F401
