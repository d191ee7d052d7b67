"""GRIP items, as a proxy reads them."""

import json
from typing import Any


def read_item(text: str | bytes) -> dict[str, Any]:
    """Return an item's formats by their names, and beside them its other fields."""
    item: dict[str, Any] = json.loads(text)
    return {**item.pop("formats"), **item}
