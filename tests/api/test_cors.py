"""Pages of other origins."""

from collections.abc import Iterator

import pytest
from django.test import override_settings

from tests.api.conftest import Send

# No store changes what is shown here.
pytestmark = pytest.mark.stores("sqlite")

GAME = "https://game.example"


@pytest.fixture
def allowed() -> Iterator[None]:
    with override_settings(CORS_ALLOWED_ORIGINS=[GAME]):
        yield


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_page_of_an_allowed_origin_may_read(
    send: Send, board: str, grip_sig: str, accept: str
) -> None:
    response = send("GET", board, origin=GAME, accept=accept, grip_sig=grip_sig)
    assert response["Access-Control-Allow-Origin"] == GAME
    assert "etag" in response["Access-Control-Expose-Headers"]
    refused = send("GET", board, origin="https://other.example")
    assert "Access-Control-Allow-Origin" not in refused


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_page_of_an_allowed_origin_may_write(send: Send, alice: str, method: str) -> None:
    response = send(
        "OPTIONS",
        alice,
        origin=GAME,
        access_control_request_method=method,
        access_control_request_headers="authorization, content-type, if-match, idempotency-key",
    )
    assert response.status_code == 200
    assert method in response["Access-Control-Allow-Methods"]
    for header in ("authorization", "content-type", "idempotency-key", "if-match", "prefer"):
        assert header in response["Access-Control-Allow-Headers"]


def test_nobody_is_allowed_unless_the_setting_says_so(send: Send, board: str) -> None:
    assert "Access-Control-Allow-Origin" not in send("GET", board, origin=GAME)
    with override_settings(CORS_ALLOW_ALL_ORIGINS=True):
        assert send("GET", board, origin=GAME)["Access-Control-Allow-Origin"] == "*"
