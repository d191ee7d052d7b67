"""manage.py pubsub: publish messages and print those of a subscription."""

import json
import math
import random
import time
from argparse import ArgumentParser
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.fields import RejectedInput, parse_json
from leaderboardapp.domain.messages import clean
from leaderboardapp.domain.topics import Topic
from leaderboardapp.pubsub import Exchange, Missed, Queue

DEMO_SECONDS = 0.5  # between two messages
DEMO_MESSAGES = 5  # that a subscriber prints before it chooses another filter
SPORTS = {
    "rowing": ["final", "false start"],
    "chess": ["final", "sacrifice"],
    "curling": ["final", "last stone"],
}
CITIES = ["Oslo", "Lima", "Nairobi", "Osaka"]
DEMO_TOPICS: dict[str, Callable[[str, str, str], Topic]] = {
    "regex": lambda sport, event, city: f"{sport}.{city}.{event}",
    "tags": lambda sport, event, city: [sport, event, city],
    "hierarchy": lambda sport, event, city: {
        "place": city,
        "sport": {"name": sport, "event": event},
    },
}
DEMO_FILTERS: dict[str, list[Any]] = {
    "regex": [r"^rowing\.", r"\.final$", r"\.O[^.]*\."],
    "tags": [["final"], ["chess", "final"], ["Lima"]],
    "hierarchy": [{"sport": {"event": "final"}}, {"place": "Lima"}, {"sport": {"name": None}}],
}


class Command(BaseCommand):
    help = "Publish messages, and subscribe to them, through the store named by DATABASE_URL."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the actions, each with its arguments."""
        actions = parser.add_subparsers(dest="action", required=True)
        publish = actions.add_parser("publish", help="one message")
        publish.add_argument("exchange")
        publish.add_argument("topic", help="a text, or a JSON list of tags, or a JSON object")
        publish.add_argument("payload", help="JSON, or a text")
        subscribe = actions.add_parser("subscribe", help="print messages until interrupted")
        subscribe.add_argument("exchange")
        wanted = subscribe.add_mutually_exclusive_group()
        wanted.add_argument("--regex", help="found in a topic that is a text; RE2's syntax")
        wanted.add_argument("--tags", nargs="+", metavar="TAG", help="all of which a topic has")
        wanted.add_argument("--pattern", help="JSON object, all of which a topic has")
        demo = actions.add_parser("demo", help="in two terminals: one publishes, one subscribes")
        demo.add_argument("kind", choices=DEMO_TOPICS)
        demo.add_argument("side", choices=["publish", "subscribe"])

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        """Do the action until it is done or interrupted. Raises CommandError."""
        run = {"publish": self.publish, "subscribe": self.subscribe, "demo": self.demo}[action]
        try:
            run(options)
        except (ValueError, RejectedInput, StoreUnavailable) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            pass

    def publish(self, options: dict[str, Any]) -> None:
        """Publish one message. Raises ValueError, StoreUnavailable."""
        topic = parse_or_text(options["topic"], (list, dict))
        payload = parse_or_text(options["payload"])
        Exchange(options["exchange"]).topic(topic).publish(payload)

    def subscribe(self, options: dict[str, Any]) -> None:
        """Print the messages that pass the filter. Raises ValueError, StoreUnavailable."""
        pattern = options["pattern"]
        if pattern is not None and not isinstance(pattern := parse_or_text(pattern), dict):
            raise ValueError(f"--pattern is a JSON object, not {pattern!r}")
        filters = (options["regex"], options["tags"], pattern)
        wanted = next((filter for filter in filters if filter is not None), None)
        with Exchange(options["exchange"]).queue(wanted) as queue:
            self.print_line("subscribed")
            self.print_messages(queue)

    def demo(self, options: dict[str, Any]) -> None:
        """Run one side of a demo. Raises StoreUnavailable."""
        kind = options["kind"]
        exchange = Exchange(f"demo-{kind}")
        if options["side"] == "publish":
            self.publish_demo(exchange, DEMO_TOPICS[kind])
        while True:
            wanted = random.choice(DEMO_FILTERS[kind])
            with exchange.queue(wanted) as queue:
                self.print_line(f"subscribed to {json.dumps(wanted)}")
                self.print_messages(queue, DEMO_MESSAGES)

    def publish_demo(
        self, exchange: Exchange, make_topic: Callable[[str, str, str], Topic]
    ) -> NoReturn:
        """Publish events of sports for ever. Raises StoreUnavailable."""
        while True:
            sport = random.choice([*SPORTS])
            event, city = random.choice(SPORTS[sport]), random.choice(CITIES)
            topic = make_topic(sport, event, city)
            exchange.topic(topic).publish(f"{sport} in {city}: {event}")
            self.print_line(f"published to {json.dumps(topic)}")
            time.sleep(DEMO_SECONDS)

    def print_messages(self, queue: Queue, count: float = float("inf")) -> None:
        """Print so many messages of the queue, each as JSON in a line, and losses on stderr."""
        for event in queue.subscribe():
            if isinstance(event, Missed):
                self.stderr.write(f"some messages may be missing: {event.payload}")
                continue
            self.print_line(json.dumps(event._asdict(), ensure_ascii=False))
            count -= 1
            if not count:
                break

    def print_line(self, line: str) -> None:
        """Print a line at once, also to a pipe."""
        self.stdout.write(line)
        self.stdout.flush()


def parse_or_text(text: str, kinds: tuple[type, ...] = (object,)) -> Any:
    """Return the text's JSON value if it is of these kinds; else the text itself.

    Raises RejectedInput for what only some take for JSON, such as NaN or a key that is there twice,
    and ValueError for a number that would change."""
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return text
    value = to_floats(parse_json(text.encode()))
    return value if isinstance(value, kinds) else text


def to_floats(value: Any) -> Any:
    """Return the JSON value with a float for each Decimal. Raises ValueError if it is not equal."""
    match value:
        case Decimal():
            number = float(value)
            if not math.isfinite(number) or Decimal(repr(number)) != value:
                raise ValueError(
                    f"the number {clean(str(value))} has more digits, or is larger or smaller, "
                    "than subscribers can read: write it in quotes, as a text"
                )
            return number
        case dict():
            return {key: to_floats(part) for key, part in value.items()}
        case list():
            return [to_floats(part) for part in value]
    return value
