"""leaderboard_client.conformance on the local stack of each store, which passes."""

import pytest

from leaderboard_client.conformance.__main__ import PASSED, main
from leaderboard_client.conformance.checks import CHECKS
from tests.e2e.faulty_front import FaultyFront
from tests.e2e.viewers import Api
from tests.support.stack import Stack

# Of the proxy alone, and they take 20 s.
QUIET = "quiet"


def test_the_local_stack_passes(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    is_first_store = stack.env["DATABASE_URL"].startswith("sqlite:")
    names = [check.name for check in CHECKS if check.group != QUIET or is_first_store]
    with FaultyFront(stack.port, stack.ws_port) as front:
        url = f"http://localhost:{front.port}"
        status = main([url, "--patience", "30", "--storm", "20", "--only", *names])
        boards = Api(front.port)("GET", "/boards/?limit=100").json["boards"]
    output = capsys.readouterr().out
    assert status == PASSED, output
    assert " 0 failed, 2 left out" in output, "without a token, and without --origin"
    assert "20 viewers: opened in" in output
    assert not [board["id"] for board in boards if board["id"].startswith("conformance-")]
