"""Tokens and tickets in logs and messages are masked."""

import logging
import time
from typing import Any

import jwt
import pytest
from hypothesis import given
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
    ],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert mask_secrets(text) == text


def test_values_that_are_no_tokens_are_masked_in_a_query_and_the_rest_is_shown() -> None:
    text = "GET /boards/b/?limit=5&token=secret&x=1 HTTP/1.1 'ticket=other'"
    masked = "GET /boards/b/?limit=5&token=…&x=1 HTTP/1.1 'ticket=…'"
    assert mask_secrets(text) == masked


def test_a_log_has_none_in_messages_arguments_and_tracebacks() -> None:
    token = sign({"exp": int(time.time())})
    formatter = MaskingFormatter("%(levelname)s %(message)s")
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
