import json
import uuid
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from pika import BasicProperties, DeliveryMode
from pika.exceptions import AMQPError, ChannelClosedByBroker, UnroutableError

from leaderboardapp.rabbitmq.connection import connect, describe_error
from leaderboardapp.rabbitmq.scores import SCORE_FIELDS, ScoreHandler

SCORE = '{"board": "demo", "player": "alice", "amount": 5, "name": "Alice"}'


class Command(BaseCommand):
    help = "Publish to the RabbitMQ broker named by AMQP_URL what amqplistener.py takes."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        publish = actions.add_parser(
            "publish",
            help="one message",
            epilog=f"Such as: manage.py amqp publish score '{SCORE}'. "
            f"Keys that match {ScoreHandler.bindings[0]} are scores, with {', '.join(SCORE_FIELDS)}; "
            "AMQP_ROUTES says which are shown to viewers.",
        )
        publish.add_argument("key", help="the routing key")
        publish.add_argument("body", help="JSON")
        publish.add_argument("--id", default=str(uuid.uuid4()), help="message_id, or a new one")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        if not settings.AMQP_URL:
            raise CommandError("AMQP_URL is not set: it names the broker to publish to.")
        try:
            json.loads(options["body"])
        except ValueError as error:
            raise CommandError(f"the body is not JSON, such as {SCORE}: {error}") from error
        try:
            self.publish(options["key"], options["body"].encode(), options["id"])
        except UnroutableError as error:
            raise CommandError(
                f"no queue takes messages with the key {options['key']}: amqplistener.py makes the "
                "queues when it runs, and AMQP_ROUTES names keys other than score.#"
            ) from error
        except ChannelClosedByBroker as error:
            made = "; amqplistener.py makes it when it runs" if error.reply_code == 404 else ""
            raise CommandError(f"{error.reply_text}{made}") from error
        except (AMQPError, OSError, ImproperlyConfigured) as error:
            raise CommandError(describe_error(error)) from error
        self.stdout.write(f"published, with the message_id {options['id']}")

    def publish(self, key: str, body: bytes, id: str) -> None:
        """Returns when the broker has it on disk."""
        properties = BasicProperties(
            message_id=id,
            content_type="application/json",
            delivery_mode=DeliveryMode.Persistent.value,
        )
        with connect() as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.basic_publish(settings.AMQP_EXCHANGE, key, body, properties, mandatory=True)
