"""Publishing to Fastly Fanout: what its publishing API is sent, by a server that records it.

Source of the contract: www.fastly.com/documentation/reference/api/publishing, and for what that
page leaves out the GRIP protocol (pushpin.org/docs/protocols/grip), which it says it follows."""

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, NamedTuple

import jsonschema_rs
import pytest

from leaderboard_project.proxy_urls import parse_proxy
from leaderboardapp import snapshots
from leaderboardapp.concurrency import backoff
from leaderboardapp.realtime.items import BoardEvents, build_end_items
from leaderboardapp.realtime.proxy_client import HttpProxyClient, ProxyUnavailable, http_client
from leaderboardapp.realtime.publish import PublishBatch, Publisher
from leaderboardapp.snapshots import Snapshot
from tests.support.fastly import GRIP_URL, SERVICE, TOKEN
from tests.support.programs import wait_until

TEXT = {"type": "string"}
CLOSE = {
    "action": {"const": "close"}
}  # GRIP's, as are `meta`, and `code` and `reason` of a closing


def one_of(content: str, **closing: Any) -> dict[str, Any]:
    """What a format is: its content, or a closing."""
    return {
        "oneOf": [
            {"properties": {content: TEXT}, "required": [content], "additionalProperties": False},
            {"properties": closing, "required": ["action"], "additionalProperties": False},
        ]
    }


HTTP_RESPONSE = {
    "properties": {
        "code": {"type": "integer"},
        "reason": TEXT,
        "headers": {"type": "object", "additionalProperties": TEXT},
        "body": TEXT,
    },
    "required": ["body"],
    "additionalProperties": False,
}
FORMATS = {
    "type": "object",
    "properties": {
        "http-response": HTTP_RESPONSE,
        "http-stream": one_of("content", **CLOSE),
        "ws-message": one_of("content", **CLOSE, code={"type": "integer"}, reason=TEXT),
    },
    "minProperties": 1,
    "additionalProperties": False,
}
ITEM = {
    "properties": {"channel": TEXT, "formats": FORMATS, "meta": {"additionalProperties": TEXT}},
    "required": ["channel", "formats"],
    "additionalProperties": False,
}
CONTRACT = jsonschema_rs.validator_for(
    {"properties": {"items": {"items": ITEM, "minItems": 1}}, "required": ["items"]}
)


class Sent(NamedTuple):
    path: str
    headers: dict[str, str]  # by names in small letters
    body: Any


class Fastly:
    """Fastly's publishing API, which records what it is sent and answers with these statuses."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.statuses: list[int] = []  # of the next answers; then 200
        fastly = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = json.loads(self.rfile.read(int(headers["content-length"])))
                fastly.sent.append(Sent(self.path, headers, body))
                self.send_response(fastly.statuses.pop(0) if fastly.statuses else 200)
                self.end_headers()
                self.wfile.write(b'{"msg": "what Fastly says"}')

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.01])
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def fastly() -> Iterator[Fastly]:
    fastly = Fastly()
    yield fastly
    fastly.close()


@pytest.fixture
def client(fastly: Fastly) -> Iterator[HttpProxyClient]:
    """A client of GRIP_URL, but that Fastly's API is on this machine."""
    entry = parse_proxy(GRIP_URL)
    here = f"http://127.0.0.1:{fastly.server.server_port}"
    entry["control_uri"] = str(entry["control_uri"]).replace("https://api.fastly.com", here)
    client = http_client(entry)
    yield client
    client.close()


@pytest.fixture
def publisher(client: HttpProxyClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    monkeypatch.setattr(backoff, "LEAST", 0.01)
    publisher = Publisher([client], lambda board: True)
    yield publisher
    publisher.stop()


BATCH = PublishBatch(
    {
        "open": Snapshot('{"name":"é"}', "abc"),
        "private": Snapshot("{}", "abc", private=True),
        "turned": Snapshot("{}", "abc", private=True),
        "opened": Snapshot("{}", "abc"),
        "gone": None,
    },
    events={"open": BoardEvents(private=False, events=[("joined", {"player": {"id": "bob"}})])},
    visibility_changed={"turned", "opened"},
)


def test_all_that_is_published_keeps_to_the_contract(fastly: Fastly, publisher: Publisher) -> None:
    publisher.enqueue(BATCH)
    wait_until(lambda: fastly.sent, "a batch")
    [sent] = fastly.sent
    assert sent.path == f"/service/{SERVICE}/publish/"  # with the slash
    assert sent.headers["authorization"] == f"Bearer {TOKEN}"
    assert sent.headers["content-type"] == "application/json"
    CONTRACT.validate(sent.body)
    formats = {name for item in sent.body["items"] for name in item["formats"]}
    assert formats == {"http-response", "http-stream", "ws-message"}
    assert {item["channel"] for item in sent.body["items"]} >= {"board-open", "board-gone.private"}


def test_the_end_of_a_token_keeps_to_the_contract(fastly: Fastly, client: HttpProxyClient) -> None:
    client.publish(build_end_items("expires-1"))
    CONTRACT.validate(fastly.sent[0].body)


def test_fastly_is_published_to_again_after_it_has_refused(
    fastly: Fastly,
    publisher: Publisher,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    boards = {"b": Snapshot('{"players":[]}', "abc")}
    monkeypatch.setattr(snapshots, "read_snapshots", lambda ids: boards)
    fastly.statuses = [429, 503]  # over its rate limit, and down
    with caplog.at_level(logging.WARNING):
        publisher.enqueue(PublishBatch({"b": boards["b"]}))
        wait_until(lambda: len(fastly.sent) == 3, "the third try")
    [item] = [item for item in fastly.sent[2].body["items"] if item["channel"] == "board-b"]
    assert item["formats"]["http-response"]["body"] == '{"players":[]}'
    assert TOKEN not in caplog.text


def test_a_token_that_fastly_refuses_is_not_in_what_is_said_of_it(
    fastly: Fastly, client: HttpProxyClient
) -> None:
    fastly.statuses = [401]
    with pytest.raises(ProxyUnavailable) as refused:
        client.publish(build_end_items("expires-1"))
    message = str(refused.value)
    assert f"/service/{SERVICE} did not take" in message
    assert "401" in message and "what Fastly says" in message
    assert TOKEN not in message


def test_fastly_does_not_tell_whom_it_holds(client: HttpProxyClient) -> None:
    assert not client.tells_holds
    assert client.holds("board-that-nobody-watches")
