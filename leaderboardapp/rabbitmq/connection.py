"""Connections to the broker."""

import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from pika import (
    BlockingConnection,
    SSLOptions,
    URLParameters,
    data,
)
from pika.connection import Parameters
from pika.exceptions import AMQPError

HEARTBEAT_SECONDS = 10  # a broker that is silent for two of them is gone, and to it so are we
CONNECT_SECONDS = 5.0


@contextmanager
def connect() -> Iterator[BlockingConnection]:
    """To the broker in AMQP_URL. Raises AMQPError, OSError."""
    connection = BlockingConnection(parse_url(settings.AMQP_URL))
    try:
        yield connection
    finally:
        if connection.is_open:
            drop_connection(connection)


def drop_connection(connection: BlockingConnection) -> None:
    """Without a farewell, on which the broker puts what it gave and gets back in another order, or
    at the end of the queue. What was acknowledged is on its way already."""
    outer: Any = connection  # pika has no public way to end a connection that is not closed first
    try:
        outer._impl._terminate_stream(AMQPError("done"))
        outer._flush_output(outer._closed_result.is_ready)
    except AMQPError:
        pass  # "done"


def parse_url(url: str) -> Parameters:
    """Raises ImproperlyConfigured for certificates that cannot be read."""
    address, _, options = url.partition("?")
    found = URLParameters(address)
    found.heartbeat = HEARTBEAT_SECONDS
    found.socket_timeout = found.stack_timeout = CONNECT_SECONDS
    found.blocked_connection_timeout = CONNECT_SECONDS
    found.client_properties = {"connection_name": "leaderboard"}
    if address.startswith("amqps:"):
        try:
            context = ssl.create_default_context(cafile=options.partition("=")[2] or None)
        except OSError as error:
            raise ImproperlyConfigured(
                f"AMQP_URL: {options} cannot be read ({error}): name a file of certificates (PEM)."
            ) from error
        found.ssl_options = SSLOptions(context, found.host)
    return found


def decode_table(encoded: bytes, offset: int) -> tuple[dict[str | bytes, Any], int]:
    """pika's, for headers that it cannot read, such as a time in milliseconds: without it, one of
    them ends the connection before anybody sees the message, again and again."""
    try:
        return _decode_table(encoded, offset)
    except Exception:
        [size] = struct.unpack_from(">I", encoded, offset)
        return {}, offset + 4 + size


_decode_table = data.decode_table
data.decode_table = decode_table


def describe_error(error: Exception) -> str:
    """pika's say what happened in their repr(), if not in another exception that they carry."""
    where = "the broker in AMQP_URL: " if isinstance(error, AMQPError | OSError) else ""
    while isinstance(inner := getattr(error, "exception", [*error.args, None][0]), Exception):
        error = inner
    return where + (str(error) if isinstance(error, OSError) or not where else repr(error))
