"""The contract of the proxies' clients, over HTTP and over ZeroMQ."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from leaderboardapp.realtime import zmq_client
from leaderboardapp.realtime.proxy_client import (
    ProxyClient,
    ProxyUnavailable,
    Publication,
    http_client,
)
from leaderboardapp.realtime.zmq_client import ZmqProxyClient
from tests.support.programs import free_ports, wait_until
from tests.unit import test_publish, test_zmq_client
from tests.unit.test_zmq_client import is_ready

CHANNELS = ("board-a", "board-b")


class OverHttp:
    """A proxy that is published to over HTTP."""

    def __init__(self, port: int) -> None:
        self.proxy = test_publish.Proxy(port)

    @staticmethod
    def client(port: int) -> ProxyClient:
        return http_client({"control_uri": f"http://127.0.0.1:{port}"})

    def read(self) -> list[Any]:
        return [item for batch in self.proxy.items for item in batch]

    def close(self) -> None:
        self.proxy.close()


class OverZmq:
    """A proxy that is published to over ZeroMQ, and holds viewers of CHANNELS."""

    def __init__(self, port: int) -> None:
        self.proxy = test_zmq_client.Proxy(port, *CHANNELS)

    @staticmethod
    def client(port: int) -> ProxyClient:
        return ZmqProxyClient(f"tcp://127.0.0.1:{port}")

    def read(self) -> list[Any]:
        return [item for _, item in self.proxy.read()]

    def close(self) -> None:
        self.proxy.close()


Proxy = OverHttp | OverZmq
Start = Callable[[], Proxy]


@pytest.fixture(params=[OverHttp, OverZmq])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[Proxy]:
    monkeypatch.setattr(zmq_client, "SETTLE_SECONDS", 0.3)
    kind: type[Proxy] = request.param
    return kind


@pytest.fixture
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture
def start(way: type[Proxy], port: int) -> Iterator[Start]:
    """start(): the proxy, which is away before."""
    proxies: list[Proxy] = []

    def start() -> Proxy:
        proxies.append(way(port))
        return proxies[-1]

    yield start
    for proxy in proxies[-1:]:
        proxy.close()


@pytest.fixture
def client(way: type[Proxy], port: int) -> Iterator[ProxyClient]:
    client = way.client(port)
    yield client
    client.close()


def publications(*texts: str) -> list[Publication]:
    return [
        Publication(channel, json.dumps({"channel": channel, "text": text}).encode())
        for text in texts
        for channel in CHANNELS
    ]


def test_all_that_is_published_arrives_in_its_order(client: ProxyClient, start: Start) -> None:
    proxy = start()
    wait_until(is_ready(client, proxy), "the proxy")
    texts = [*map(str, range(100)), "\N{TROPHY}" * 100]
    client.publish(publications(*texts))
    wait_until(lambda: len(proxy.read()) == 2 * len(texts), "all of it")
    sent = [json.loads(publication.json) for publication in publications(*texts)]
    assert proxy.read() == sent


def test_a_proxy_that_is_away_is_named_and_is_published_to_when_it_is_back(
    client: ProxyClient, start: Start, port: int
) -> None:
    client.publish([])
    for number in range(2):
        with pytest.raises(ProxyUnavailable, match=f":{port} did not take what was published"):
            client.publish(publications("lost"))
        proxy = start()
        wait_until(is_ready(client, proxy), "the proxy")
        client.publish(publications(str(number)))
        wait_until(lambda: len(proxy.read()) == 2, "both")  # noqa: B023
        proxy.close()
        if isinstance(proxy, OverZmq):
            wait_until(lambda: not client.holds("board-a"), "that it has gone")


def test_a_proxy_may_hold_viewers_of_what_it_says_it_holds(
    client: ProxyClient, start: Start
) -> None:
    proxy = start()
    wait_until(is_ready(client, proxy), "the proxy")
    assert all(map(client.holds, CHANNELS))
    assert client.holds("board-c") is not client.tells_holds
