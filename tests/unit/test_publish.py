import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.test import override_settings
from gripcontrol import GripPubControl

from leaderboardapp import snapshots
from leaderboardapp.concurrency import backoff
from leaderboardapp.realtime import proxy_client, publish
from leaderboardapp.realtime.items import BoardEvents
from leaderboardapp.realtime.publish import Publisher
from leaderboardapp.snapshots import Snapshot
from tests.support.programs import free_ports, wait_until


class Proxy:
    """The control port of a proxy, as far as publishing goes."""

    def __init__(self, port: int = 0) -> None:
        self.status = 200
        self.answers = threading.Event()  # it hangs while this is not set
        self.answers.set()
        self.items: list[list[dict[str, Any]]] = []
        self.sizes: list[int] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/publish/"
                proxy.sizes.append(len(body))
                proxy.items.append(json.loads(body)["items"])
                proxy.answers.wait(30)
                self.send_response(proxy.status)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.01])
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def boards(self) -> list[str]:
        channels = (item["channel"] for batch in self.items for item in batch)
        return [channel for channel in channels if not channel.endswith(".private")]

    def close(self) -> None:
        self.answers.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def edge_of(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """edge_of(url, …): an edge of these proxies."""
    monkeypatch.setattr(backoff, "LEAST", 0.01)
    monkeypatch.setattr(backoff, "MOST", 0.05)

    def make(*urls: str, may_publish: Callable[[], bool] = lambda: True) -> Publisher:
        pubcontrol = GripPubControl([{"control_uri": url} for url in urls])
        monkeypatch.setattr(proxy_client, "get_pubcontrol", lambda: pubcontrol)
        made = Publisher(may_publish)
        request.addfinalizer(made.stop)
        return made

    return make


@pytest.fixture
def proxy(request: pytest.FixtureRequest) -> Proxy:
    proxy = Proxy()
    request.addfinalizer(proxy.close)
    return proxy


def published(proxy: Proxy) -> dict[str, Any]:
    """Channel → formats, of the first batch."""
    wait_until(lambda: proxy.items, "a batch")
    return {item.pop("channel"): item for item in proxy.items[0]}


def test_a_snapshot_is_for_streams_long_polls_and_web_sockets(edge_of: Any, proxy: Proxy) -> None:
    snapshot = Snapshot('{"name":"é"}', "abc")
    edge_of(proxy.url).put({"b": snapshot}, {}, {"b"})
    assert published(proxy) == {
        "board-b": {
            "http-stream": {"content": 'event: update\nid: abc\ndata: {"name":"é"}\n\n'},
            "http-response": {"code": 200, "headers": snapshot.headers(), "body": '{"name":"é"}'},
            "ws-message": {"content": '{"event":"update","id":"abc","data":{"name":"é"}}'},
        },
        # Who watched it with a token while it was private comes back without.
        "board-b.private": {
            "http-stream": {"action": "close"},
            "http-response": {"code": 304, "body": ""},
            "ws-message": {"action": "close", "code": 1013},
        },
    }


def test_events_are_for_streams_and_web_sockets_but_no_long_polls(
    edge_of: Any, proxy: Proxy
) -> None:
    bob = {"player": {"id": "bob", "name": "Böb", "score": 0}}
    edge_of(proxy.url).put({}, {"b": BoardEvents(private=True, events=[("joined", bob)])}, ())
    data = '{"player":{"id":"bob","name":"Böb","score":0}}'
    assert published(proxy) == {
        "board-b.private": {
            "http-stream": {"content": f"event: joined\ndata: {data}\n\n"},
            "ws-message": {"content": f'{{"event":"joined","data":{data}}}'},
        },
    }


def test_events_that_wait_for_a_proxy_are_few(edge_of: Any, proxy: Proxy) -> None:
    proxy.answers.clear()
    made = edge_of(proxy.url)
    made.put({"b": Snapshot("{}", "abc")}, {}, ())
    wait_until(lambda: proxy.items, "a batch, which hangs")
    for number in range(publish.MAX_NEWS + 5):
        made.put({}, {"b": BoardEvents(private=False, events=[("season ended", number)])}, ())
    proxy.answers.set()
    wait_until(lambda: len(proxy.items) == 2, "the next batch")
    assert len(proxy.items[1]) == publish.MAX_NEWS
    newest = f'{{"event":"season ended","data":{publish.MAX_NEWS + 4}}}'
    assert proxy.items[1][-1]["ws-message"]["content"] == newest


def test_a_private_snapshot_is_for_those_who_showed_a_token(edge_of: Any, proxy: Proxy) -> None:
    edge_of(proxy.url).put({"b": Snapshot('{"name":"secret"}', "abc", private=True)}, {}, {"b"})
    items = published(proxy)
    assert "secret" in items["board-b.private"]["http-stream"]["content"]
    assert "secret" in items["board-b.private"]["http-response"]["body"]
    assert items["board-b"]["http-stream"] == {"action": "close"}
    assert items["board-b"]["http-response"]["code"] == 401
    assert items["board-b"]["http-response"]["headers"]["WWW-Authenticate"] == "Bearer"
    assert "secret" not in str(items["board-b"])


def test_the_answer_to_a_long_poll_may_be_read_by_pages_of_other_origins(
    edge_of: Any, proxy: Proxy
) -> None:
    with override_settings(CORS_ALLOWED_ORIGINS=["https://game.example"]):
        edge_of(proxy.url).put({"b": Snapshot("{}", "abc")}, {}, ())
        headers = published(proxy)["board-b"]["http-response"]["headers"]
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "etag" in headers["Access-Control-Expose-Headers"]


def test_who_watches_a_board_that_did_not_turn_is_all_who_hear_of_it(
    edge_of: Any, proxy: Proxy
) -> None:
    boards = {"b": Snapshot("{}", "abc"), "c": Snapshot("{}", "abc", private=True)}
    edge_of(proxy.url).put(boards, {}, ())
    assert set(published(proxy)) == {"board-b", "board-c.private"}


def test_a_deleted_board_is_closed_streams_and_not_found(edge_of: Any, proxy: Proxy) -> None:
    edge_of(proxy.url).put({"gone": None}, {}, ())
    items = published(proxy)
    assert set(items) == {"board-gone", "board-gone.private"}
    for item in items.values():
        assert item["http-stream"] == {"action": "close"}
        assert item["http-response"]["code"] == 404
        assert item["http-response"]["headers"]["Content-Type"] == "application/problem+json"
        assert json.loads(item["http-response"]["body"])["status"] == 404


def test_batches_stay_under_the_control_ports_limit(edge_of: Any, proxy: Proxy) -> None:
    boards = {f"b{number}": Snapshot("x" * 3_000, "abc") for number in range(250)}
    edge_of(proxy.url).put(boards, {}, ())
    wait_until(lambda: len(proxy.boards()) == 250, "all boards")
    assert proxy.boards() == [f"board-{board}" for board in boards]
    assert len(proxy.items) == 3
    assert max(proxy.sizes) <= 1_000_000


def test_nothing_to_publish_is_no_request(edge_of: Any, proxy: Proxy) -> None:
    made = edge_of(proxy.url)
    made.put({}, {}, ())
    made.put({"b": Snapshot("x", "abc")}, {}, ())
    wait_until(lambda: proxy.items, "a batch")
    assert len(proxy.items) == 1


def test_while_one_batch_is_on_its_way_the_next_keeps_the_newest_of_each_board(
    edge_of: Any, proxy: Proxy
) -> None:
    made = edge_of(proxy.url)
    proxy.answers.clear()
    made.put({"a": Snapshot("first", "1")}, {}, ())
    wait_until(lambda: proxy.items, "the first batch")
    for number in range(2, 9):
        made.put({"b": Snapshot(f"number {number}", str(number))}, {}, ())
    assert made.lag_seconds() > 0
    proxy.answers.set()
    wait_until(lambda: made.lag_seconds() == 0, "the edge to be done")
    assert proxy.boards() == ["board-a", "board-b"]
    assert "number 8" in proxy.items[1][0]["http-stream"]["content"]


def test_a_proxy_that_is_down_or_hangs_delays_no_other(
    edge_of: Any, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        proxy_client, "PUBLISH_TIMEOUT_SECONDS", (1, 30)
    )  # longer than is waited for here
    hangs = Proxy()
    hangs.answers.clear()
    down = f"http://127.0.0.1:{free_ports(1)[0]}"
    made = edge_of(down, hangs.url, proxy.url)
    try:
        for number in range(3):
            made.put({f"b{number}": Snapshot("x", "abc")}, {}, ())
            wait_until(lambda: f"board-b{number}" in proxy.boards(), "the healthy proxy")  # noqa: B023
    finally:
        hangs.close()


def test_a_proxy_that_returns_gets_current_snapshots_of_what_it_missed(
    edge_of: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    port = free_ports(1)[0]
    made = edge_of(f"http://127.0.0.1:{port}")
    now = {"a": Snapshot("new a", "2")}
    monkeypatch.setattr(
        snapshots, "read_snapshots", lambda boards: {b: now[b] for b in boards if b in now}
    )
    made.put({"a": Snapshot("old a", "1"), "gone": Snapshot("old", "1")}, {}, ())
    wait_until(lambda: made.proxies[0].to_resend, "a failure")
    made.put({"a": Snapshot("middle a", "1")}, {}, ())
    wait_until(lambda: not made.proxies[0].waiting, "it to be missed: ids are kept, not snapshots")
    returned = Proxy(port)
    request.addfinalizer(returned.close)
    wait_until(lambda: len(returned.boards()) == 2, "what it missed")
    items = {item["channel"]: item["http-stream"] for item in returned.items[0]}
    assert "new a" in items["board-a"]["content"]
    assert items["board-gone"] == {"action": "close"}
    assert items["board-a.private"] == {"action": "close"}, "it may have turned meanwhile"
    wait_until(lambda: made.lag_seconds() == 0, "the edge to be done")


def test_an_answer_other_than_success_is_a_failure(edge_of: Any, proxy: Proxy) -> None:
    proxy.status = 403
    made = edge_of(proxy.url)
    made.put({"a": Snapshot("x", "1")}, {}, ())
    wait_until(lambda: made.proxies[0].to_resend, "a failure")


def test_what_is_no_longer_allowed_is_dropped(edge_of: Any, proxy: Proxy) -> None:
    may_publish = False
    made = edge_of(proxy.url, may_publish=lambda: may_publish)
    made.put({"a": Snapshot("x", "1")}, {}, ())
    wait_until(lambda: made.lag_seconds() == 0, "the edge to be done")
    may_publish = True
    made.put({"b": Snapshot("x", "1")}, {}, ())
    wait_until(lambda: proxy.items, "a batch")
    assert proxy.boards() == ["board-b"]


def test_a_batch_that_took_too_long_is_followed_by_what_is_current(
    edge_of: Any, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "LATE_SECONDS", 0.05)
    monkeypatch.setattr(snapshots, "read_snapshots", lambda boards: {"a": Snapshot("current", "2")})
    proxy.answers.clear()
    edge_of(proxy.url).put({"a": Snapshot("old", "1")}, {}, ())
    wait_until(lambda: proxy.items, "the batch")
    threading.Timer(0.1, proxy.answers.set).start()
    wait_until(lambda: len(proxy.items) == 2, "what is current")
    assert "current" in proxy.items[1][0]["http-stream"]["content"]
