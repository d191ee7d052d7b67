"""Settings fail loudly: the variable, its value, and the way out."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.processes import PROJECT

TOKEN_KEY = f"HS256:{'A' * 44}"
GRIP_URL = "http://localhost:5561?iss=pushpin&key=base64:AAA+"


def start(program: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *program.split()],
        cwd=PROJECT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "mysql://localhost/db", ["'mysql'", "sqlite://", "rethinkdb://"]),
        ("DATABASE_URL", "sqlite:", ["sqlite:///leaderboard.sqlite3"]),
        ("DATABASE_URL", "rethinkdb://localhost", ["@localhost:28015/leaderboard"]),
        ("DATABASE_URL", "rethinkdb://u:secret@localhost:abc/db", ["'localhost:abc/db'"]),
        ("DATABASE_URL", "rethinkdb://localhost:99999/db", ["'rethinkdb://localhost:99999/db'"]),
        ("DATABASE_URL", "rethinkdb://localhost?password=hidden", ["'rethinkdb://localhost' does"]),
        ("DATABASE_URL", "postgresql://localhost/db?sslmod=x", ["sslmod", "sslmode=verify-full"]),
        ("GRIP_URL", "localhost:5561", ["'localhost:5561'", "http://localhost:5561?iss="]),
        ("GRIP_URL", "http://localhost:5561", ["without a key"]),
        ("GRIP_URL", f"{GRIP_URL} http://other:5561", ["'http://other:5561'"]),
        ("DEBUG", "yes", ["'yes'", "0 or 1"]),
        ("CORS_ALLOWED_ORIGINS", "https://a.example b.example", ["'b.example'", "https://game"]),
        ("CORS_ALLOWED_ORIGINS", "https://a.example/", ["'https://a.example/'"]),
        ("ALLOW_ANONYMOUS_WRITES", "no", ["'no'", "0 or 1"]),
        ("TOKEN_KEYS", "secret", ["entry 1", "HS256:", "EdDSA:/path"]),
        ("TOKEN_KEYS", f"{TOKEN_KEY} HS256:c2hvcnQ=", ["entry 2", "shorter than 32 bytes"]),
        ("TOKEN_KEYS", "ES256:/nowhere.pem", ["entry 1", "/nowhere.pem"]),
        ("TOKEN_KEYS", "ES256:README.md", ["entry 1", "ES256:/path"]),
        ("WRITE_RATE", "fast", ["'fast'", "writes per second", "or to 0"]),
        ("WRITE_RATE", "-1", ["'-1'"]),
        ("WRITE_RATE", "0.0001", ["'0.0001'", "from 0.001 to 1000000"]),
        ("WRITE_RATE", "nan", ["'nan'"]),
        ("PUBLISH_INTERVAL", "fast", ["'fast'", "seconds from 0 to 60"]),
        ("PUBLISH_INTERVAL", "-1", ["'-1'"]),
        ("PUBLISH_INTERVAL", "nan", ["'nan'"]),
        ("AMQP_URL", "http://localhost", ["'http://localhost'", "amqp://user:password@host:5672"]),
        ("AMQP_URL", "amqp://u:secret@localhost:abc", ["'localhost:abc'", "amqps://"]),
        ("AMQP_URL", "amqps://localhost?verify=none", ["'amqps://localhost'", "?cacertfile="]),
        ("CLOUDAMQP_URL", "cloud", ["'cloud'", "amqps://"]),
        ("AMQP_EXCHANGE", "a b", ["'a b'", "1 to 127"]),
        ("AMQP_ROUTES", "a=/events/a/ b=/b/", ["'b=/b/'", "invoice.*=/events/invoices/"]),
        ("AMQP_ROUTES", "a=/events/{b}/", ["a {name} that the pattern has not"]),
    ],
)
@pytest.mark.parametrize("program", ["manage.py check", "dblistener.py", "amqplistener.py"])
def test_a_bad_value_stops_the_start_with_one_line(
    program: str, name: str, value: str, said: list[str]
) -> None:
    done = start(program, **{name: value})
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    for text in (name, *said):
        assert text in done.stderr


@pytest.mark.parametrize(("value", "rate"), [("", 0.0), ("0", 0.0), ("0.5", 0.5), ("20", 20.0)])
def test_writes_are_limited_where_a_rate_is_set(value: str, rate: float) -> None:
    done = start("manage.py diffsettings", WRITE_RATE=value)
    assert f"WRITE_RATE = {rate} " in done.stdout


def test_certificates_that_cannot_be_read_stop_the_worker_with_one_line() -> None:
    done = start("amqplistener.py", AMQP_URL="amqps://localhost?cacertfile=/nowhere.pem")
    assert done.returncode == 1
    [line] = (line for line in done.stderr.splitlines() if "ALLOW_ANONYMOUS_WRITES" not in line)
    assert "AMQP_URL" in line and "/nowhere.pem" in line


def test_a_store_that_is_not_there_is_told_by_ensure_store() -> None:
    done = start("manage.py ensure_store", DATABASE_URL="rethinkdb://127.0.0.1:9/db")
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr and "DATABASE_URL" in done.stderr


def test_a_token_key_is_one_for_its_algorithm(tmp_path: Path) -> None:
    pem = tmp_path / "key.pem"
    keys = [ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP256R1())]
    for key, ok in zip(keys, (False, True), strict=True):
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        pem.write_bytes(public)
        done = start("manage.py check", TOKEN_KEYS=f"ES256:{pem}")
        assert (done.returncode == 0) == ok, done.stderr
        assert ok or "another algorithm" in done.stderr
        assert start("manage.py check", TOKEN_KEYS=f"EdDSA:{pem}").returncode == 1


@pytest.mark.parametrize(("anonymous", "debug"), [("1", "0"), ("1", "1"), ("0", "0")])
def test_anonymous_writes_outside_debugging_are_warned_of(anonymous: str, debug: str) -> None:
    done = start("manage.py check", ALLOW_ANONYMOUS_WRITES=anonymous, DEBUG=debug)
    warned = "ALLOW_ANONYMOUS_WRITES=1" in done.stderr
    assert warned == (anonymous == "1" and debug == "0")


def test_every_variable_is_in_the_example_and_the_readme() -> None:
    source = (PROJECT / "leaderboard_project/settings.py").read_text()
    read = set(re.findall(r'env\.read_\w+\(\s*"([A-Z_]+)"', source))
    example = set(re.findall(r"^([A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.M))
    assert read == example
    readme = (PROJECT / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in read)
    interval = re.search(r"^PUBLISH_INTERVAL=(.+)$", (PROJECT / ".env.example").read_text(), re.M)
    assert interval and f'read_seconds("PUBLISH_INTERVAL", {interval[1]}' in source
    assert f"| `PUBLISH_INTERVAL` | `{interval[1]}` |" in readme
