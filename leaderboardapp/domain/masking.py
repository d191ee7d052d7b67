"""Tokens and tickets are left out of logs and of messages, wherever they may have come in.

A request's path is logged without its query, and details do not repeat values of parameters. This
is for texts of others, such as a library's that quotes a request which it could not read.
"""

import logging
import re

MASK = "…"
# A value in the query. A backslash before a quote ends it: in a line of JSON, the quote is escaped.
_PARAMETER = re.compile(
    r"""((?:token|ticket)(?:=|%3d))(?:[^&\s"'<>\\]|\\[^&\s"'<>])+""", re.IGNORECASE
)
# Whatever looks like a JWT, which begins with a JSON object in base64. Without a dot after that, it
# is none. The dot may be missing so that no part of a long text is read again and again.
_JWT = re.compile(r"eyJ[\w-]{10,}(\.[\w.-]*)?", re.IGNORECASE)


def mask_secrets(text: str) -> str:
    """Return the text with a mask in place of each token and ticket."""
    text = _PARAMETER.sub(lambda match: match[1] + MASK, text)
    return _JWT.sub(lambda match: MASK if match[1] else match[0], text)


class MaskingFormatter(logging.Formatter):
    """Masks secrets in what another formatter makes of a record, tracebacks included."""

    def __init__(self, formatter: logging.Formatter | None) -> None:
        """Take the other formatter, by default a plain one."""
        super().__init__()
        self.formatter = formatter or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        return mask_secrets(self.formatter.format(record))


def mask_handlers(*loggers: logging.Logger) -> None:
    """Have all handlers of these loggers mask secrets, in whatever format they write."""
    for handler in {handler for log in loggers for handler in log.handlers}:
        if not isinstance(handler.formatter, MaskingFormatter):
            handler.setFormatter(MaskingFormatter(handler.formatter))
