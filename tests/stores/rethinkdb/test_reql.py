"""Functions of ReQL as filters, which RethinkDB's server runs."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rethinkdb import r

from leaderboardapp.pubsub import Exchange, Message, reql
from leaderboardapp.pubsub.hub import get_hub
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from tests.stores.test_pubsub import TOPICS, take
from tests.support.store import store_at

FIGHT = "fights.superheroes.batman"
TAGS = ["superhero", "fight", "supervillain"]
TEAMUP = {
    "teamup": {"superheroes": ["Batman", "Superman"], "supervillains": ["Joker"]},
    "surprising": True,
}


@pytest.fixture
def exchange(ensured_store: RethinkStore, rethinkdb_url: str, board_id: str) -> Iterator[Exchange]:
    with store_at(rethinkdb_url):
        yield Exchange(board_id)


# The three demonstrations of rethinkdb.com/docs/publish-subscribe/python, with topics that they
# leave out.
@pytest.mark.parametrize(
    ("function", "passed", "others"),
    [
        (lambda topic: topic.match(r"fights\.superheroes.*"), FIGHT, ["fights.villains.joker"]),
        (lambda tags: tags.contains("fight", "superhero"), TAGS, [["fight", "supervillain"]]),
        (lambda topic: topic["surprising"], TEAMUP, [{**TEAMUP, "surprising": False}]),
        (lambda topic: topic["teamup"] | topic["fight"], TEAMUP, [{"event": {"a": ["b"]}}]),
        (
            lambda topic: topic["teamup"]["superheroes"].contains("Batman"),
            TEAMUP,
            [{"teamup": {"superheroes": ["Robin"]}}, {"teamup": {"superheroes": "Batman"}}],
        ),
    ],
)
def test_a_function_chooses_topics_and_none_of_another_shape(
    exchange: Exchange, function: Callable[[Any], Any], passed: Any, others: list[Any]
) -> None:
    with exchange.queue(reql(function)) as queue:
        for topic in [*TOPICS, FIGHT, TAGS, TEAMUP, *others]:
            exchange.topic(topic).publish("another" if topic != passed else "first")
        exchange.topic(passed).publish("last")
        topic = sorted(passed) if isinstance(passed, list) else passed
        assert take(queue, 2) == [Message(topic, "first"), Message(topic, "last")]


def test_functions_may_use_all_of_reql(exchange: Exchange) -> None:
    def is_long(topic: Any) -> Any:
        count = r.branch(topic.type_of().eq("STRING"), topic.split(".").count(), topic.count())
        return r.do(count, lambda parts: parts.ge(3)) & topic.ne(FIGHT)

    with exchange.queue(reql(is_long)) as queue:
        topics: list[Any] = ["a.b", FIGHT, ["a", "b"], "a.b.c", TAGS]
        for topic in topics:
            exchange.topic(topic).publish(0)
        received = {str(message.topic) for message in take(queue, 2)}
    assert received == {"a.b.c", str(sorted(TAGS))}


def test_queues_of_one_function_share_its_changefeed(exchange: Exchange) -> None:
    wanted = reql(lambda topic: topic.match("^t$"))
    with exchange.queue(wanted) as one, exchange.queue(wanted) as other:
        assert len(get_hub().inboxes) == 1
        exchange.topic("t").publish(1)
        assert take(one, 1) == take(other, 1) == [Message("t", 1)]


@pytest.mark.parametrize(
    ("function", "why"),
    [
        ("^a", "TypeError: 'str' object is not callable"),
        (r.js("true"), "TypeError: .* object is not callable"),
        (lambda: True, "TypeError: .* takes 0 positional arguments"),
        (lambda topic: topic.startswith("a"), "AttributeError: .*startswith"),
        (lambda topic: "a" in topic, "ReqlDriverError: .*RqlQuery"),
        (lambda topic: topic == "a" and 1 / 0, "ZeroDivisionError"),
        (lambda topic: None, "it returned None, which the server cannot run"),
        (lambda topic: True, "it returned True"),
        (lambda topic: {"topic": topic}, "it returned {'topic': "),
        (lambda topic: lambda other: topic == other, "it returned <function"),
        (lambda topic: topic.eq(float("nan")), "ValueError: .*float"),
        (lambda topic: topic.match("\ud800"), "UnicodeEncodeError: .*surrogates"),
    ],
)
def test_what_makes_no_reql_is_refused_when_it_is_given(
    exchange: Exchange, function: Any, why: str
) -> None:
    with pytest.raises(ValueError, match=rf"reql takes a function(.|\n)*: {why}"):
        reql(function)


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda topic: r.js("(function (topic) { return true; })"), "non-deterministic"),
        (lambda topic: r.table("players").get(topic), "non-deterministic"),
        (lambda topic: r.row.match("a"), "r.row"),
        (lambda topic: topic.slice(), "Expected between 2 and 3 arguments"),
    ],
)
def test_what_the_server_refuses_ends_no_other_subscription(
    exchange: Exchange, function: Any, why: str
) -> None:
    with exchange.queue("^t$") as other:
        exchange.topic("t").publish(1)
        with pytest.raises(ValueError, match=why):
            exchange.queue(reql(function)).__enter__()
        exchange.topic("t").publish(2)
        assert take(other, 2) == [Message("t", 1), Message("t", 2)]
