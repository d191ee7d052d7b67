"""What the tests of stores share."""

# Nothing of the service is imported before there are settings, which it reads on being imported.
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import pytest


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """clock(7): from now on it is microsecond 7 in this process, from which stores have the time of
    scores and of seasons. The first one is 1."""
    import leaderboardapp.stores.rethinkdb.store
    import leaderboardapp.stores.sql.store  # noqa: F401
    from leaderboardapp.domain import schedule

    now = [1]

    def read_as_text() -> str:
        return datetime.fromtimestamp(now[0] // 1_000_000, UTC).strftime(schedule.FORMAT)

    for name, module in [*sys.modules.items()]:
        if name.startswith("leaderboardapp.stores") and hasattr(module, "now_us"):
            monkeypatch.setattr(module, "now_us", lambda: now[0])
    monkeypatch.setattr(schedule, "now", read_as_text)
    return lambda moment: now.__setitem__(0, moment)
