import json
import random
import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.topics import Topic
from leaderboardapp.pubsub import Exchange, Missed, Queue

DEMO_SECONDS = 0.5  # between two messages
DEMO_MESSAGES = 5  # that a subscriber hears before it chooses another filter
SPORTS = {
    "rowing": ["final", "false start"],
    "chess": ["final", "sacrifice"],
    "curling": ["final", "last stone"],
}
PLACES = ["Oslo", "Lima", "Nairobi", "Osaka"]
DEMO_TOPICS: dict[str, Callable[[str, str, str], Topic]] = {
    "regex": lambda sport, event, place: f"{sport}.{place}.{event}",
    "tags": lambda sport, event, place: [sport, event, place],
    "hierarchy": lambda sport, event, place: {
        "place": place,
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
        try:
            getattr(self, action)(options)
        except (ValueError, StoreUnavailable) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            pass

    def publish(self, options: dict[str, Any]) -> None:
        topic, payload = read(options["topic"], (list, dict)), read(options["payload"])
        Exchange(options["exchange"]).topic(topic).publish(payload)

    def subscribe(self, options: dict[str, Any]) -> None:
        pattern = options["pattern"]
        if pattern is not None and not isinstance(pattern := read(pattern), dict):
            raise ValueError(f"--pattern is a JSON object, not {pattern!r}")
        given = (options["regex"], options["tags"], pattern)
        wanted = next((each for each in given if each is not None), None)
        with Exchange(options["exchange"]).queue(wanted) as queue:
            self.say("subscribed")
            self.show(queue)

    def demo(self, options: dict[str, Any]) -> None:
        kind = options["kind"]
        exchange = Exchange(f"demo-{kind}")
        if options["side"] == "publish":
            self.demo_publish(exchange, DEMO_TOPICS[kind])
        while True:
            wanted = random.choice(DEMO_FILTERS[kind])
            with exchange.queue(wanted) as queue:
                self.say(f"subscribed to {json.dumps(wanted)}")
                self.show(queue, DEMO_MESSAGES)

    def demo_publish(self, exchange: Exchange, topic: Callable[[str, str, str], Topic]) -> None:
        while True:
            sport = random.choice([*SPORTS])
            event, place = random.choice(SPORTS[sport]), random.choice(PLACES)
            key = topic(sport, event, place)
            exchange.topic(key).publish(f"{sport} in {place}: {event}")
            self.say(f"published to {json.dumps(key)}")
            time.sleep(DEMO_SECONDS)

    def show(self, queue: Queue, count: float = float("inf")) -> None:
        for event in queue.subscribe():
            if isinstance(event, Missed):
                self.stderr.write(f"some messages may be missing: {event.payload}")
                continue
            self.say(json.dumps(event._asdict(), ensure_ascii=False))
            count -= 1
            if not count:
                break

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def read(text: str, kinds: tuple[type, ...] = (object,)) -> Any:
    """JSON, if it is that, of these kinds; or else the text itself."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, kinds) else text
