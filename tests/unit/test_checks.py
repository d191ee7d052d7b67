"""`manage.py check --deploy`: nothing to say of production settings, and the way out of others."""

import base64
import subprocess
import sys
from typing import Any

import pytest
from django.core.checks import Tags, run_checks
from django.test import override_settings

from leaderboard_project.proxy_urls import parse_proxy
from tests.support import fastly
from tests.support.programs import PROJECT, program_environment

SECRET, OTHER = bytes(range(32)), bytes(range(32, 64))
TEXT = base64.b64encode(SECRET).decode()
PRODUCTION: dict[str, Any] = {
    "DEBUG": False,
    "SECRET_KEY": "50 characters and more, of which hardly any are the same",
    "ALLOW_ANONYMOUS_WRITES": False,
    "WRITE_RATE": 10.0,
    "TOKEN_KEYS": [("HS256", SECRET), ("EdDSA", "a public key")],
    "GRIP_PROXIES": 2 * [{"control_uri": "tcp://localhost:5561", "key": OTHER}],
}


def warnings_of(**changes: Any) -> list[tuple[str, str, str]]:
    """Return id, what is wrong and the way out of what production settings, so changed, are
    warned of."""
    with override_settings(**{**PRODUCTION, **changes}):
        found = run_checks(include_deployment_checks=True)
    return [
        (warning.id or "", warning.msg, warning.hint or "")
        for warning in found
        if not warning.is_silenced()
    ]


def proxies(**keys: object) -> dict[str, object]:
    return {"GRIP_PROXIES": [{"control_uri": "tcp://localhost:5561", **keys}]}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"GRIP_PROXIES": [parse_proxy(fastly.GRIP_URL)]},
        proxies(key="sent as it is", verify_key=OTHER),
        proxies(key=OTHER.hex()),
    ],
)
def test_production_settings_are_warned_of_nothing(changes: dict[str, Any]) -> None:
    assert warnings_of(**changes) == []


@pytest.mark.parametrize(
    ("changes", "id", "said", "way_out"),
    [
        ({"DEBUG": True}, "leaderboard.W001", "DEBUG=1", "DEBUG=0"),
        ({"ALLOW_ANONYMOUS_WRITES": True}, "leaderboard.W002", "anybody", "TOKEN_KEYS"),
        ({"WRITE_RATE": 0.0}, "leaderboard.W003", "WRITE_RATE", "writes per second"),
        ({"TOKEN_KEYS": [("HS256", b"k" * 32)]}, "leaderboard.W004", "TOKEN_KEYS", "openssl rand"),
        (proxies(key="changeme"), "leaderboard.W004", "GRIP_URL", "openssl rand"),
        (proxies(key=OTHER, verify_key=b"short"), "leaderboard.W004", "GRIP_URL", "openssl rand"),
        (proxies(key=SECRET), "leaderboard.W005", "TOKEN_KEYS", "openssl rand"),
        ({"SECRET_KEY": "short"}, "security.W009", "SECRET_KEY", ""),
    ],
)
def test_what_is_wrong_is_named_with_the_way_out(
    changes: dict[str, Any], id: str, said: str, way_out: str
) -> None:
    [warning] = warnings_of(**changes)
    assert warning[0] == id
    assert said in warning[1]
    assert way_out in warning[2]
    assert "changeme" not in str(warning)


def test_a_local_run_is_not_warned() -> None:
    with override_settings(**{**PRODUCTION, "DEBUG": True, "WRITE_RATE": 0.0}):
        assert run_checks(tags=[Tags.security]) == []


@pytest.mark.processes
def test_the_command_is_content_with_production_and_fails_otherwise() -> None:
    variables = {
        "SECRET_KEY": PRODUCTION["SECRET_KEY"],
        "GRIP_URL": f"tcp://localhost:5561?iss=pushpin&key=base64:{base64.b64encode(OTHER).decode()}",
        "TOKEN_KEYS": f"HS256:{TEXT}",
        "ALLOW_ANONYMOUS_WRITES": "0",
        "WRITE_RATE": "10",
    }
    good, bad = check(variables), check({**variables, "ALLOW_ANONYMOUS_WRITES": "1"})
    assert good.returncode == 0, good.stderr
    assert bad.returncode == 1
    assert "(leaderboard.W002) ALLOW_ANONYMOUS_WRITES=1" in bad.stderr


def check(variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=PROJECT,
        env=program_environment(variables),
        capture_output=True,
        text=True,
        timeout=30,
    )
