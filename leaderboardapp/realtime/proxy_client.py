"""The control port of one proxy."""

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
    """The address at which one proxy is published to."""

    def __init__(self, client: Any) -> None:
        """`client` is pubcontrol's, for its address and authentication."""
        self.client = client
        self.uri: str = client.uri
        for scheme in ("http://", "https://"):
            client.requests_session.mount(scheme, _BoundedAdapter())

    def publish(self, items: Iterable[bytes]) -> None:
        """Returns when the proxy has taken all. Raises EdgeUnavailable; it may have taken some."""
        try:
            for body in _batches(items):
                self.client.http_call("/publish/", body, {"Content-Type": "application/json"})
        except ValueError as error:  # pubcontrol's, for everything
            raise ProxyUnavailable(
                f"{self.uri} did not take what was published: {error}"
            ) from error

    def close(self) -> None:
        self.client.requests_session.close()


def get_proxy_clients() -> list[ProxyClient]:
    """Of all proxies."""
    return [ProxyClient(client) for client in get_pubcontrol().clients]


class _BoundedAdapter(HTTPAdapter):
    """pubcontrol sets no timeout, so a proxy that hangs would hang the publisher."""

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        return super().send(request, *args, **{**kwargs, "timeout": PUBLISH_TIMEOUT_SECONDS})


def _batches(items: Iterable[bytes]) -> Iterator[bytes]:
    batch: list[bytes] = []
    size = 0
    for item in items:
        if batch and size + len(item) > MAX_BATCH_BYTES:
            yield b'{"items":[%s]}' % b",".join(batch)
            batch, size = [], 0
        batch.append(item)
        size += len(item) + 1
    if batch:
        yield b'{"items":[%s]}' % b",".join(batch)
