"""Publishing over ZeroMQ, to a socket that stands for a proxy's."""

import itertools
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Protocol

import pytest
import zmq

from leaderboardapp.realtime import zmq_client
from leaderboardapp.realtime.proxy_client import News, ProxyClient, ProxyUnavailable, Publication
from leaderboardapp.realtime.zmq_client import ZmqProxyClient
from tests.support.programs import free_ports, wait_until


class Proxy:
    """The socket of a proxy that is published to."""

    def __init__(self, port: int, *held: str) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self.context.socket(zmq.SUB)
        self.socket.setsockopt(zmq.RCVHWM, 10)
        self.socket.bind(f"tcp://127.0.0.1:{port}")
        self.received: list[tuple[str, Any]] = []
        self.hold(*held)

    def hold(self, *channels: str) -> None:
        for channel in channels:
            self.socket.subscribe(channel)

    def leave(self, channel: str) -> None:
        self.socket.unsubscribe(channel)

    def read(self) -> list[tuple[str, Any]]:
        """Return what has come so far, and say what is held."""
        while self.socket.poll(0):
            channel, message = self.socket.recv_multipart()
            assert message[:1] == b"J"
            self.received.append((channel.decode(), json.loads(message[1:])))
        return self.received

    def close(self) -> None:
        self.context.destroy(linger=0)


Start = Callable[..., Proxy]


@pytest.fixture
def start(port: int) -> Iterator[Start]:
    """start(channel, …): a proxy that holds somebody for these."""
    proxies: list[Proxy] = []

    def start(*held: str) -> Proxy:
        proxies.append(Proxy(port, *held))
        return proxies[-1]

    yield start
    for proxy in proxies:
        proxy.close()


@pytest.fixture
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture
def client(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[ZmqProxyClient]:
    monkeypatch.setattr(zmq_client, "SETTLE_SECONDS", 0.3)
    client = ZmqProxyClient(f"tcp://127.0.0.1:{port}")
    yield client
    client.close()


def publication(channel: str, text: str = "") -> Publication:
    return Publication(channel, json.dumps({"channel": channel, "text": text}).encode())


class Reads(Protocol):
    """What stands for a proxy."""

    def read(self) -> object:
        """Return what has come so far."""


def is_ready(client: ProxyClient, proxy: Reads) -> Callable[[], bool]:
    """Return a condition: the client knows no reason why the proxy would not take anything."""

    def check() -> bool:
        proxy.read()
        try:
            client.check()
        except ProxyUnavailable:
            return False
        return True

    return check


def test_only_what_is_held_is_sent_by_whole_names(client: ZmqProxyClient, start: Start) -> None:
    proxy = start("board-a", "board-b")
    wait_until(is_ready(client, proxy), "the connection")
    assert [client.holds(f"board-{board}") for board in ("a", "b", "ab", "c")] == [
        *(True, True),
        *(False, False),
    ]
    client.publish([publication(f"board-{board}", "é") for board in ("ab", "c", "a")])
    wait_until(proxy.read, "what was published")
    assert proxy.received == [("board-a", {"channel": "board-a", "text": "é"})]


def test_what_is_held_later_is_news_and_so_it_is_again_after_it_was_not(
    client: ZmqProxyClient, start: Start
) -> None:
    proxy, told = start("board-a"), []
    client.report_to(lambda: told.append(1))
    wait_until(is_ready(client, proxy), "the connection")
    assert client.take_news() == [News("board-a", is_back=True)]
    told.clear()
    proxy.hold("board-b")
    wait_until(lambda: proxy.read() or told, "news")
    assert client.take_news() == [News("board-b", is_back=False)]
    proxy.leave("board-b")
    wait_until(lambda: proxy.read() or not client.holds("board-b"), "that nobody is held")
    proxy.hold("board-b")
    wait_until(lambda: proxy.read() or client.holds("board-b"), "that somebody is held")
    assert client.take_news() == [News("board-b", is_back=False)]


def test_who_asks_is_told_of_all_that_is_held_and_wanted(
    client: ZmqProxyClient, start: Start
) -> None:
    proxy = start("board-a", "board-b", "events-all")
    wait_until(is_ready(client, proxy), "the connection")
    assert client.take_news() == [], "nobody takes it, so it would only grow"
    client.report_to(lambda: None)
    client.repeat_held(lambda channel: channel.startswith("board-"))
    assert {*client.take_news()} == {News("board-a", True), News("board-b", True)}
    client.report_to(None)
    proxy.hold("board-c")
    wait_until(lambda: proxy.read() or client.holds("board-c"), "that it is held")
    assert client.take_news() == []


def test_a_proxy_that_is_away_holds_nobody_and_one_that_is_back_says_whom(
    client: ZmqProxyClient, start: Start
) -> None:
    with pytest.raises(ProxyUnavailable, match="not connected"):
        client.check()
    client.publish([])
    first = start("board-a", "board-b")
    client.report_to(lambda: None)
    wait_until(is_ready(client, first), "the connection")
    client.take_news()
    first.close()
    wait_until(lambda: not client.holds("board-a"), "that it has gone")
    with pytest.raises(ProxyUnavailable, match="not connected"):
        client.publish([publication("board-a")])
    second = start("board-b")
    wait_until(is_ready(client, second), "the next connection")
    assert client.take_news() == [News("board-b", is_back=True)]
    client.publish([publication("board-a"), publication("board-b")])
    wait_until(second.read, "what was published")
    assert [channel for channel, _ in second.received] == ["board-b"]


def test_a_proxy_that_comes_back_while_this_process_stands_still_is_back(
    client: ZmqProxyClient, start: Start
) -> None:
    first = start("board-a")
    client.report_to(lambda: None)
    wait_until(is_ready(client, first), "the connection")
    client.take_news()
    with client.lock:  # so that nothing is read
        first.close()
        second = start("board-a")
        until = time.monotonic() + 1
        wait_until(lambda: second.read() or time.monotonic() > until, "it says whom it holds")
    wait_until(is_ready(client, second), "the next connection")
    assert client.take_news() == [News("board-a", is_back=True)]
    assert client.holds("board-a")


def test_a_proxy_that_does_not_read_is_found_unavailable_and_later_gone(
    port: int, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zmq_client, "MAX_WAITING", 5)
    monkeypatch.setattr(zmq_client, "SEND_SECONDS", 0.05)
    monkeypatch.setattr(zmq_client, "SETTLE_SECONDS", 0.3)
    client = ZmqProxyClient(f"tcp://127.0.0.1:{port}")
    proxy = start("board-a")
    wait_until(is_ready(client, proxy), "the connection")
    with pytest.raises(ProxyUnavailable, match="reads too slowly"):
        client.publish([publication("board-a", "x" * 100_000)] * 1_000)
    proxy.close()
    wait_until(lambda: not client.holds("board-a"), "that it has gone")
    client.close()


def test_what_waits_when_it_is_closed_is_sent(port: int, start: Start) -> None:
    client = ZmqProxyClient(f"tcp://127.0.0.1:{port}")
    proxy = start("board-a")
    wait_until(lambda: proxy.read() or client.holds("board-a"), "the connection")
    wait_until(lambda: client.is_connected, "the connection")
    client.publish([publication("board-a", str(number)) for number in range(1_000)])
    client.close()
    wait_until(lambda: len(proxy.read()) == 1_000, "all of it")


def test_a_proxy_that_stays_away_is_named_once_and_so_is_its_return(
    client: ZmqProxyClient,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(zmq_client, "AWAY_SECONDS", 0.1)
    with caplog.at_level(logging.INFO):
        wait_until(lambda: caplog.records, "that it is away")
        proxy = start("board-a")
        wait_until(lambda: proxy.read() or len(caplog.records) > 1, "that it is connected")
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.INFO]
    assert all(client.uri in record.getMessage() for record in caplog.records)
    assert "GRIP_URL" in caplog.records[0].getMessage()


def test_who_joins_at_the_moment_of_an_event_is_sent_it_and_nothing_older(
    client: ZmqProxyClient, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zmq_client, "JOIN_SECONDS", 5.0)
    proxy = start("board-b")
    wait_until(is_ready(client, proxy), "the connection")
    client.publish([publication("board-a", "a snapshot")])
    client.publish([publication("board-a", text)._replace(is_event=True) for text in "123"])
    proxy.hold("board-a")
    wait_until(lambda: len(proxy.read()) == 3, "the events")
    assert [item["text"] for _, item in proxy.received] == ["1", "2", "3"]
    proxy.leave("board-a")
    wait_until(lambda: proxy.read() and not client.holds("board-a"), "that nobody is held")
    monkeypatch.setattr(zmq_client, "JOIN_SECONDS", 0.0)
    client.publish([publication("board-a", "4")._replace(is_event=True)])
    proxy.hold("board-a")
    wait_until(lambda: proxy.read() and client.holds("board-a"), "that somebody is held")
    client.publish([publication("board-a", "5")._replace(is_event=True)])
    wait_until(lambda: len(proxy.read()) == 4, "the next")
    assert proxy.received[-1][1]["text"] == "5"


@pytest.mark.parametrize("is_http", [True, False])
def test_an_address_of_something_else_is_named_too(
    port: int, is_http: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(zmq_client, "AWAY_SECONDS", 1.0)
    monkeypatch.setattr(zmq_client, "GONE_SECONDS", 0.2)  # between two tries
    server = HTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    if is_http:  # else it takes connections, and says nothing
        thread.start()
    with caplog.at_level(logging.WARNING):
        client = ZmqProxyClient(f"tcp://127.0.0.1:{port}")
        wait_until(lambda: caplog.records, "that there is no proxy")
    client.close()
    if is_http:
        server.shutdown()
        thread.join()
    server.server_close()
    assert "GRIP_URL" in caplog.records[0].getMessage()


def test_a_proxy_that_holds_more_and_more_is_published_to(
    client: ZmqProxyClient, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zmq_client, "QUIET_SECONDS", 60.0)
    proxy, numbers = start("board-a"), itertools.count()

    def is_ready_while_it_holds_more() -> bool:
        proxy.hold(f"board-{next(numbers)}")
        return is_ready(client, proxy)()

    wait_until(is_ready_while_it_holds_more, "that it is published to")
    assert next(numbers) > 1
