"""manage.py ensure_store: prepare the store for use."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.stores import get_store


class Command(BaseCommand):
    help = "Create whatever the store named by DATABASE_URL lacks. Safe to repeat."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            get_store().ensure()
        except StoreUnavailable as error:
            raise CommandError(
                f"The store cannot be reached ({error}). Start it, or point DATABASE_URL elsewhere."
            ) from error
