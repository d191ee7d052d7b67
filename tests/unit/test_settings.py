"""Settings fail loudly: the variable, its value, and the way out."""

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dotenv
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import override_settings

from leaderboardapp.web.auth import warn_of_anonymous_writes
from tests.support.programs import PROJECT, program_environment
from tests.support.store import store_at

TOKEN_KEY = f"HS256:{'A' * 44}"
GRIP_URL = "http://localhost:5561?iss=pushpin&key=base64:AAA+"
REQUIRED = {"SECRET_KEY": "a key for the tests only", "GRIP_URL": GRIP_URL}


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set the environment to these variables, with no .env."""
    with patch.dict(os.environ, {"PYTHON_DOTENV_DISABLED": "1", **variables}, clear=True):
        yield


def load_settings(**variables: str) -> dict[str, Any]:
    """Run the settings' module afresh and return its names; Django's own settings stay."""
    with environment(**{**REQUIRED, **variables}):
        return runpy.run_path(str(PROJECT / "leaderboard_project/settings.py"))


def start(program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *program.split()],
        cwd=PROJECT,
        env=program_environment(variables),
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "mysql://localhost/db", ["'mysql'", "sqlite://", "rethinkdb://"]),
        ("DATABASE_URL", "localhost/db?password=hidden", ["'localhost/db'"]),
        ("DATABASE_URL", "sqlite:", ["sqlite:///leaderboard.sqlite3"]),
        ("DATABASE_URL", "rethinkdb://localhost", ["@localhost:28015/leaderboard"]),
        ("DATABASE_URL", "rethinkdb://u:secret@localhost:abc/db", ["'localhost:abc/db'"]),
        ("DATABASE_URL", "rethinkdb://localhost:99999/db", ["'rethinkdb://localhost:99999/db'"]),
        ("DATABASE_URL", "rethinkdb://localhost?password=hidden", ["'rethinkdb://localhost' does"]),
        ("DATABASE_URL", "rethinkdb://a:1,b:0/db", ["'rethinkdb://a:1,b:0/db'", "host 2"]),
        ("DATABASE_URL", "rethinkdb://a/db?replicas=0", ["replicas is '0'", "from 1 to 64"]),
        ("DATABASE_URL", "rethinkdb://a/db?ssl_ca=/no.pem", ["/no.pem, its ssl_ca, cannot be"]),
        ("DATABASE_URL", f"rethinkdb://a/db?ssl_ca={__file__}", ["has no certificate as PEM"]),
        ("DATABASE_URL", "postgresql://localhost/db?sslmod=x", ["sslmod", "sslmode=verify-full"]),
        ("GRIP_URL", "localhost:5561", ["'localhost:5561'", "tcp://localhost:5561?iss="]),
        ("GRIP_URL", "http://localhost:5561", ["without a key"]),
        ("GRIP_URL", "tcp://localhost:5561", ["without a key"]),
        ("GRIP_URL", "tcp://localhost?key=k", ["'tcp://localhost'", "tcp://host:port"]),
        ("GRIP_URL", "tcp://:5561?key=k", ["tcp://host:port"]),
        ("GRIP_URL", "tcp://localhost:0?key=k", ["tcp://host:port"]),
        ("GRIP_URL", "tcp://localhost:99999?key=k", ["tcp://host:port"]),
        ("GRIP_URL", "udp://localhost:5561?key=k", ["tcp://host:port"]),
        ("GRIP_URL", f"{GRIP_URL} http://other:5561", ["'http://other:5561'"]),
        ("LOCAL_HTTP_PORT", "65536", ["'65536'", "from 1 to 65535"]),
        ("LOCAL_WEB_PORT", "tcp://10.0.0.1:80", ["'tcp://10.0.0.1:80'", "1 to 65535"]),
        ("DEBUG", "yes", ["'yes'", "0 or 1"]),
        ("CORS_ALLOWED_ORIGINS", "https://a.example b.example", ["'b.example'", "https://game"]),
        ("CORS_ALLOWED_ORIGINS", "https://a.example/", ["'https://a.example/'"]),
        ("ALLOW_ANONYMOUS_WRITES", "no", ["'no'", "0 or 1"]),
        ("TOKEN_KEYS", "secret", ["entry 1", "HS256:", "EdDSA:/path"]),
        ("TOKEN_KEYS", f"{TOKEN_KEY} HS256:c2hvcnQ=", ["entry 2", "shorter than 32 bytes"]),
        ("TOKEN_KEYS", "ES256:/nowhere.pem", ["entry 1", "/nowhere.pem"]),
        ("TOKEN_KEYS", f"ES256:{PROJECT / 'README.md'}", ["entry 1", "ES256:/path"]),
        ("WRITE_RATE", "fast", ["'fast'", "writes per second", "or to 0"]),
        ("WRITE_RATE", "-1", ["'-1'"]),
        ("WRITE_RATE", "0.0001", ["'0.0001'", "from 0.001 to 1000000"]),
        ("WRITE_RATE", "nan", ["'nan'"]),
        ("TRUSTED_PROXIES", "10.0.0.0/8 nginx", ["'nginx'", "127.0.0.1", "10.0.0.0/8"]),
        ("TRUSTED_PROXIES", "10.0.0.1/8", ["'10.0.0.1/8'"]),
        ("PUBLISH_INTERVAL", "fast", ["'fast'", "seconds from 0 to 60"]),
        ("PUBLISH_INTERVAL", "-1", ["'-1'"]),
        ("PUBLISH_INTERVAL", "nan", ["'nan'"]),
        ("METRICS_WEB", "9101", ["'9101'", "127.0.0.1:9101"]),
        ("METRICS_WEB", "127.0.0.1", ["'127.0.0.1'"]),
        ("METRICS_WEB", "127.0.0.1:99999", ["'127.0.0.1:99999'"]),
        ("METRICS_WEB", "127.0.0.1:0", ["'127.0.0.1:0'"]),
        ("METRICS_WEB", "http://127.0.0.1:9101", ["'http://127.0.0.1:9101'"]),
        ("METRICS_WEB", "127.0.0.1:9101/metrics", ["'127.0.0.1:9101/metrics'"]),
        ("METRICS_LISTENER", "127.0.0.1:9101 127.0.0.1:9102", ["more than one", "write one"]),
        ("METRICS_PUSHPIN", "127.0.0.1:9103,127.0.0.1:9104", ["separated by spaces"]),
        ("REQUEST_LOG", "JSON", ["'JSON'", "text or json", "nothing"]),
        ("AMQP_URL", "http://localhost", ["'http://localhost'", "amqp://user:password@host:5672"]),
        ("AMQP_URL", "amqp://u:secret@localhost:abc", ["'localhost:abc'", "amqps://"]),
        ("AMQP_URL", "amqps://localhost?verify=none", ["'amqps://localhost'", "?cacertfile="]),
        ("CLOUDAMQP_URL", "cloud", ["'cloud'", "amqps://"]),
        ("AMQP_EXCHANGE", "a b", ["'a b'", "1 to 127"]),
        ("AMQP_ROUTES", "a=/events/a/ b=/b/", ["'b=/b/'", "invoice.*=/events/invoices/"]),
        ("AMQP_ROUTES", "a=/events/{b}/", ["a {name} that the pattern has not"]),
    ],
)
def test_a_bad_value_is_refused_with_one_line(name: str, value: str, said: list[str]) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        load_settings(**{name: value})
    message = str(refused.value)
    assert len(message.splitlines()) == 1
    for text in (name, *said):
        assert text in message


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("variables", [{}, {"SECRET_KEY": "", "GRIP_URL": ""}])
def test_what_has_no_default_is_asked_for(name: str, variables: dict[str, str]) -> None:
    others = {other: value for other, value in REQUIRED.items() if other != name}
    with environment(**{**variables, **others}), pytest.raises(ImproperlyConfigured) as refused:
        runpy.run_path(str(PROJECT / "leaderboard_project/settings.py"))
    assert str(refused.value) == (
        f"{name} is not set. Set it in the environment or in .env; .env.example shows how, and "
        "script/bootstrap writes a .env with fresh keys."
    )


@pytest.mark.processes
@pytest.mark.parametrize("program", ["manage.py", "dblistener.py", "amqplistener.py"])
def test_a_bad_value_stops_the_start_with_one_line(program: str) -> None:
    done = start(f"{program} check" if program == "manage.py" else program, DEBUG="yes")
    assert done.returncode == 1
    assert done.stderr == f"{program}: DEBUG='yes' is not a switch: set it to 0 or 1.\n"


@pytest.mark.processes
def test_a_bad_value_stops_the_start_of_the_web_server() -> None:
    """gunicorn logs the failure of its worker in its own way, with a traceback."""
    done = start("-m gunicorn --bind 127.0.0.1:0 leaderboard_project.wsgi", DEBUG="yes")
    assert done.returncode == 3
    assert "DEBUG='yes' is not a switch: set it to 0 or 1." in done.stderr.splitlines()


@pytest.mark.parametrize(("value", "rate"), [("", 0.0), ("0", 0.0), ("0.5", 0.5), ("20", 20.0)])
def test_writes_are_limited_where_a_rate_is_set(value: str, rate: float) -> None:
    assert load_settings(WRITE_RATE=value)["WRITE_RATE"] == rate


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("", None),
        ("127.0.0.1:9101", ("127.0.0.1", 9101)),
        ("[::1]:9101", ("::1", 9101)),
        ("metrics.internal:9101", ("metrics.internal", 9101)),
    ],
)
def test_metrics_are_served_where_an_address_is_set(
    value: str, address: tuple[str, int] | None
) -> None:
    loaded = load_settings(METRICS_WEB=value)
    assert loaded["METRICS_WEB"] == address
    measuring = "leaderboardapp.web.measuring.MetricsMiddleware" in loaded["MIDDLEWARE"]
    assert measuring == (address is not None)


@pytest.mark.processes
def test_certificates_that_cannot_be_read_stop_the_worker_with_one_line() -> None:
    """In a process of its own: the worker has its settings by then, and still prints one line."""
    done = start("amqplistener.py", AMQP_URL="amqps://localhost?cacertfile=/nowhere.pem")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "AMQP_URL" in line and "/nowhere.pem" in line


def test_a_store_that_is_not_there_is_told_by_ensure_store() -> None:
    with store_at("rethinkdb://127.0.0.1:9/db"), pytest.raises(CommandError) as failed:
        call_command("ensure_store")
    assert failed.value.returncode == 1
    assert "127.0.0.1:9" in str(failed.value) and "DATABASE_URL" in str(failed.value)


def test_a_token_key_is_one_for_its_algorithm(tmp_path: Path) -> None:
    pem = tmp_path / "key.pem"
    keys = [ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP256R1())]
    for key, ok in zip(keys, (False, True), strict=True):
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        pem.write_bytes(public)
        if ok:
            assert load_settings(TOKEN_KEYS=f"ES256:{pem}")["TOKEN_KEYS"] == [
                ("ES256", public.decode())
            ]
        else:
            with pytest.raises(ImproperlyConfigured, match="another algorithm"):
                load_settings(TOKEN_KEYS=f"ES256:{pem}")
        with pytest.raises(ImproperlyConfigured):
            load_settings(TOKEN_KEYS=f"EdDSA:{pem}")


def test_a_token_key_without_its_algorithm_is_not_shown() -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        load_settings(TOKEN_KEYS=TOKEN_KEY.partition(":")[2])
    assert "entry 1 (an unknown algorithm)" in str(refused.value)
    assert "AAA" not in str(refused.value)


def test_a_token_key_on_a_curve_that_is_not_supported_is_refused(tmp_path: Path) -> None:
    pem = tmp_path / "key.pem"  # on secp112r1
    pem.write_text(
        "-----BEGIN PUBLIC KEY-----\n"
        "MDIwEAYHKoZIzj0CAQYFK4EEAAYDHgAEKbucF7SoBt4fjhN9QgIn22kjkJ9XCjwn9Sa+Ww==\n"
        "-----END PUBLIC KEY-----\n"
    )
    with pytest.raises(ImproperlyConfigured, match=r"entry 1 \(.*not supported"):
        load_settings(TOKEN_KEYS=f"ES256:{pem}")


@pytest.mark.parametrize(("anonymous", "debug"), [("1", "0"), ("1", "1"), ("0", "0")])
def test_anonymous_writes_outside_debugging_are_warned_of(
    anonymous: str, debug: str, caplog: pytest.LogCaptureFixture
) -> None:
    loaded = load_settings(ALLOW_ANONYMOUS_WRITES=anonymous, DEBUG=debug)
    names = ("ALLOW_ANONYMOUS_WRITES", "DEBUG")
    with override_settings(**{name: loaded[name] for name in names}):
        warn_of_anonymous_writes()
    warned = "ALLOW_ANONYMOUS_WRITES=1" in caplog.text
    assert warned == (anonymous == "1" and debug == "0")


def test_an_empty_variable_counts_as_unset() -> None:
    names = set(re.findall(r"^([A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.M))
    empty = load_settings(**dict.fromkeys(names - {*REQUIRED}, ""))
    unset = load_settings()
    assert {name: empty[name] for name in empty if name.isupper()} == {
        name: unset[name] for name in unset if name.isupper()
    }


def test_the_environment_overrules_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text('export WRITE_RATE=5  # a comment\nAMQP_EXCHANGE="from.the:file"\nDEBUG=1\n')
    load = dotenv.load_dotenv
    monkeypatch.setattr(dotenv, "load_dotenv", lambda _, **options: load(file, **options))
    loaded = load_settings(PYTHON_DOTENV_DISABLED="0", WRITE_RATE="7", DEBUG="")
    assert (loaded["WRITE_RATE"], loaded["AMQP_EXCHANGE"]) == (7, "from.the:file")
    assert loaded["DEBUG"] is False  # empty, and there: the file has no say


def test_a_hosters_broker_is_taken_where_there_is_no_other() -> None:
    hosted = "amqps://u:p@hosted/vhost"
    assert load_settings()["AMQP_URL"] == ""
    assert load_settings(CLOUDAMQP_URL=hosted)["AMQP_URL"] == hosted
    ours = load_settings(AMQP_URL="amqp://ours", CLOUDAMQP_URL="not looked at")
    assert ours["AMQP_URL"] == "amqp://ours"


def test_several_proxies_stand_between_spaces() -> None:
    others = "http://other:5571/path?key=k tcp://[::1]:5571?key=l"
    assert load_settings(GRIP_URL=f"  {GRIP_URL}\n {others} ")["GRIP_PROXIES"] == [
        {"control_uri": "http://localhost:5561", "control_iss": "pushpin", "key": b"\0\0>"},
        {"control_uri": "http://other:5571/path", "key": "k"},
        {"control_uri": "tcp://[::1]:5571", "key": "l"},
    ]


def test_every_variable_is_in_the_example_and_the_documentation() -> None:
    source = (PROJECT / "leaderboard_project/settings.py").read_text()
    read = set(re.findall(r'env\.read_\w+\(\s*"([A-Z_]+)"', source))
    example = set(re.findall(r"^([A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.M))
    compose = set(re.findall(r"\$\{([A-Z_]+)", (PROJECT / "compose.yaml").read_text()))
    assert read | compose == example
    documentation = (PROJECT / "docs/configuration.md").read_text()
    assert all(f"`{name}`" in documentation for name in read)
    interval = re.search(r"^PUBLISH_INTERVAL=(.+)$", (PROJECT / ".env.example").read_text(), re.M)
    assert interval and f'read_seconds("PUBLISH_INTERVAL", {interval[1]}' in source
    assert f"| `PUBLISH_INTERVAL` | `{interval[1]}` |" in documentation
