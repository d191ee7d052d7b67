"""Front proxies while what is behind them is away."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.front_clients import EVENT_STREAM, client, snapshots
from tests.support.fronts import FILES, Front
from tests.support.programs import free_ports


class BadGateway(BaseHTTPRequestHandler):
    """Answers as Pushpin does when no web process answers."""

    def do_GET(self) -> None:
        self.send_error(502)


@pytest.fixture
def bad_gateway() -> Iterator[int]:
    """The port of a Pushpin whose web processes are away."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BadGateway) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("away", ["Pushpin", "the web processes"])
def test_an_eventsource_comes_back_while_the_service_is_away(
    name: str, away: str, bad_gateway: int, tmp_path: Path
) -> None:
    """It never does after another status than 200 (HTML standard, 9.2.3)."""
    port = bad_gateway if away == "the web processes" else free_ports(1)[0]
    with Front(name, tmp_path, port, port) as front, client(front) as viewer:
        stream = viewer.get("/boards/demo/", headers=EVENT_STREAM)
        assert stream.status_code == 200
        assert stream.headers["Content-Type"] == "text/event-stream"
        assert stream.headers["Access-Control-Allow-Origin"] == "*"
        assert not list(snapshots(stream.iter_lines()))
        refused = viewer.get("/boards/demo/")
        assert refused.status_code == 503
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert refused.headers["Retry-After"] == "3"
        assert refused.json()["status"] == 503
