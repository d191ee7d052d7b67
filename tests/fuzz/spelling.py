"""JSON of any shape, of words that the parsers know. What bytes are mutated to hardly ever is."""

import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

from leaderboardapp.domain import fields

OTHER_WORDS = """
    id key email hidden data type unit places points decimal time desc asc
    every on at zone day week month monday 02:30 Europe/Berlin UTC
    scope boards exp play p n w TRUE kind version board records copy end
"""
# What values and keys are chosen from, beside any others.
WORDS = (
    *fields.BOARD_SETTING_FIELDS,
    *fields.INCREMENT_FIELDS,
    *OTHER_WORDS.split(),
    *("read play", "a@example.com", "\ud800", "\u202e", "\0", "$reql_type$"),
)


def spell_json(data: bytes) -> bytes:
    """Return JSON that the bytes choose. Few bytes alone are any."""
    return write_json(_choose_value(iter(data), 5))


def _choose_value(data: Iterator[int], depth: int) -> Any:
    kind, size = next(data, 0) % (8 if depth else 6), next(data, 0)
    match kind:
        case 0:
            return WORDS[size % len(WORDS)]
        case 1:
            return bytes(islice(data, size % 80)).decode(errors="replace")
        case 2:
            return int.from_bytes(bytes(islice(data, size % 10)), signed=True)
        case 3:
            return size - 128
        case 4:
            return Decimal(size - 128).scaleb(next(data, 0) - 128)
        case 5:
            return (None, True, False)[size % 3]
        case 6:
            return [_choose_value(data, depth - 1) for _ in range(size % 6)]
    return {str(_choose_value(data, 0)): _choose_value(data, depth - 1) for _ in range(size % 6)}


def write_json(value: Any) -> bytes:
    """Return the value as JSON, with all digits of its numbers."""
    if isinstance(value, dict):
        return b"{%s}" % b",".join(write_json(k) + b":" + write_json(v) for k, v in value.items())
    if isinstance(value, list):
        return b"[%s]" % b",".join(map(write_json, value))
    return str(value).encode() if isinstance(value, Decimal) else json.dumps(value).encode()
