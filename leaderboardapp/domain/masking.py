"""Tokens and tickets are left out of logs and of messages, wherever they may have come in.

A request's path is logged without its query, and details do not repeat values of parameters. This
is for texts of others, such as a library's that quotes a request which it could not read.
"""

import logging
import re

MASK = "…"
# What the parameters have, and whatever looks like a JWT, which begins with a JSON object in
# base64.
_SECRET = re.compile(
    r"""((?:token|ticket)(?:=|%3d))[^&\s"'<>]+ | eyJ[\w-]{10,}\.[\w-]*(?:\.[\w-]*)*""",
    re.IGNORECASE | re.VERBOSE,
)


def mask_secrets(text: str) -> str:
    """Return the text with a mask in place of each token and ticket."""
    return _SECRET.sub(lambda match: f"{match[1] or ''}{MASK}", text)


class MaskingFormatter(logging.Formatter):
    """Formats lines of a log, and tracebacks, with secrets masked."""

    def format(self, record: logging.LogRecord) -> str:
        return mask_secrets(super().format(record))
