"""Tokens and tickets in logs and messages are masked."""

import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from leaderboardapp.domain.masking import MASK, MaskingFormatter, mask_secrets
from leaderboardapp.web.problems import untyped_problem

claims = st.fixed_dictionaries({"scope": st.text(max_size=9), "exp": st.integers(0, 2**40)})
around = st.sampled_from(["", " ", "'", '"', "(", "?x=", "/", "\n", "…", "Bearer ", "é", ":", "&"])


def sign(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, "k" * 32, algorithm="HS256")


@hypothesis_settings(max_examples=50)
@given(claims=claims, before=around, after=around)
def test_a_token_is_masked_whatever_is_around_it(
    claims: dict[str, Any], before: str, after: str
) -> None:
    token = sign(claims)
    for text in (token, f"token={token}", f"TICKET%3D{token}", token[:45]):
        masked = mask_secrets(f"{before}{text}{after}")
        assert MASK in masked
        assert not any(part in masked for part in token.split(".") if len(part) > 8)


@pytest.mark.parametrize(
    "text",
    [
        "There is no board eyJohn.",
        "ticket: is there 2 times; it must be there once.",
        "This needs a token with the scope read, as Authorization: Bearer ...",
        "GET /boards/demo/ticket/ 200",
        "event eyJ.x of board token",
        "There is no board eyJohn-and-his-family here.",
    ],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert mask_secrets(text) == text


@hypothesis_settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from(["eyJ", "token=", "ticket%3D", "a" * 9, "…", ".", "\\", '"', " ", "&", "é"])
        | st.text(max_size=3)
    ).map("".join)
)
def test_what_is_masked_stays_as_it_is(text: str) -> None:
    masked = mask_secrets(text)
    assert mask_secrets(masked) == masked


@hypothesis_settings(max_examples=100)
@given(claims=claims, before=st.text(max_size=30), after=st.text(max_size=30))
@example(claims={}, before="eyJ", after="")
@example(claims={}, before="eyJaaaaaaaaaa token=", after="")
def test_a_token_is_found_anywhere(claims: dict[str, Any], before: str, after: str) -> None:
    token = sign(claims)
    masked = mask_secrets(before + token + after)
    assert MASK in masked
    assert not any(part in masked for part in token.split("."))


def test_a_value_is_found_after_what_is_no_token() -> None:
    assert mask_secrets("eyJaaaaaaaaaatoken=secret") == "eyJaaaaaaaaaatoken=…"


@pytest.mark.parametrize(
    "piece", ["eyJ", "eyJaaaaaaaaaa", "eyJaaaaaaaaaa.", "token=", "token", "\\"]
)
def test_masking_takes_time_by_length_alone(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))  # which would take hours if each begin were tried
    assert len(mask_secrets(text)) <= len(text)


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_line_of_json_stays_one(before: str, after: str) -> None:
    message = f'{before}"GET /?token=secret{after}" \\"ticket=x\\'
    for in_ascii in (True, False):
        line = mask_secrets(json.dumps({"message": message, "level": 1}, ensure_ascii=in_ascii))
        assert json.loads(line)["level"] == 1
        assert "secret" not in line


def test_values_that_are_no_tokens_are_masked_in_a_query_and_the_rest_is_shown() -> None:
    text = "GET /boards/b/?limit=5&token=secret&x=1 HTTP/1.1 'ticket=other'"
    masked = "GET /boards/b/?limit=5&token=…&x=1 HTTP/1.1 'ticket=…'"
    assert mask_secrets(text) == masked


def test_a_log_has_none_in_messages_arguments_and_tracebacks() -> None:
    token = sign({"exp": int(time.time())})
    formatter = MaskingFormatter(logging.Formatter("%(levelname)s %(message)s"))
    try:
        raise ValueError(f"cannot read /?token={token}")
    except ValueError as error:
        info = (ValueError, error, error.__traceback__)
        record = logging.LogRecord("x", logging.ERROR, "x", 1, "at %s", (token,), info)
    line = formatter.format(record)
    assert "ERROR at …" in line and "cannot read /?token=…" in line
    assert token.rpartition(".")[2] not in line


def test_a_problem_has_none() -> None:
    from http import HTTPStatus

    token = sign({"exp": 1})
    problem = untyped_problem(
        HTTPStatus.REQUEST_URI_TOO_LONG, f"Too long: GET /?token={token} HTTP/1.1"
    )
    assert token.encode() not in problem.content
    assert rb"Too long: GET /?token=\u2026 HTTP/1.1" in problem.content


# Run in a process of its own, because it sets up the logging of all.
OWN_LOG_CONFIGURATION = """
import json, logging, runpy, sys
from gunicorn.config import Config

class Json(logging.Formatter):
    def format(self, record):
        return json.dumps({"mine": record.getMessage()})

def handler(name, **more):
    return {"class": "logging.FileHandler", "filename": f"{sys.argv[1]}/{name}", **more}

config = Config()
config.set("logconfig_dict", {
    "formatters": {"json": {"()": Json}},
    "handlers": {
        "bare": handler("bare"), "json": handler("json", formatter="json"),
        "root": handler("root"),
    },
    "root": {"handlers": ["root"]},
    "loggers": {
        "gunicorn.error": {"handlers": ["bare", "json"], "propagate": True},
        "gunicorn.access": {"handlers": ["json"]},
    },
})
logger = runpy.run_path("gunicorn.conf.py")["Logger"](config)
logger.setup(config)  # again, as SIGHUP does
logger.error('cannot read "/?token=%s"', "secret")
logger.access_log.info("ticket=secret")
"""


def test_gunicorn_masks_in_the_handlers_and_formats_of_a_configuration_of_ones_own(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", OWN_LOG_CONFIGURATION, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": "."}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stderr
    lines = {path.name: path.read_text().splitlines() for path in tmp_path.iterdir()}
    assert lines["bare"] == lines["root"][:1] == ['cannot read "/?token=…"']
    assert [json.loads(line) for line in lines["json"]] == [
        {"mine": 'cannot read "/?token=…"'},
        {"mine": "ticket=…"},
    ]
