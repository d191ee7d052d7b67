"""How records of the log are written: as text or as JSON, with the request that they are about."""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from leaderboardapp.domain.masking import MaskingFormatter

# The id of the request that this thread answers.
request_id: ContextVar[str] = ContextVar("request_id", default="")


def make_formatter(as_json: bool) -> logging.Formatter:
    """Return a formatter of all records, which masks secrets."""
    return MaskingFormatter(JsonFormatter() if as_json else TextFormatter())


class TextFormatter(logging.Formatter):
    """Writes a line of text, with the record's `fields` and the request at its end."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        fields = _list_fields(record)
        return " ".join(
            [super().formatMessage(record), *(f"{name}={value}" for name, value in fields)]
        )


class JsonFormatter(logging.Formatter):
    """Writes a JSON object in one line, with the same fields."""

    def format(self, record: logging.LogRecord) -> str:
        document: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **dict(_list_fields(record)),
        }
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return json.dumps(document)


def _list_fields(record: logging.LogRecord) -> list[tuple[str, Any]]:
    """Return what is known beside the message: names and values."""
    id = request_id.get()
    return [*getattr(record, "fields", {}).items(), *([("request", id)] if id else [])]
