"""The column of a board's schedule: a name as it is, an object as JSON."""

import json
from typing import Any

from django.db.models import TextField


class ScheduleField(TextField):  # type: ignore[type-arg]  # generic for mypy alone
    """A schedule in a text column.

    What earlier versions wrote is read as it is, and they read the names that this one writes."""

    def deconstruct(self) -> Any:
        """Describe the column for migrations, which import nothing of the program: it is a text."""
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.TextField", args, options

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        """Return the schedule that was stored."""
        return decode_schedule(value)

    def get_prep_value(self, value: Any) -> Any:
        """Return the text to store."""
        return json.dumps(value) if isinstance(value, dict) else value


def decode_schedule(text: str | None) -> Any:
    """Return the schedule of this text. Another program may have written what is no schedule: that
    stays a text."""
    if text is None or not text.startswith("{"):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
