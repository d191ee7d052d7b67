"""Publishing to proxies: what they are sent, and when."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.test import override_settings

from leaderboardapp import snapshots
from leaderboardapp.concurrency import backoff
from leaderboardapp.realtime import proxy_client, publish
from leaderboardapp.realtime.items import BoardEvents, build_event_items
from leaderboardapp.realtime.proxy_client import http_client
from leaderboardapp.realtime.publish import PublishBatch, Publisher
from leaderboardapp.snapshots import Snapshot
from tests.support.programs import free_ports, wait_until


class Proxy:
    """The control port of a proxy, as far as publishing goes."""

    def __init__(self, port: int = 0) -> None:
        self.status = 200
        self.may_answer = threading.Event()  # it hangs while this is not set
        self.may_answer.set()
        self.items: list[list[dict[str, Any]]] = []
        self.sizes: list[int] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                items = json.loads(body)["items"]
                assert self.path == "/publish/"
                proxy.sizes.append(len(body))
                proxy.items.append([{**item.pop("formats", {}), **item} for item in items])
                proxy.may_answer.wait(30)
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
        self.may_answer.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def make_publisher(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """make_publisher(url, …): a publisher to these proxies, which retries at once."""
    monkeypatch.setattr(backoff, "LEAST", 0.01)
    monkeypatch.setattr(backoff, "MOST", 0.05)

    def make(*urls: str, may_publish: Callable[[str], bool] = lambda board: True) -> Publisher:
        clients = [http_client({"control_uri": url}) for url in urls]
        publisher = Publisher(clients, may_publish)
        for end in [*(client.close for client in clients), publisher.stop]:
            request.addfinalizer(end)
        return publisher

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


def test_a_snapshot_is_for_streams_long_polls_and_web_sockets(
    make_publisher: Any, proxy: Proxy
) -> None:
    snapshot = Snapshot('{"name":"é"}', "abc")
    make_publisher(proxy.url).enqueue(PublishBatch({"b": snapshot}, visibility_changed={"b"}))
    assert published(proxy) == {
        "board-b": {
            "http-stream": {"content": 'event: update\nid: abc\ndata: {"name":"é"}\n\n'},
            "http-response": {"code": 200, "headers": snapshot.headers(), "body": '{"name":"é"}'},
            "ws-message": {"content": '{"event":"update","id":"abc","data":{"name":"é"}}'},
            "meta": {"skip_users": "abc"},  # long-polls that have this snapshot
        },
        # Who watched it with a token while it was private comes back without.
        "board-b.private": {
            "http-stream": {"action": "close"},
            "http-response": {
                "code": 304,
                "headers": {"Cache-Control": "private, no-store"},
                "body": "",
            },
            "ws-message": {"action": "close", "code": 1013},
        },
    }


def test_events_are_for_streams_and_web_sockets_but_no_long_polls(
    make_publisher: Any, proxy: Proxy
) -> None:
    bob = {"player": {"id": "bob", "name": "Böb", "score": 0}}
    make_publisher(proxy.url).enqueue(
        PublishBatch(events={"b": BoardEvents(private=True, events=[("joined", bob)])})
    )
    data = '{"player":{"id":"bob","name":"Böb","score":0},"board":"b"}'
    assert published(proxy) == {
        "board-b.private": {
            "http-stream": {"content": f"event: joined\ndata: {data}\n\n"},
            "ws-message": {"content": f'{{"event":"joined","data":{data}}}'},
        },
    }


def test_an_event_of_a_window_names_the_board_and_the_window() -> None:
    events = BoardEvents(private=False, events=[("season ended", {"season": 1, "board": "other"})])
    [built] = build_event_items("b~week", events)
    assert built.channel == "board-b~week"
    content = json.loads(built.json)["formats"]["http-stream"]["content"]
    data = {"season": 1, "board": "b", "window": "week"}
    assert json.loads(content.partition("data: ")[2]) == data


def test_only_the_newest_events_wait_for_a_proxy(make_publisher: Any, proxy: Proxy) -> None:
    proxy.may_answer.clear()
    publisher = make_publisher(proxy.url)
    publisher.enqueue(PublishBatch({"b": Snapshot("{}", "abc")}))
    wait_until(lambda: proxy.items, "a batch, which hangs")
    for number in range(publish.MAX_EVENTS + 5):
        publisher.enqueue(
            PublishBatch(
                events={
                    "b": BoardEvents(private=False, events=[("season ended", {"season": number})])
                }
            )
        )
    proxy.may_answer.set()
    wait_until(lambda: len(proxy.items) == 2, "the next batch")
    assert len(proxy.items[1]) == publish.MAX_EVENTS
    data = f'{{"season":{publish.MAX_EVENTS + 4},"board":"b"}}'
    newest = f'{{"event":"season ended","data":{data}}}'
    assert proxy.items[1][-1]["ws-message"]["content"] == newest


def test_a_private_snapshot_is_for_those_who_showed_a_token(
    make_publisher: Any, proxy: Proxy
) -> None:
    make_publisher(proxy.url).enqueue(
        PublishBatch(
            {"b": Snapshot('{"name":"secret"}', "abc", private=True)}, visibility_changed={"b"}
        )
    )
    items = published(proxy)
    assert "secret" in items["board-b.private"]["http-stream"]["content"]
    assert "secret" in items["board-b.private"]["http-response"]["body"]
    assert items["board-b"]["http-stream"] == {"action": "close"}
    assert items["board-b"]["http-response"]["code"] == 401
    assert items["board-b"]["http-response"]["headers"]["WWW-Authenticate"] == "Bearer"
    assert "secret" not in str(items["board-b"])


def test_the_answer_to_a_long_poll_may_be_read_by_pages_of_other_origins(
    make_publisher: Any, proxy: Proxy
) -> None:
    with override_settings(CORS_ALLOWED_ORIGINS=["https://game.example"]):
        make_publisher(proxy.url).enqueue(PublishBatch({"b": Snapshot("{}", "abc")}))
        headers = published(proxy)["board-b"]["http-response"]["headers"]
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "etag" in headers["Access-Control-Expose-Headers"]


def test_without_a_change_of_visibility_only_its_viewers_are_sent_a_snapshot(
    make_publisher: Any, proxy: Proxy
) -> None:
    boards: dict[str, Snapshot | None] = {
        "b": Snapshot("{}", "abc"),
        "c": Snapshot("{}", "abc", private=True),
    }
    make_publisher(proxy.url).enqueue(PublishBatch(boards))
    assert set(published(proxy)) == {"board-b", "board-c.private"}


def test_a_deleted_board_is_an_event_closed_streams_and_not_found(
    make_publisher: Any, proxy: Proxy
) -> None:
    make_publisher(proxy.url).enqueue(PublishBatch({"gone": None}))
    wait_until(lambda: proxy.items, "a batch")
    events = [item for item in proxy.items[0] if "meta" not in item]
    told = {"http-stream": {"content": 'event: deleted\ndata: {"id":"gone"}\n\n'}}
    channels = ("board-gone", "board-gone.private")
    assert events == [{"channel": channel, **told} for channel in channels]
    items = published(proxy)
    assert set(items) == {"board-gone", "board-gone.private"}
    for item in items.values():
        assert item["http-stream"] == {"action": "close"}
        assert item["meta"] == {"skip_users": "several-boards"}, "those streams go on"
        assert item["http-response"]["code"] == 404
        assert item["http-response"]["headers"]["Content-Type"] == "application/problem+json"
        assert json.loads(item["http-response"]["body"])["status"] == 404


def test_batches_stay_under_the_control_ports_limit(make_publisher: Any, proxy: Proxy) -> None:
    boards: dict[str, Snapshot | None] = {
        f"b{number}": Snapshot("x" * 3_000, "abc") for number in range(250)
    }
    make_publisher(proxy.url).enqueue(PublishBatch(boards))
    wait_until(lambda: len(proxy.boards()) == 250, "all boards")
    assert proxy.boards() == [f"board-{board}" for board in boards]
    assert len(proxy.items) == 3
    assert max(proxy.sizes) <= 1_000_000


def test_an_empty_batch_is_no_request(make_publisher: Any, proxy: Proxy) -> None:
    publisher = make_publisher(proxy.url)
    publisher.enqueue(PublishBatch())
    publisher.enqueue(PublishBatch({"b": Snapshot("x", "abc")}))
    wait_until(lambda: proxy.items, "a batch")
    assert len(proxy.items) == 1


def test_while_one_batch_is_on_its_way_the_next_keeps_the_newest_of_each_board(
    make_publisher: Any, proxy: Proxy
) -> None:
    publisher = make_publisher(proxy.url)
    proxy.may_answer.clear()
    publisher.enqueue(PublishBatch({"a": Snapshot("first", "1")}))
    wait_until(lambda: proxy.items, "the first batch")
    for number in range(2, 9):
        publisher.enqueue(PublishBatch({"b": Snapshot(f"number {number}", str(number))}))
    assert publisher.lag_seconds() > 0
    proxy.may_answer.set()
    wait_until(lambda: publisher.lag_seconds() == 0, "the publisher to be done")
    assert proxy.boards() == ["board-a", "board-b"]
    assert "number 8" in proxy.items[1][0]["http-stream"]["content"]


def test_a_proxy_that_is_down_or_hangs_delays_no_other(
    make_publisher: Any, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        proxy_client, "PUBLISH_TIMEOUT_SECONDS", (1, 30)
    )  # longer than is waited for here
    hangs = Proxy()
    hangs.may_answer.clear()
    down = f"http://127.0.0.1:{free_ports(1)[0]}"
    publisher = make_publisher(down, hangs.url, proxy.url)
    try:
        for number in range(3):
            publisher.enqueue(PublishBatch({f"b{number}": Snapshot("x", "abc")}))
            wait_until(lambda: f"board-b{number}" in proxy.boards(), "the healthy proxy")  # noqa: B023
    finally:
        hangs.close()


def test_a_proxy_that_returns_is_sent_current_snapshots_of_what_it_missed(
    make_publisher: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    port = free_ports(1)[0]
    publisher = make_publisher(f"http://127.0.0.1:{port}")
    now = {"a": Snapshot("new a", "2")}
    monkeypatch.setattr(
        snapshots, "read_snapshots", lambda boards: {b: now[b] for b in boards if b in now}
    )
    publisher.enqueue(PublishBatch({"a": Snapshot("old a", "1"), "gone": Snapshot("old", "1")}))
    wait_until(lambda: publisher.proxies[0].to_resend, "a failure")
    publisher.enqueue(PublishBatch({"a": Snapshot("middle a", "1")}))
    wait_until(
        lambda: not publisher.proxies[0].waiting.snapshots,
        "ids to be kept, not snapshots",
    )
    returned = Proxy(port)
    request.addfinalizer(returned.close)
    wait_until(lambda: {*returned.boards()} == {"board-a", "board-gone"}, "what it missed")
    items = {item["channel"]: item["http-stream"] for item in returned.items[0]}
    assert "new a" in items["board-a"]["content"]
    assert items["board-gone"] == {"action": "close"}
    assert items["board-a.private"] == {"action": "close"}, (
        "its visibility may have changed meanwhile"
    )
    wait_until(lambda: publisher.lag_seconds() == 0, "the publisher to be done")


def test_an_answer_other_than_success_is_a_failure(make_publisher: Any, proxy: Proxy) -> None:
    proxy.status = 403
    publisher = make_publisher(proxy.url)
    publisher.enqueue(PublishBatch({"a": Snapshot("x", "1")}))
    wait_until(lambda: publisher.proxies[0].to_resend, "a failure")


def test_boards_that_may_not_be_published_are_dropped(make_publisher: Any, proxy: Proxy) -> None:
    publisher = make_publisher(proxy.url, may_publish=lambda board: board == "b")
    joined = BoardEvents(False, [("joined", {})])
    publisher.enqueue(PublishBatch({"a": Snapshot("x", "1")}, {"a": joined}))
    wait_until(lambda: publisher.lag_seconds() == 0, "the publisher to be done")
    publisher.enqueue(PublishBatch({id: Snapshot("x", "1") for id in "ab"}, {"b": joined}))
    wait_until(lambda: proxy.items, "a batch")
    assert {*proxy.boards()} == {"board-b"}


def test_what_a_proxy_missed_is_not_sent_to_it_of_boards_of_other_listeners(
    make_publisher: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    own, current, [port] = {"a", "b"}, Snapshot("current", "2"), free_ports(1)
    monkeypatch.setattr(snapshots, "read_snapshots", lambda ids: dict.fromkeys(ids, current))
    publisher = make_publisher(f"http://127.0.0.1:{port}", may_publish=own.__contains__)
    publisher.enqueue(PublishBatch({id: Snapshot("x", "1") for id in "ab"}))
    wait_until(lambda: publisher.proxies[0].to_resend, "a failure")
    own.remove("a")
    returned = Proxy(port)
    request.addfinalizer(returned.close)
    wait_until(lambda: publisher.lag_seconds() == 0, "the publisher to be done")
    assert {*returned.boards()} == {"board-b"}


@pytest.mark.parametrize("stands_still", [False, True], ids=["proxy is slow", "stands still"])
def test_a_batch_that_took_too_long_is_followed_by_current_snapshots(
    make_publisher: Any, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, stands_still: bool
) -> None:
    monkeypatch.setattr(publish, "LATE_SECONDS", 0.05)
    monkeypatch.setattr(snapshots, "read_snapshots", lambda boards: {"a": Snapshot("current", "2")})

    def may_publish(board: str) -> bool:
        return not threading.Event().wait(0.1 if stands_still else 0)

    if not stands_still:
        proxy.may_answer.clear()
    publisher = make_publisher(proxy.url, may_publish=may_publish)
    publisher.enqueue(PublishBatch({"a": Snapshot("old", "1")}))
    wait_until(lambda: proxy.items, "the batch")
    threading.Timer(0.1, proxy.may_answer.set).start()
    wait_until(lambda: len(proxy.items) == 2, "the current snapshot")
    assert "current" in proxy.items[1][0]["http-stream"]["content"]


def test_a_failure_is_logged_in_a_line_and_an_unexpected_one_is_retried_too(
    make_publisher: Any,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    current = {"a": Snapshot("current", "2")}
    failures = [KeyError("odd")]

    def read_snapshots(boards: set[str]) -> dict[str, Snapshot]:
        if failures:
            raise failures.pop()
        return current

    monkeypatch.setattr(snapshots, "read_snapshots", read_snapshots)
    proxy.status = 500
    publisher = make_publisher(proxy.url)
    publisher.enqueue(PublishBatch({"a": Snapshot("old", "1")}))
    wait_until(lambda: not failures, "the unexpected failure")
    proxy.status = 200
    wait_until(lambda: publisher.lag_seconds() == 0, "the publisher to be done")
    assert "current" in proxy.items[-1][0]["http-stream"]["content"]
    refused, odd = caplog.records[:2]
    assert "1 boards are still to be published: " in refused.getMessage()
    assert proxy.url in refused.getMessage() and not refused.exc_info
    assert odd.exc_info and odd.exc_info[0] is KeyError


@pytest.mark.parametrize(("status", "boards"), [(200, ["board-a", "board-b"]), (500, ["board-a"])])
def test_what_waits_when_the_publisher_stops_is_sent_unless_the_proxy_is_down(
    make_publisher: Any, proxy: Proxy, status: int, boards: list[str]
) -> None:
    publisher = make_publisher(proxy.url)
    proxy.may_answer.clear()
    publisher.enqueue(PublishBatch({"a": Snapshot("x", "1")}))
    wait_until(lambda: proxy.items, "the first batch, which hangs")
    publisher.enqueue(PublishBatch({"b": Snapshot("x", "1")}))
    proxy.status = status
    threading.Timer(0.1, proxy.may_answer.set).start()
    publisher.stop()
    assert not publisher.proxies[0].thread.is_alive()
    assert proxy.boards() == boards
