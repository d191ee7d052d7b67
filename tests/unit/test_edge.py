import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from leaderboardapp import edge
from leaderboardapp.snapshots import Snapshot
from tests.processes import free_ports


class Proxy:
    """The control port of a proxy, as far as publishing goes."""

    def __init__(self, status: int = 200) -> None:
        self.items: list[list[dict[str, Any]]] = []
        self.sizes: list[int] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/publish/"
                proxy.sizes.append(len(body))
                proxy.items.append(json.loads(body)["items"])
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.01])
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def proxies(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    from gripcontrol import GripPubControl

    def use(*urls: str) -> None:
        pubcontrol = GripPubControl([{"control_uri": url} for url in urls])
        monkeypatch.setattr(edge, "get_pubcontrol", lambda: pubcontrol)
        request.addfinalizer(
            lambda: [client.requests_session.close() for client in pubcontrol.clients]
        )

    return use


@pytest.fixture
def proxy(request: pytest.FixtureRequest) -> Proxy:
    proxy = Proxy()
    request.addfinalizer(proxy.close)
    return proxy


def test_a_snapshot_is_one_event_and_a_deleted_board_a_closed_stream(
    proxies: Any, proxy: Proxy
) -> None:
    proxies(proxy.url)
    edge.publish({"b": Snapshot('{"name":"é"}', "abc"), "gone": None})
    assert proxy.items == [
        [
            {
                "channel": "board-b",
                "http-stream": {"content": 'event: update\nid: abc\ndata: {"name":"é"}\n\n'},
            },
            {"channel": "board-gone", "http-stream": {"action": "close"}},
        ]
    ]


def test_batches_stay_under_the_control_ports_limit(proxies: Any, proxy: Proxy) -> None:
    proxies(proxy.url)
    boards = {f"b{number}": Snapshot("x" * 9_000, "abc") for number in range(250)}
    edge.publish(boards)
    assert len(proxy.items) == 3
    assert max(proxy.sizes) <= 1_000_000
    assert [item["channel"] for batch in proxy.items for item in batch] == [
        f"board-{board}" for board in boards
    ]


def test_a_proxy_that_fails_does_not_keep_others_from_their_share(
    proxies: Any, proxy: Proxy
) -> None:
    down = f"http://127.0.0.1:{free_ports(1)[0]}"
    proxies(down, proxy.url)
    with pytest.raises(ConnectionError, match=down):
        edge.publish({"b": Snapshot("x", "abc")})
    assert len(proxy.items) == 1


def test_nothing_to_publish_is_no_request(proxies: Any, proxy: Proxy) -> None:
    proxies(proxy.url)
    edge.publish({})
    assert proxy.items == []
