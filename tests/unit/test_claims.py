"""Claims of tokens: whatever they are, they give the rights that they name, or none."""

import json
import re
import time
from typing import Any

import jwt
from django.test import RequestFactory
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leaderboardapp.domain.types import ID_PATTERN
from leaderboardapp.web import auth
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.tickets import CLOCK_DIFFERENCE_SECONDS

SECRET = b"k" * 32
TEXTS = st.one_of(st.text(), st.sampled_from(["alice", "*", "a" * 5000, "a b", "\ud800", "Ä"]))
NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from([10**400, -(10**400), 1e308]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=5,
)
SCOPES = st.lists(st.sampled_from([*auth.SCOPES, "PLAY", "play,write", "root", ""])).map(" ".join)
CLAIMS = st.fixed_dictionaries(
    {"scope": st.one_of(SCOPES, SCOPES, VALUES)},
    optional={
        "exp": st.one_of(st.just(2**40), st.just(2**40), VALUES),
        "player": st.one_of(st.from_regex(ID_PATTERN, fullmatch=True), VALUES),
        "boards": st.one_of(st.lists(st.sampled_from(["a", "b*", "*"])), VALUES),
        "iat": VALUES,
        "nbf": VALUES,
        "sub": VALUES,
        "aud": VALUES,
        "iss": VALUES,
        "jti": VALUES,
    },
)


def read_grant(claims: Any) -> auth.Grant:
    # PyJWT's own encode() refuses some claims, which others may sign.
    payload = json.dumps(claims).encode()
    token = jwt.api_jws.encode(payload, SECRET, algorithm="HS256")
    request = RequestFactory().post("/", headers={"authorization": f"Bearer {token}"})
    return auth.read_grant(request)


@settings(max_examples=150, deadline=None)
@given(st.one_of(CLAIMS, CLAIMS, CLAIMS, VALUES))
@example({"scope": "play", "player": "alice", "exp": 2**40})
@example({"scope": "admin", "boards": [["a"]], "exp": 2**40})
@example({"scope": "read", "exp": 10**400})
def test_claims_give_what_they_say_or_the_token_is_not_valid(claims: Any) -> None:
    try:
        grant = read_grant(claims)
    except Problem as problem:
        assert problem.kind is ProblemKind.INVALID_TOKEN
        assert len(problem.detail) < 300 and problem.detail.isprintable()
        return
    names = claims["scope"].split()
    assert int(claims["exp"]) > time.time() - CLOCK_DIFFERENCE_SECONDS - 1
    assert ("admin" in grant.scopes) == ("admin" in names)
    assert ("write" in grant.scopes) == bool({"admin", "write"} & {*names})
    assert ("play" in grant.scopes) == ("play" in names)
    assert ("read" in grant.scopes) == bool(set(auth.SCOPES) & {*names})
    assert grant.scopes <= set(auth.SCOPES)
    if "play" in names:
        assert grant.player == claims["player"] and re.fullmatch(ID_PATTERN, claims["player"])
    else:
        assert grant.player is None
    boards = claims.get("boards")
    assert grant.boards == (None if boards is None else {*boards})
    assert grant.allows("read", "a") == (
        "read" in grant.scopes and (boards is None or bool({"a", "a*", "*"} & {*boards}))
    )
