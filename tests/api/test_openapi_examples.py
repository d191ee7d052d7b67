"""The examples in docs/openapi.yaml are what the service accepts and answers."""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import jsonschema_rs
import pytest
import yaml
from django.conf import settings
from django.test import Client, override_settings

from leaderboardapp.pages.api_reference import DESCRIPTION
from leaderboardapp.rabbitmq import notification_routes as routes
from leaderboardapp.realtime import formats
from leaderboardapp.stores import get_store
from leaderboardapp.stores.base import Store
from leaderboardapp.web.auth import create_token
from leaderboardapp.web.rate_limit import get_limiter
from tests.api.conftest import Response
from tests.conftest import STORES
from tests.support.store import store_at, unreachable_store

API: dict[str, Any] = yaml.safe_load(DESCRIPTION.read_text())
METHODS = ("get", "post", "put", "patch", "delete")
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, item in API["paths"].items()
    for method, operation in item.items()
    if method in METHODS
}
STREAM = "text/event-stream"
FILES = ("text/csv", "application/x-ndjson")
VARYING = {"ended_at", "ends_at", "next_ends", "since", "ticket"}  # no example can tell them

Bodies = Iterator[tuple[str, dict[str, Any]]]


def bodies() -> Bodies:
    """Yield the place and the media type object of each body, but for pages and pictures."""

    def of(place: str, message: dict[str, Any]) -> Bodies:
        for media, content in message.get("content", {}).items():
            if media not in ("text/html", "image/png"):
                yield f"{place} {media}", content

    for name, (_, _, operation) in OPERATIONS.items():
        yield from of(f"{name} body", operation.get("requestBody", {}))
        for status, answer in operation["responses"].items():
            yield from of(f"{name} {status}", answer)
    for name, answer in API["components"]["responses"].items():
        yield from of(name, answer)


def named(content: dict[str, Any]) -> dict[str, Any]:
    """Return the examples of a media type object by name, the only one by no name."""
    if "example" in content:
        return {"": content["example"]}
    return {name: example["value"] for name, example in content.get("examples", {}).items()}


EXAMPLES = {
    f"{place} {name}".strip(): (value, content["schema"])
    for place, content in bodies()
    for name, value in named(content).items()
}


def resolve(answer: dict[str, Any], place: str) -> tuple[dict[str, Any], str]:
    """Return the response object and its place: a component's name if it is one."""
    if "$ref" not in answer:
        return answer, place
    name = answer["$ref"].removeprefix("#/components/responses/")
    return API["components"]["responses"][name], name


def assert_valid(value: Any, schema: dict[str, Any]) -> None:
    root = {**schema, "components": API["components"]}
    jsonschema_rs.Draft202012Validator(root, validate_formats=True).validate(value)


def assert_alike(example: Any, answer: Any, where: str) -> None:
    """The same fields with values of the same types, and the same values but for VARYING."""
    assert type(answer) is type(example), f"{where}: {answer!r}, not {example!r}"
    if isinstance(example, dict):
        assert answer.keys() == example.keys(), where
        for name in example.keys() - VARYING:
            assert_alike(example[name], answer[name], f"{where}.{name}")
        for name in example.keys() & VARYING:
            assert type(answer[name]) is type(example[name]), f"{where}.{name}"
    elif isinstance(example, list):
        assert len(answer) == len(example), where
        for number, (one, other) in enumerate(zip(example, answer, strict=True)):
            assert_alike(one, other, f"{where}[{number}]")
    else:
        assert answer == example, where


def events(stream: str) -> list[dict[str, str]]:
    """Return the fields of each event in the body of an event stream."""
    blocks = stream.strip().split("\n\n")
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]


@pytest.mark.parametrize("place", [place for place, _ in bodies()])
def test_every_body_has_an_example(place: str) -> None:
    assert named(dict(bodies())[place])


@pytest.mark.parametrize("place", EXAMPLES)
def test_each_example_is_valid(place: str) -> None:
    assert_valid(*EXAMPLES[place])


@pytest.mark.parametrize("place", [place for place in EXAMPLES if STREAM in place])
def test_the_events_of_a_stream_are_valid(place: str) -> None:
    first, *others = events(EXAMPLES[place][0])
    assert re.fullmatch(r"\d{4}", first["retry"])
    for event in others:
        data = json.loads(event["data"])
        match event["event"]:
            case "update":
                schema = "OwnRank" if place.startswith("readPlayer") else "Snapshot"
                assert_valid(data, {"$ref": f"#/components/schemas/{schema}"})
            case "joined" | "left" | "new leader":
                assert data.keys() == {"player", "board"}
                assert_valid(data["player"], {"$ref": "#/components/schemas/Player"})
            case "season ended":
                assert data.keys() == {"season", "board"}
            case "notification":
                assert data.keys() == {"id", "key", "data"}
            case formats.BOARD_DELETED:
                assert data.keys() <= {"id", "window"}
                assert_valid(data["id"], {"$ref": "#/components/schemas/Id"})
            case formats.KEEP_ALIVE | formats.EXPIRED:
                assert event["data"] == formats.KEEP_ALIVE_DATA
            case name:
                raise AssertionError(f"there is no event {name!r}")


@contextmanager
def channels() -> Iterator[None]:
    """With a channel of notifications."""
    with override_settings(AMQP_ROUTES=[routes.parse("invoice.#=/events/invoices/")]):
        yield


@contextmanager
def live() -> Iterator[None]:
    """With proxies that tell whom they hold."""
    told = {"control_uri": "tcp://localhost:5563"}
    with override_settings(GRIP_PROXIES=[{**proxy, **told} for proxy in settings.GRIP_PROXIES]):
        yield


@contextmanager
def tokens() -> Iterator[None]:
    """Nobody writes without a token."""
    with override_settings(ALLOW_ANONYMOUS_WRITES=False):
        yield


@contextmanager
def private() -> Iterator[None]:
    """With a private board."""
    get_store().update_board("world-cup", {"private": True})
    yield
    get_store().update_board("world-cup", {"private": False})


@contextmanager
def few_writes() -> Iterator[None]:
    """One write at once, and time stands still."""
    with override_settings(WRITE_RATE=0.1):
        get_limiter.cache_clear()
        limiter = get_limiter()
        assert limiter
        limiter.clock = lambda: 1_800_000_000_000_000_000
        assert not limiter.take("127.0.0.1")  # the test client
        yield
        limiter.close()
    get_limiter.cache_clear()


class Step(NamedTuple):
    """A request with the operation's examples, but for what is given here."""

    operation: str
    status: int
    example: str | None = ""  # of the answer; None to compare none
    body: str | None = None
    accept: str = "*/*"
    headers: dict[str, str] = {}
    place: dict[str, str] = {}  # path parameters
    query: dict[str, str] = {}
    given: Callable[[], AbstractContextManager[None]] = nullcontext


# In an order in which each finds what the ones before have made.
STEPS = [
    Step("readHealth", 200),
    Step("readReadiness", 200),
    Step("createBoard", 201),
    Step("listBoards", 200, "page"),
    Step("createPlayer", 201),
    Step("createPlayer", 201, None, body='{"id": "bob", "name": "Bob"}'),
    Step("addScore", 200),
    Step("putScore", 200),
    Step("addScores", 200, "added"),
    Step("readPlayer", 200),
    Step("readPlayer", 200, accept=STREAM, given=live),
    Step("listPlayers", 200, "page"),
    Step("listPlayers", 200, "found", query={"search": "BO"}),
    Step("readAround", 200),
    Step("selectPlayers", 200),
    Step("rankScore", 200),
    Step("readPerson", 200, headers={"Authorization": "admin"}),
    Step("readBoard", 200, "board"),
    Step("readBoard", 200, accept=STREAM),
    Step("listBoards", 200, "several", query={"ids": "world-cup,euro-cup"}),
    Step("listBoards", 200, accept=STREAM, query={"ids": "world-cup,euro-cup"}),
    Step("streamEvents", 200, given=channels),
    Step("createTicket", 200, headers={"Authorization": "read world-cup"}),
    Step("readBoard", 401, "badTicket", query={"ticket": "x"}, given=private),
    Step("readBoard", 404, "notFound", place={"board": "nowhere"}),
    Step("readBoard", 501, "noProxy", accept=STREAM, headers={"Grip-Sig": ""}),
    Step("watchBoard", 426),
    Step("watchBoard", 501, headers={"Grip-Sig": "", "Upgrade": "websocket"}),
    Step("createBoard", 400, "malformed", body='{"id": '),
    Step("createBoard", 401, "needsToken", given=tokens),
    Step("createBoard", 403, "notAllowed", headers={"Authorization": "read"}, given=tokens),
    Step("createBoard", 409, "taken"),
    Step("createBoard", 422, "refused", body='{"size": 1000}'),
    Step("addScore", 429, given=few_writes),
    Step("resetBoard", 200),
    Step("listSeasons", 200),
    Step("readSeason", 200),
    Step("listPastPlayers", 200),
    Step("readPastPlayer", 200),
    Step("readPastAround", 200),
    Step("exportSeason", 200),
    Step("exportSeason", 200, accept="application/x-ndjson"),
    Step("listPlayerSeasons", 200),
    Step("updateBoard", 200),
    Step("updatePlayer", 200),
    Step("deletePlayer", 204),
    Step(
        "addScore",
        201,
        body='{"amount": 5, "name": "Dora"}',
        place={"player": "dora"},
        query={"rank": "true"},
    ),
    Step("putScore", 201, body='{"score": 12, "name": "Eve"}', place={"player": "eve"}),
    Step(
        "addScores",
        200,
        "ranked",
        body='[{"player": "dora", "amount": 10}, {"player": "eve", "amount": 1}]',
        query={"rank": "true"},
    ),
    Step("readBoard", 200, "window", query={"window": "day"}),
    Step("readBoard", 404, "noWindow", query={"window": "month"}),
    Step("erasePerson", 204, headers={"Authorization": "admin"}, place={"person": "eve"}),
    Step("deleteBoard", 204),
    Step("readBoard", 503, "unavailable", given=unreachable_store),
]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> Iterator[Store]:
    """The store of this process, each kind in turn, with nothing in it."""
    with store_at(new_database(request.param)) as store:
        store.ensure()
        yield store


@pytest.fixture
def limits(tmp_path: Path) -> Iterator[None]:
    with override_settings(LIMITS_FILE=tmp_path / "limits"):
        yield


@pytest.mark.usefixtures("limits")
def test_the_service_answers_as_in_the_examples(client: Client, grip_sig: str) -> None:
    seen = set()
    for step in STEPS:
        _, _, operation = OPERATIONS[step.operation]
        body, place = request_body(step)
        seen.add(place)
        with step.given():
            response = request(client, step, body, grip_sig)
        where = f"{step.operation} {step.status} {step.example}".strip()
        assert response.status_code == step.status, f"{where}: {response.content!r}"
        seen.add(compare(step, operation, response, where))
    assert set(EXAMPLES) - seen == set(), "each example is compared with an answer"


def request_body(step: Step) -> tuple[str, str]:
    """Return the body to send and the place of its example, each empty if there is none."""
    place = f"{step.operation} body application/json"
    if step.body is not None or place not in EXAMPLES:
        return step.body or "", ""
    return json.dumps(EXAMPLES[place][0]), place


def request(client: Client, step: Step, body: str, grip_sig: str) -> Response:
    method, path, operation = OPERATIONS[step.operation]
    headers = {"Accept": step.accept, "Grip-Sig": grip_sig, **step.headers}
    if "Authorization" in headers:
        scope, *boards = headers["Authorization"].split()
        headers["Authorization"] = f"Bearer {create_token([scope], boards or None, 120)}"
    path = path.format_map({**examples_of(operation, "path"), **step.place})
    query = {**examples_of(operation, "query"), **step.query}
    content_type = "application/json" if body else ""
    path += f"?{urlencode(query)}" if query else ""
    return client.generic(method.upper(), path, body, content_type, headers=headers)


def examples_of(operation: dict[str, Any], place: str) -> dict[str, Any]:
    """Return the examples of an operation's required parameters that are in this place."""
    found = {}
    for parameter in operation.get("parameters", []):
        if "$ref" in parameter:
            name = parameter["$ref"].removeprefix("#/components/parameters/")
            parameter = API["components"]["parameters"][name]
        if parameter["in"] == place and parameter.get("required"):
            found[parameter["name"]] = parameter["example"]
    return found


def compare(step: Step, operation: dict[str, Any], response: Response, where: str) -> str:
    """Compare an answer with its example, and return the example's place."""
    answers = operation["responses"]
    status = str(step.status) if str(step.status) in answers else "default"
    answer, place = resolve(answers[status], f"{step.operation} {status}")
    if step.example is None or "content" not in answer:
        assert step.example is None or response.content == b"", where
        return ""
    media = response["Content-Type"].partition(";")[0]
    place = f"{place} {media} {step.example}".strip()
    example, schema = EXAMPLES[place]
    if media == STREAM:
        compare_streams(example, response.content.decode(), where)
    elif media in FILES:
        assert b"".join(response).decode() == example, where
    else:
        body = json.loads(response.getvalue())  # which may be sent as it is read
        assert_valid(body, schema)
        assert_alike(example, body, where)
    return place


def compare_streams(example: str, answer: str, where: str) -> None:
    """What is answered is how the example begins; the proxy sends the rest later."""
    for one, other in itertools.zip_longest(events(example), events(answer)):
        if other is None:
            break
        assert_alike({**one, "retry": ""}, {**other, "retry": ""}, where)
        assert ("retry" in one) == ("retry" in other), where
