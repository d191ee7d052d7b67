"""In a browser, no token of a private board is in a URL that is sent on."""

import re

from playwright.sync_api import Request

from tests.browser.conftest import Visits
from tests.e2e.test_tickets import END_SECONDS, sign
from tests.e2e.viewers import Api
from tests.support.programs import PROJECT, wait_until


def test_the_example_of_a_private_board_opens_each_stream_with_a_new_ticket(
    visit: Visits, api: Api, board: str
) -> None:
    assert api("PATCH", board, {"private": True}).status == 200
    examples = re.findall(r"```js\n(.*?)```", (PROJECT / "docs/clients.md").read_text(), re.DOTALL)
    [example] = [text for text in examples if "watchPrivate" in text]
    tokens, addresses = [], []

    def create() -> str:
        tokens.append(sign(-5))  # accepted for some more seconds
        return tokens[-1]

    page = visit("/healthz", lambda page: page.route("**/favicon.ico", lambda it: it.fulfill()))
    page.on("request", lambda request: addresses.append(request.url))
    page.expose_function("token", create)
    record = "window.shown = []; console.table = (players) => { shown.push(players[0].score); };"
    page.evaluate(
        f"() => {{ {record} {example.replace('/boards/demo/', board)} watchPrivate(token) }}"
    )
    wait_until(lambda: page.evaluate("shown.at(-1)") == 0, "the snapshot")

    def has_come_back() -> bool:
        page.wait_for_timeout(200)
        return len(tokens) > 1

    wait_until(has_come_back, "another ticket", END_SECONDS + 10)
    assert api("POST", f"{board}players/bob/score-add/").status == 200
    wait_until(lambda: page.evaluate("shown.at(-1)") == 1, "the change")
    streams = [url for url in addresses if "ticket=" in url]
    assert len(streams) == len(set(streams)) == 2
    assert not any(token in url for token in tokens for url in addresses)


def test_the_address_of_a_page_is_told_to_nobody(visit: Visits, api: Api, board: str) -> None:
    assert api("PATCH", board, {"private": True}).status == 200
    requests: list[Request] = []
    page = visit(
        f"{board}?token={sign(60)}", lambda page: page.on("request", lambda it: requests.append(it))
    )
    page.locator(".row").first.wait_for()
    # Not all_headers, which wait without end for those of a worker's script.
    referrers = [request.headers.get("referer") for request in requests]
    assert len(requests) > 2
    assert {referrer for referrer in referrers if referrer} == {f"{visit.address}/"}
