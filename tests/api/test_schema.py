"""Whatever docs/openapi.yaml allows, and what it does not, is answered as it says."""

from typing import Any

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.specs.openapi import checks

from leaderboard_project.wsgi import application

# The cases are made up when the test runs. Each process that collects it would do so otherwise.
schema = schemathesis.pytest.from_fixture("description")


@pytest.fixture
def description() -> Any:
    return schemathesis.openapi.from_wsgi("/openapi.yaml", application)


def has_a_second_row(body: Any) -> bool:
    players = (
        [row.get("player") for row in body if isinstance(row, dict)]
        if isinstance(body, list)
        else []
    )
    return len(players) > len(set(map(str, players)))


@schema.parametrize()
@settings(max_examples=30)
@pytest.mark.usefixtures("store")
@pytest.mark.stores("sqlite")
def test_every_answer_is_as_described(case: schemathesis.Case[Any]) -> None:
    assert_as_described(case)


@schema.parametrize()
@settings(max_examples=8)
@pytest.mark.usefixtures("store")
@pytest.mark.stores("rethinkdb", "postgresql")
def test_every_answer_of_the_other_stores_is_as_described(case: schemathesis.Case[Any]) -> None:
    assert_as_described(case)


def assert_as_described(case: schemathesis.Case[Any]) -> None:
    # Other tests hold the methods (test_reference.py) and the tokens (test_auth.py) to it.
    excluded = [checks.unsupported_method, checks.ignored_auth]
    if case.path.endswith("/select/"):  # which a player may be named, too (test_reference.py)
        excluded.append(checks.allow_header_conformance)
    response = case.call()
    # A schema cannot say it: a cursor that no page gave is refused, a rank with which no page can
    # begin, a player's second row, and a score beyond the limits, or an email address where none is
    # asked for, by settings that the board has from an earlier request; how large a player's data
    # is, and how many digits numbers in it have; which time zones there are; which parameters
    # go together, and which texts are different ids; and that a WebSocket needs headers of its own.
    refusals = (
        "must stay from",
        "email: ",
        "data: must be a JSON object",
        "is a time zone of the IANA database",
        "must not be there together with ids",
        "must not be there without ids",
        "search: must not be there together with",
        "different ids with commas in between",
    )
    text = response.content.decode(errors="replace")  # a picture is none
    beyond = any(refusal in text for refusal in refusals)
    # And whether a precondition holds is the board's affair.
    is_other = response.status_code in (412, 426)
    if (
        {"cursor", "from_rank"} & {*(case.query or {})}
        or has_a_second_row(case.body)
        or beyond
        or is_other
    ):
        excluded.append(checks.positive_data_acceptance)
    if response.status_code == 426:  # whatever else is wrong with the request
        excluded.append(checks.negative_data_rejection)
    case.validate_response(response, excluded_checks=excluded)
