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

HEARTBEAT_SECONDS = 10  # each side takes the other for dead after two silent ones
CONNECT_SECONDS = 5.0


class BrokerUnavailable(Exception):
    """The broker cannot be reached, or refused or broke off what was asked of it."""


@contextmanager
def connect() -> Iterator[BlockingConnection]:
    """Connect to the broker in AMQP_URL; yield the connection.

    Drops the connection at the end. Raises BrokerUnavailable, also for pika's exceptions and
    OSError in the body. Raises ImproperlyConfigured."""
    try:
        connection = BlockingConnection(parse_url(settings.AMQP_URL))
        try:
            yield connection
        finally:
            if connection.is_open:
                drop_connection(connection)
    except (AMQPError, OSError) as error:
        raise BrokerUnavailable(describe_error(error)) from error


def drop_connection(connection: BlockingConnection) -> None:
    """Drop the socket without an AMQP close, once all that was written is sent.

    A clean close requeues unacked messages out of order, or at the end of the queue.
    Acknowledgements that were sent before still count."""
    private: Any = connection  # pika has no public way to end a connection but to close it first
    try:
        private._impl._terminate_stream(AMQPError("done"))
        private._flush_output(private._closed_result.is_ready)
    except AMQPError:
        pass  # "done"


def parse_url(url: str) -> Parameters:
    """Parse an AMQP URL; return pika's parameters of the connection.

    The URL's one option is `cacertfile`. Raises ImproperlyConfigured for certificates that cannot
    be read."""
    address, _, options = url.partition("?")
    parameters = URLParameters(address)
    parameters.heartbeat = HEARTBEAT_SECONDS
    parameters.socket_timeout = parameters.stack_timeout = CONNECT_SECONDS
    parameters.blocked_connection_timeout = CONNECT_SECONDS
    parameters.client_properties = {"connection_name": "leaderboard"}
    if address.startswith("amqps:"):
        try:
            context = ssl.create_default_context(cafile=options.partition("=")[2] or None)
        except OSError as error:
            raise ImproperlyConfigured(
                f"AMQP_URL: {options} cannot be read ({error}): name a file of certificates (PEM)."
            ) from error
        parameters.ssl_options = SSLOptions(context, parameters.host)
    return parameters


def decode_table(encoded: bytes, offset: int) -> tuple[dict[str | bytes, Any], int]:
    """Decode a table of headers; return it and the offset behind it.

    Returns an empty table for headers that pika cannot decode, such as a time in milliseconds.
    pika's own function raises for them, which ends the connection. The message is delivered again
    to the next connection, and ends that one, too."""
    try:
        return _decode_table(encoded, offset)
    except Exception:
        [size] = struct.unpack_from(">I", encoded, offset)
        return {}, offset + 4 + size


_decode_table = data.decode_table
data.decode_table = decode_table


def describe_error(error: Exception) -> str:
    """Describe a failure of the broker; return a line for logs and messages.

    pika's exceptions say what happened in their repr(), or in an exception that they carry."""
    while isinstance(inner := getattr(error, "exception", [*error.args, None][0]), Exception):
        error = inner
    reason = str(error) if isinstance(error, OSError) else repr(error)
    return f"the broker in AMQP_URL: {reason}"
