"""manage.py amqp: publish a message to the broker."""

import uuid
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from pika import BasicProperties, BlockingConnection, DeliveryMode
from pika.exceptions import ChannelClosedByBroker, UnroutableError

from leaderboardapp.domain.fields import RejectedInput, parse_json
from leaderboardapp.rabbitmq.connection import BrokerUnavailable, connect
from leaderboardapp.rabbitmq.scores import SCORE_FIELDS, ScoreHandler

SCORE = '{"board": "demo", "player": "alice", "amount": 5, "name": "Alice"}'


class Command(BaseCommand):
    help = "Publish to the RabbitMQ broker named by AMQP_URL what amqplistener.py takes."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the action `publish` and its arguments."""
        actions = parser.add_subparsers(dest="action", required=True)
        score_pattern, score_fields = ScoreHandler.bindings[0], ", ".join(SCORE_FIELDS)
        publish = actions.add_parser(
            "publish",
            help="one message",
            epilog=f"Such as: manage.py amqp publish score '{SCORE}'. "
            f"Keys that match {score_pattern} are scores, with {score_fields}; "
            "AMQP_ROUTES says which are shown to viewers.",
        )
        publish.add_argument("key", help="the routing key")
        publish.add_argument("body", help="JSON")
        publish.add_argument("--id", default=str(uuid.uuid4()), help="message_id, or a new one")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        """Publish the message. Raises CommandError."""
        if not settings.AMQP_URL:
            raise CommandError("AMQP_URL is not set: it names the broker to publish to.")
        body = options["body"].encode(errors="surrogateescape")  # the bytes that were typed
        try:
            parse_json(body)
        except RejectedInput as error:
            raise CommandError(f"{error} A score is {SCORE}.") from error
        try:
            with connect() as connection:
                publish(connection, options["key"], body, options["id"])
        except (BrokerUnavailable, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"published, with the message_id {options['id']}")


def publish(connection: BlockingConnection, key: str, body: bytes, id: str) -> None:
    """Publish a message; return when the broker has it on disk. Raises CommandError."""
    properties = BasicProperties(
        message_id=id,
        content_type="application/json",
        delivery_mode=DeliveryMode.Persistent.value,
    )
    channel = connection.channel()
    channel.confirm_delivery()
    try:
        channel.basic_publish(settings.AMQP_EXCHANGE, key, body, properties, mandatory=True)
    except UnroutableError as error:
        raise CommandError(
            f"no queue takes messages with the key {key}: amqplistener.py makes the "
            "queues when it runs, and AMQP_ROUTES names keys other than score.#"
        ) from error
    except ChannelClosedByBroker as error:
        hint = "; amqplistener.py makes it when it runs" if error.reply_code == 404 else ""
        raise CommandError(f"{error.reply_text}{hint}") from error
