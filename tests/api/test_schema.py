"""Whatever docs/openapi.yaml allows, and what it does not, is answered as it says."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi import checks

from leaderboard_project.wsgi import application

schema = schemathesis.openapi.from_wsgi("/openapi.yaml", application)


@schema.parametrize()
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.usefixtures("store")
def test_every_answer_is_as_described(case: schemathesis.Case[Any]) -> None:
    # tests/api/test_reference.py asks for the methods, and test_access.py for tokens.
    excluded = [checks.unsupported_method, checks.ignored_auth]
    if "cursor" in (case.query or {}):  # one that no page gave is refused, whatever it looks like
        excluded.append(checks.positive_data_acceptance)
    case.call_and_validate(excluded_checks=excluded)
