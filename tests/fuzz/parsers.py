"""Targets for fuzzing: each gives a parser some bytes, and fails unless the parser returns, or
raises what it documents. What was parsed is written again, and parsed to the same value."""

import base64
import io
import json
import os
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any, NamedTuple
from unittest import mock

import jwt
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.test import RequestFactory
from pika import BasicProperties

from leaderboard_project import env, ssh_values
from leaderboardapp import importer
from leaderboardapp.api.boards import negotiate, read_ids
from leaderboardapp.copies import Chain, DamagedCopy, read_whole
from leaderboardapp.domain import csv_rows, fields, schedule, searching, topics
from leaderboardapp.domain.masking import mask_secrets
from leaderboardapp.domain.player_data import data_field, decode_data, encode_data
from leaderboardapp.pages.embed import read_look
from leaderboardapp.rabbitmq import notification_routes, notifications, scores
from leaderboardapp.rabbitmq.consumer import INVALID, Message
from leaderboardapp.realtime.hold_channels import hold_channel, parse_hold
from leaderboardapp.realtime.subscribe import answer_websocket, prefers_stream, read_wait
from leaderboardapp.stores.rethinkdb.address import parse_host, parse_url
from leaderboardapp.web import auth, headers, preconditions, requests
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.proxy import GripMiddleware, client_address
from tests.fuzz.spelling import spell_json, write_json

KEY = "a key of 32 bytes or more, for the fuzzers"
PLAYER_FIELDS: dict[str, fields.Field] = {
    "id": fields.id_field,
    "key": fields.key_field,
    "email": fields.email_field,
    "hidden": fields.flag_field,
    "data": data_field,
    "players": fields.selected_ids_field,
    "search": searching.key_field,
    "position": fields.integer_field(0, 9),
}
ALL_FIELDS = {**PLAYER_FIELDS, **fields.INCREMENT_FIELDS, **fields.BOARD_SETTING_FIELDS}
ROUTES = [notification_routes.parse(text) for text in ("a.#=/events/a/", "*.{id}=/events/{id}/")]


def build_request(text: str = "", **meta: str) -> Any:
    """Return a request with the query `text`, and these headers as WSGI names them."""
    request = RequestFactory().get(
        "/", QUERY_STRING=text.encode(errors="replace").decode("latin-1")
    )
    request.META.update(meta)
    GripMiddleware(lambda request: None).process_request(request)
    return request


def fuzz_json(data: bytes) -> None:
    with suppress(fields.RejectedInput):
        value = fields.parse_json(data)
        json.loads(data, parse_int=str)  # what is accepted here is JSON
        assert isinstance(value, dict | list | str | int | bool | Decimal | None)


def fuzz_fields(data: bytes) -> None:
    """Give all fields the same value, and the object whose fields have it."""
    with suppress(fields.RejectedInput):
        value = fields.parse_json(data)
        for field in ALL_FIELDS.values():
            with suppress(ValueError):
                accepted = field(value)
                assert field(fields.parse_json(write_json(accepted))) == accepted
        with suppress(ValueError):
            accepted = data_field(value)
            assert decode_data(encode_data(accepted)) == accepted
        fields.check_fields(value if isinstance(value, dict) else {"name": value}, ALL_FIELDS)


def fuzz_cursor(data: bytes) -> None:
    text = data.decode("latin-1")
    for cursor in (text, requests.encode_cursor(text), base64.urlsafe_b64encode(data).decode()):
        request = RequestFactory().get("/", {"cursor": cursor})
        for accepted in (
            fields.RANK_POSITION_FIELDS,
            (fields.id_field,),
            (searching.key_field,) * 2,
        ):
            with suppress(Problem):
                parts = requests.read_cursor(request, *accepted)
                assert parts is not None and requests.encode_cursor(*parts) == cursor


def fuzz_query(data: bytes) -> None:
    request = build_request(data.decode(errors="replace"))
    reads: list[Callable[[HttpRequest], object]] = [
        read_ids,
        read_look,
        requests.read_limit,
        requests.read_idempotency_key,
        lambda request: requests.read_flag(request, "rank"),
        lambda request: requests.check_query(request, ("rank", "limit")),
    ]
    for read in reads:
        with suppress(Problem):
            read(request)


def fuzz_token(data: bytes) -> None:
    """Read a token, and one that is signed rightly and claims anything."""
    text = data.decode("latin-1")
    signed = jwt.PyJWS().encode(data, KEY, algorithm="HS256")
    with mock.patch.object(settings, "TOKEN_KEYS", [("HS256", KEY)]):
        for token in (text, f"Bearer {text}", f"Bearer {signed}"):
            with suppress(Problem):
                grant = auth.read_grant(build_request(HTTP_AUTHORIZATION=token))
                grant.allows("read", "board")
    mask_secrets(text)


def fuzz_headers(data: bytes) -> None:
    """Read a text as the value of each header that is parsed."""
    text = data.decode("latin-1")
    tags = headers.parse_entity_tags(text)
    assert headers.parse_entity_tags(", ".join(tags)) == tags
    preferences = headers.parse_preferences(text)
    written = ", ".join(f"{name}={quote(value)}" for name, value in preferences.items())
    assert headers.parse_preferences(written) == preferences
    origin = headers.normalize_origin(text)
    assert headers.normalize_origin(origin) == origin or origin.count(":") > 1
    names = ("ACCEPT", "PREFER", "IF_MATCH", "IF_NONE_MATCH", "X_FORWARDED_FOR", "IDEMPOTENCY_KEY")
    request = build_request(**{f"HTTP_{name}": text for name in names})
    client_address(request)
    prefers_stream(request)
    negotiate(request)
    read_wait(request)
    preconditions.names_one_tag(request)
    with suppress(Problem):
        requests.read_idempotency_key(request)
    with suppress(Problem):
        preconditions.require(request, ['"a"'])


def quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def fuzz_websocket(data: bytes) -> None:
    """Read the events of a WebSocket, as a proxy sends them."""
    signature = jwt.encode({"exp": 2**33, "iss": "pushpin"}, KEY, algorithm="HS256")
    request: Any = RequestFactory().post(
        "/", data, "application/websocket-events", HTTP_CONNECTION_ID="a", HTTP_GRIP_SIG=signature
    )
    with mock.patch.object(settings, "GRIP_PROXIES", [{"key": KEY}]):
        refused = GripMiddleware(lambda request: None).process_request(request)
        if not refused and request.wscontext:
            answer_websocket(request.wscontext)


def fuzz_topic(data: bytes) -> None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = data.decode("latin-1")
    with suppress(ValueError):
        text = topics.encode_topic(value)
        assert topics.encode_topic(json.loads(text)) == text
        assert topics.parse_filter(None).matches(value)
    for wanted in (value, data.decode("latin-1")):
        with suppress(ValueError):
            passes = topics.parse_filter(wanted)
            for topic in ("a", ["a", "b"], {"a": 1}, value):
                passes.matches(topic)


def fuzz_csv(data: bytes) -> None:
    """Read rows, and write those without a fault."""
    rows = [
        row.cells
        for row in csv_rows.read_rows(importer.read_lines(io.BytesIO(data)))
        if not row.fault
    ]
    written = "".join(map(csv_rows.write_row, rows))
    # A line without text is no row, and a first line may name another separator.
    lines = io.StringIO(f"first,line\r\n{written}", newline="")
    again = [row.cells for row in csv_rows.read_rows(lines)][1:]
    assert [list(map(csv_rows.unguard, row)) for row in again] == [
        row for row in rows if row != [""]
    ]


def fuzz_import(data: bytes) -> None:
    """Count the rows of a file, of CSV and of JSON Lines."""
    rules = importer.Rules("p", "n", {"w": "TRUE"}, "name", "data")
    for read in (importer.read_csv, importer.read_json_lines):
        for where in (rules, importer.Rules("p", "n"), importer.Rules("p", None, {}, None, "data")):
            with suppress(importer.BadHeader):
                rows = read(importer.read_lines(io.BytesIO(data)))
                for row in importer.count_rows(rows, where, lambda line, error: None):
                    assert (
                        fields.id_field(row.player) and fields.amount_field(row.amount) is not None
                    )
                    json.dumps(row).encode()


def fuzz_schedule(data: bytes) -> None:
    """Let seasons end by a schedule, also where clocks change."""
    with suppress(fields.RejectedInput, ValueError):
        accepted = schedule.schedule_field(fields.parse_json(data))
        assert schedule.schedule_field(accepted) == accepted
        for moment in ("2026-10-25T00:59:59Z", "2028-02-28T23:00:00Z"):
            ends = schedule.next_ends(moment, accepted, 3)
            assert moment < ends[0] < ends[1] < ends[2]
            for window in schedule.PERIODS:
                assert schedule.end_after(moment, schedule.window_schedule(accepted, window))


def fuzz_amqp(data: bytes) -> None:
    """Read a message of the broker, as a score and as a notification."""
    id, _, body = data.rpartition(b"\n")
    key = id.decode(errors="replace")
    message = Message(1, key, BasicProperties(message_id=key or None), body)
    with suppress(*INVALID):
        _, score = scores.read_score(0, message)
        assert scores.read_score(0, message)[1] == score
    with mock.patch.object(settings, "AMQP_ROUTES", ROUTES), suppress(*INVALID):
        for publication in notifications.read_notifications(message, {}):
            json.loads(publication.json)
            json.loads(notifications.build_data(message))


def fuzz_copy(data: bytes) -> None:
    """Read a copy, and one whose lines have the right hashes."""
    chain = Chain()
    objects = []
    for line in data.splitlines():
        with suppress(ValueError, RecursionError):
            record = json.loads(line)
            objects += [chain.write(record)] if isinstance(record, dict) and record else []
    for copy in (data, b"".join(objects)):
        with suppress(DamagedCopy):
            list(read_whole(io.BytesIO(copy)))


def fuzz_channel(data: bytes) -> None:
    """Read a hold channel, which a proxy names."""
    text = data.decode(errors="replace")
    for channel in (text, hold_channel("board-a", text)):
        parse_hold(channel)


def fuzz_settings(data: bytes) -> None:
    """Read a text as the value of each variable of the environment."""
    text = data.decode(errors="ignore").replace("\0", "")
    reads: dict[str, Callable[[str], object]] = {
        "GRIP_URL": env.read_proxies,
        "DATABASE_URL": lambda name: env.build_database(
            name, env.read_store_url(name, "sqlite:///a")
        ),
        "AMQP_URL": env.read_broker_url,
        "AMQP_ROUTES": env.read_routes,
        "TRUSTED_PROXIES": env.read_networks,
        "CORS_ALLOWED_ORIGINS": env.read_origins,
        "METRICS_WEB": env.read_address,
        "PUBLISH_INTERVAL": lambda name: env.read_seconds(name, 0.1, 60),
        "LISTENER_PARTS": lambda name: env.read_parts(name, 16),
        "WRITE_RATE": env.read_rate,
        "AMQP_EXCHANGE": lambda name: env.read_exchange(name, "a"),
        "SSH_TUNNEL_TARGET": lambda name: env.read_parsed(name, ssh_values.parse_target),
        "SSH_TUNNEL_KEY": lambda name: env.read_parsed(name, ssh_values.parse_private_key),
        "SSH_TUNNEL_HOST_KEY": lambda name: env.read_parsed(name, ssh_values.parse_host_keys),
        "SSH_TUNNEL_FORWARDS": lambda name: env.read_parsed(name, ssh_values.parse_forwards),
    }
    if "/" not in text:  # no files of this machine
        reads["TOKEN_KEYS"] = env.read_token_keys
    with mock.patch.dict(os.environ, dict.fromkeys(reads, text)):
        for name, read in reads.items():
            with suppress(ImproperlyConfigured):
                read(name)
    with suppress(ValueError):
        for host in parse_url(text).hosts:
            assert parse_host("the host", str(host), 1) == host


class Parser(NamedTuple):
    """A target, and inputs to begin with."""

    target: Callable[[bytes], None]
    samples: list[str]
    takes_json: bool = False  # so that each input is also a choice of JSON

    def fuzz(self, data: bytes) -> None:
        """Give the parser an input. Raises whatever is not as documented."""
        self.target(data)
        if self.takes_json:
            self.target(spell_json(data))


PARSERS: dict[str, Parser] = {
    "json": Parser(fuzz_json, ['{"a": [1e5, -0, "\\u00e9", null, true]}', '[{"a":1},{"a":2}]']),
    "fields": Parser(
        fuzz_fields,
        [
            '"name"',
            "-9007199254740991",
            "1e400",
            '{"type":"decimal","places":2,"unit":"km"}',
            '{"every":"week","on":"monday","at":"06:00","zone":"Europe/Berlin"}',
            '["day","week"]',
            '"a@example.com"',
        ],
        True,
    ),
    "cursor": Parser(fuzz_cursor, ["WzEsMiwiYSJd", '[1,2,"a"]', '["a"]', '["a","b"]'], True),
    "query": Parser(
        fuzz_query, ["ids=a,b&window=day", "embed&theme=dark&accent=e4007f&rows=3&limit=5"]
    ),
    "token": Parser(
        fuzz_token,
        ['{"scope":"play read","player":"a","boards":["b*"],"exp":9999999999}', "Bearer eyJ.eyJ.a"],
        True,
    ),
    "headers": Parser(
        fuzz_headers,
        [
            'W/"a", "b,c"',
            "text/event-stream;q=0.5, application/json",
            'wait=30, respond-async; a="b\\"c"',
            "https://game.example:443",
            "::ffff:10.0.0.1, 192.0.2.1",
        ],
    ),
    "websocket": Parser(
        fuzz_websocket, ["OPEN\r\nTEXT 5\r\nhello\r\nCLOSE 2\r\n\x03\r\n", "PING\r\n"]
    ),
    "topic": Parser(fuzz_topic, ['{"a":{"b":[1,"c"]},"d":null}', '["a","b"]', '"^a.*b$"'], True),
    "csv": Parser(fuzz_csv, ["sep=;\r\na;b\r\n1;2\r\n", 'a,b\n"x ""y""\nz",\'=1\n']),
    "import": Parser(
        fuzz_import,
        ['p,n,w,name,data\nbob,1.0,TRUE,Bob,"{""a"": 1}"\n', '{"p":"bob","n":"2","w":true}'],
        True,
    ),
    "schedule": Parser(
        fuzz_schedule,
        ['{"every":"month","on":31,"at":"02:30","zone":"Europe/Berlin"}', '"weekly"'],
        True,
    ),
    "amqp": Parser(
        fuzz_amqp, ['a.b\n{"board":"b","player":"p","amount":1,"name":"P","season":1}'], True
    ),
    "copy": Parser(
        fuzz_copy,
        ['{"kind":"copy","version":1,"id":"a","boards":"b"}\n{"kind":"end","records":0}\n'],
        True,
    ),
    "channel": Parser(fuzz_channel, ["board-a", "hold.board-a.0f.1"]),
    "settings": Parser(
        fuzz_settings,
        [
            "tcp://localhost:5561?iss=pushpin&key=base64:a2V5",
            "postgresql://user:password@host:5432/db?sslmode=verify-full",
            "rethinkdb://user:password@[::1]:28015,b/db?replicas=3&shards=1",
            "amqps://user:password@host:5671/vhost?cacertfile=ca.pem",
            "match.{board}.#=/boards/{board}/",
            "10.0.0.0/8 fe80::/10 127.0.0.1:9101",
            "user@host:22",
            "28015:db.internal:28015",
        ],
    ),
}
