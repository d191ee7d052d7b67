"""docs/openapi.yaml holds for every URL and method, and for what they answer to anything."""

import re
from typing import Any

import pytest
import yaml
from django.test import Client
from django.urls import get_resolver

from leaderboardapp.domain.types import BOARD_DEFAULTS
from leaderboardapp.pages.api_reference import DESCRIPTION, METHODS, reference
from tests.api.conftest import Send

API: dict[str, Any] = yaml.safe_load(DESCRIPTION.read_text())
NOT_DESCRIBED = {"/", "/boards/{board}/manage/", "/docs", "/openapi.yaml"}  # pages, and itself


def urls() -> set[str]:
    """Paths as the description names their parts: `board` for our `board_id`."""
    included: Any = get_resolver().url_patterns[0]
    return {
        "/" + re.sub(r"<\w+:([a-z]+)(?:_\w+)?>", r"{\1}", str(each.pattern))
        for each in included.url_patterns
    }


def test_every_url_is_described() -> None:
    assert urls() - NOT_DESCRIBED == set(API["paths"])


@pytest.mark.parametrize("path", sorted(API["paths"]))
def test_every_method_is_described(send: Send, path: str) -> None:
    there = path.format(board="b", player="p", season=1, channel="c")
    allowed = send("OPTIONS", there)["Allow"].split(", ")
    described = {method.upper() for method in METHODS if method in API["paths"][path]}
    assert set(allowed) - {"HEAD"} == described


def test_every_write_and_no_read_may_be_told_to_come_later() -> None:
    assert API["components"]["responses"]["TooMany"]["headers"]["Retry-After"]["required"]
    for item in API["paths"].values():
        for method in filter(item.__contains__, METHODS):
            answer = item[method]["responses"].get("429")
            expected = {"$ref": "#/components/responses/TooMany"}
            assert answer == (None if method == "get" else expected)


def test_the_settings_are_those_of_a_board() -> None:
    settings = API["components"]["schemas"]["Settings"]["properties"]
    assert [*settings, "season", "ends_at"] == list(BOARD_DEFAULTS)
    assert settings["size"]["default"] == BOARD_DEFAULTS["size"]


def test_the_description_is_served_and_as_a_page_that_needs_no_other_host(client: Client) -> None:
    served = client.get("/openapi.yaml")
    assert served["Content-Type"] == "application/yaml"
    assert yaml.safe_load(served.content) == API
    page = client.get("/docs")
    assert page["Content-Type"].startswith("text/html")
    text = page.content.decode()
    for _, operations in reference()["groups"]:
        for operation in operations:
            assert f'id="{operation["id"]}"' in text
    assert not re.search(r'(src|href)="(\w+:)?//', text), "no address of another host"
    assert page["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
