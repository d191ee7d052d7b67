"""The tables' Django application, which keeps connections apart when a process is forked."""

import os
from typing import Any

from django.apps import AppConfig
from django.db import connections


class SqlStoreConfig(AppConfig):
    name = "leaderboardapp.stores.sql"
    label = "store"


def _leave_to_parent() -> None:
    """Forget the connections in a forked process: they are the parent's. They are kept, because
    closing one would end the parent's session, or release the parent's locks."""
    for wrapper in connections.all(initialized_only=True):
        _of_parent.append(wrapper.connection)
        wrapper.connection = None


_of_parent: list[Any] = []
os.register_at_fork(after_in_child=_leave_to_parent)
