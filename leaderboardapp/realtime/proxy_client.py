"""The control port of one proxy, to which items are published."""

from collections.abc import Iterable, Iterator
from typing import Any

from django_grip import get_pubcontrol
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

PUBLISH_TIMEOUT_SECONDS = (1, 5)  # to connect, to answer

# Pushpin's control port takes 1,000,000 bytes at most, and older versions ignore its setting.
MAX_BATCH_BYTES = 900_000


class ProxyUnavailable(Exception):
    """A proxy did not take what was published to it."""


class ProxyClient:
    """Publishes items to one proxy, over connections of its own."""

    def __init__(self, client: Any) -> None:
        """Take the address and the authentication of pubcontrol's `client`."""
        self.client = client
        self.uri: str = client.uri
        for scheme in ("http://", "https://"):
            client.requests_session.mount(scheme, _BoundedAdapter())

    def publish(self, items: Iterable[bytes]) -> None:
        """Publish items, and return when the proxy has taken all of them.

        Raises ProxyUnavailable, after which the proxy may have taken some of them."""
        try:
            for body in _batches(items):
                self.client.http_call("/publish/", body, {"Content-Type": "application/json"})
        except ValueError as error:  # pubcontrol raises it for every failure
            raise ProxyUnavailable(
                f"{self.uri} did not take what was published: {error}"
            ) from error

    def close(self) -> None:
        """Close the connections to the proxy."""
        self.client.requests_session.close()


def get_proxy_clients() -> list[ProxyClient]:
    """Return a new client for each proxy of the settings."""
    return [ProxyClient(client) for client in get_pubcontrol().clients]


class _BoundedAdapter(HTTPAdapter):
    """Adds a timeout: pubcontrol sets none, so a proxy that hangs would hang the publisher."""

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        return super().send(request, *args, **{**kwargs, "timeout": PUBLISH_TIMEOUT_SECONDS})


def _batches(items: Iterable[bytes]) -> Iterator[bytes]:
    """Return bodies of requests, each within MAX_BATCH_BYTES unless one item alone is larger."""
    batch: list[bytes] = []
    size = 0
    for item in items:
        if batch and size + len(item) > MAX_BATCH_BYTES:
            yield _body(batch)
            batch, size = [], 0
        batch.append(item)
        size += len(item) + 1
    if batch:
        yield _body(batch)


def _body(batch: list[bytes]) -> bytes:
    return b'{"items":[%s]}' % b",".join(batch)
