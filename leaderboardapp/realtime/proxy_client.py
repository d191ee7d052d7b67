"""Clients of the proxies, to which items are published: what all kinds have in common, and HTTP."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from gripcontrol import GripPubControl
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

PUBLISH_TIMEOUT_SECONDS = (1, 5)  # to connect, to answer

# Pushpin's control port takes 1,000,000 bytes at most, and older versions ignore its setting.
MAX_BATCH_BYTES = 900_000


class ProxyUnavailable(Exception):
    """A proxy did not take what was published to it."""

    def __init__(self, uri: str, reason: str) -> None:
        """Take the proxy's address, and why it did not."""
        super().__init__(
            f"{uri} did not take what was published: {reason}. If no proxy is meant to run there, "
            "leave the address out of GRIP_URL"
        )


class Publication(NamedTuple):
    """A GRIP item for a GRIP channel, which its JSON names, too.

    `is_event`: it is not sent again, so who joins at this moment would miss it."""

    channel: str
    json: bytes
    is_event: bool = False


class News(NamedTuple):
    """A GRIP channel that a proxy holds somebody for, whom its listener did not know of.

    `is_back`: who is held may have missed what was published before. The proxy has just been
    connected to, or nobody has taken its news."""

    channel: str
    is_back: bool


class ProxyClient(ABC):
    """Publishes items to one proxy. Threads may share it."""

    uri: str
    tells_holds = False
    """Whether the proxy says which GRIP channels it holds somebody for."""

    @abstractmethod
    def publish(self, items: Iterable[Publication]) -> None:
        """Publish items, and return when the proxy, or the system on its behalf, has taken them.

        Raises ProxyUnavailable, after which the proxy may have taken some of them."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections to the proxy."""

    @abstractmethod
    def check(self) -> None:
        """Raise ProxyUnavailable if it is known that the proxy would not get what is published."""

    @abstractmethod
    def is_away(self) -> bool:
        """Return whether it is known that the proxy is away, and says whom it holds when it is
        back."""

    @abstractmethod
    def holds(self, channel: str) -> bool:
        """Return whether the proxy may hold anybody for the GRIP channel."""

    def count_held(self) -> int:
        """Return how many GRIP channels the proxy holds somebody for, if it tells."""
        return 0

    @abstractmethod
    def report_to(self, on_news: Callable[[], None] | None) -> None:
        """Have `on_news` called, by any thread, while there is news from now on. With None, nobody
        takes news any more."""

    @abstractmethod
    def repeat_held(self, is_wanted: Callable[[str], bool]) -> None:
        """Add to the news the GRIP channels that the proxy holds somebody for, of which `is_wanted`
        says so. Nobody has published to them for a while."""

    @abstractmethod
    def take_news(self) -> list[News]:
        """Return the news since the last call."""


class HttpProxyClient(ProxyClient):
    """Publishes to the proxy's HTTP control port, which does not tell whom the proxy holds."""

    def __init__(self, client: Any) -> None:
        """Take the address and the authentication of pubcontrol's `client`."""
        self.client = client
        self.uri = client.uri
        for scheme in ("http://", "https://"):
            client.requests_session.mount(scheme, _BoundedAdapter())

    def publish(self, items: Iterable[Publication]) -> None:
        try:
            for body in _batches(items):
                self.client.http_call("/publish/", body, {"Content-Type": "application/json"})
        except ValueError as error:  # pubcontrol raises it for every failure
            raise ProxyUnavailable(self.uri, str(error)) from error

    def close(self) -> None:
        self.client.requests_session.close()

    def check(self) -> None:
        pass  # only publishing shows it

    def is_away(self) -> bool:
        return False

    def holds(self, channel: str) -> bool:
        return True

    def report_to(self, on_news: Callable[[], None] | None) -> None:
        pass

    def repeat_held(self, is_wanted: Callable[[str], bool]) -> None:
        pass

    def take_news(self) -> list[News]:
        return []


def http_client(proxy: dict[str, object]) -> HttpProxyClient:
    """Return a client for a proxy of the settings."""
    return HttpProxyClient(GripPubControl([proxy]).clients[0])


class _BoundedAdapter(HTTPAdapter):
    """Adds a timeout: pubcontrol sets none, so a proxy that hangs would hang the publisher."""

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        return super().send(request, *args, **{**kwargs, "timeout": PUBLISH_TIMEOUT_SECONDS})


def _batches(items: Iterable[Publication]) -> Iterator[bytes]:
    """Return bodies of requests, each within MAX_BATCH_BYTES unless one item alone is larger."""
    batch: list[bytes] = []
    size = 0
    for item in items:
        if batch and size + len(item.json) > MAX_BATCH_BYTES:
            yield _body(batch)
            batch, size = [], 0
        batch.append(item.json)
        size += len(item.json) + 1
    if batch:
        yield _body(batch)


def _body(batch: list[bytes]) -> bytes:
    return b'{"items":[%s]}' % b",".join(batch)
