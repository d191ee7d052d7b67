"""docs/openapi.yaml holds for every URL and method, and for what they answer to anything."""

import re
from typing import Any

import pytest
import schemathesis
import yaml
from django.test import Client
from django.urls import get_resolver

from leaderboardapp.domain.types import BOARD_DEFAULTS
from leaderboardapp.pages.api_reference import DESCRIPTION
from tests.api.conftest import Send

# No store changes what is shown here.
pytestmark = pytest.mark.stores("sqlite")

API: dict[str, Any] = yaml.safe_load(DESCRIPTION.read_text())
METHODS = ("get", "post", "put", "patch", "delete")
SELECT = "/boards/{board}/players/select/"
# Of the player who has that id.
ALSO_ALLOWED = {SELECT: {"GET", "PATCH", "DELETE"}}
NOT_DESCRIBED = {
    "/",
    "/boards/{board}/manage/",
    "/docs",
    "/docs/problems/",
    "/openapi.yaml",
}  # pages, and itself


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
    there = path.format(board="b", player="p", person="p", season=1, channel="c")
    allowed = send("OPTIONS", there)["Allow"].split(", ")
    described = {method.upper() for method in METHODS if method in API["paths"][path]}
    assert set(allowed) - {"HEAD"} == described | ALSO_ALLOWED.get(path, set())


def test_every_write_and_no_read_may_be_told_to_come_later() -> None:
    assert API["components"]["responses"]["TooMany"]["headers"]["Retry-After"]["required"]
    for path, item in API["paths"].items():
        for method in filter(item.__contains__, METHODS):
            answer = item[method]["responses"].get("429")
            expected = {"$ref": "#/components/responses/TooMany"}
            reads = method == "get" or path == SELECT
            assert answer == (None if reads else expected)


def test_the_settings_are_those_of_a_board() -> None:
    settings = API["components"]["schemas"]["Settings"]["properties"]
    assert [*settings, "season", "ends_at", "since"] == list(BOARD_DEFAULTS)
    assert settings["size"]["default"] == BOARD_DEFAULTS["size"]


def test_the_description_is_valid() -> None:
    schemathesis.openapi.from_dict(API).validate()


def test_the_description_is_served(client: Client) -> None:
    served = client.get("/openapi.yaml")
    assert served["Content-Type"] == "application/yaml"
    assert yaml.safe_load(served.content) == API


def test_the_page_needs_no_other_host_and_no_exception_to_the_policy(client: Client) -> None:
    """tests/browser/test_api_reference.py looks at what the page then shows."""
    page = client.get("/docs")
    assert page["Content-Type"].startswith("text/html")
    text = page.content.decode()
    assert re.search(
        r'src="/static/drf_spectacular_sidecar/[\w/-]*/swagger-ui-bundle\.\w+\.js"', text
    )
    assert not re.search(r'(src|href)="(\w+:)?//', text), "no address of another host"
    policy = page["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; img-src")
    assert "unsafe" not in policy and "data:" not in policy


def test_the_page_leads_to_the_description_where_no_script_runs(client: Client) -> None:
    without_script = re.search(
        r"<noscript>(.*)</noscript>", client.get("/docs").content.decode(), re.S
    )
    assert without_script and 'href="/openapi.yaml"' in without_script[1]
