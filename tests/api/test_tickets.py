"""Tickets: one reads a private board once, in place of a token in the URL."""

import string
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.test import override_settings
from gripcontrol import WebSocketEvent
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from leaderboardapp.stores.base import Store
from leaderboardapp.web import tickets
from tests.api.conftest import Response, Send, SendEvents, assert_problem, decode_events
from tests.api.test_auth import SECRET, bearer

OPEN = WebSocketEvent("OPEN")
READS = ["", "players/", "players/alice/", "players/alice/around/", "seasons/"]


@pytest.fixture
def private(send: Send, board: str, alice: str) -> Iterator[str]:
    """The path of a private board, where nobody writes without a token."""
    assert send("PATCH", board, {"private": True}).status_code == 200
    with override_settings(ALLOW_ANONYMOUS_WRITES=False):
        yield board


def make_ticket(send: Send, board: str, **claims: Any) -> str:
    answer = send("POST", f"{board}ticket/", **bearer(**{"scope": "read", **claims}))
    assert answer.status_code == 200, answer.content
    return str(answer.json()["ticket"])


def assert_refused(answer: Response, *mentioned: str) -> None:
    problem = assert_problem(answer, 401, *mentioned)
    assert problem["type"] == "/docs/problems/#invalid-ticket"
    assert answer["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert answer["Cache-Control"] == "private, no-store"


def sign(key: str | None = None, **changes: Any) -> str:
    """Return a ticket with other claims, or signed with another key."""
    now = int(time.time())
    claims = {"iat": now, "exp": now + 60, "jti": "x" * 22, "board": "b", "token_exp": now + 60}
    claims = {**claims, **changes}
    secret = key or tickets._get_key(settings.SECRET_KEY)
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, secret, "HS256")


def test_the_answer_is_a_ticket_that_nobody_keeps(send: Send, private: str) -> None:
    answer = send("POST", f"{private}ticket/", **bearer(scope="read"))
    assert answer.status_code == 200
    assert set(answer.json()) == {"ticket", "expires_in"}
    assert answer.json()["expires_in"] == 60
    assert answer["Cache-Control"] == "private, no-store"
    first, second = make_ticket(send, private), make_ticket(send, private)
    assert first != second


def test_a_ticket_does_not_outlast_its_token(send: Send, private: str) -> None:
    soon = int(time.time()) + 20
    answer = send("POST", f"{private}ticket/", **bearer(scope="read", exp=soon))
    assert answer.json()["expires_in"] in (19, 20)
    never = send("POST", f"{private}ticket/", **bearer(scope="read", exp=10**400)).json()
    assert never["expires_in"] == 60 and len(never["ticket"]) < 400
    assert send("GET", f"{private}?ticket={never['ticket']}").status_code == 200
    late = send("POST", f"{private}ticket/", **bearer(scope="read", exp=int(time.time()) - 5))
    assert late.json()["expires_in"] == 0, "a token is accepted ten seconds longer"


@pytest.mark.parametrize("rest", READS)
def test_a_ticket_reads_once(send: Send, private: str, rest: str) -> None:
    path = f"{private}{rest}?ticket={make_ticket(send, private)}"
    answer = send("GET", path)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-store"
    assert_refused(send("GET", path), "used before")


def test_a_ticket_reads_and_does_no_more(send: Send, private: str, store: Store) -> None:
    admin = {"scope": "admin"}
    path = f"{private}players/?hidden=true&ticket={make_ticket(send, private, **admin)}"
    assert_problem(send("GET", path), 401, "write")
    ticket = make_ticket(send, private, **admin)
    assert send("DELETE", f"{private}?ticket={ticket}").status_code == 401
    assert_problem(send("POST", f"{private}ticket/?ticket={ticket}"), 422, "ticket: not known")
    assert_problem(send("POST", f"{private}ticket/"), 401, "needs a token")
    header = {"authorization": f"Bearer {ticket}"}
    assert_problem(send("GET", private, **header), 401, "token is not valid")
    assert send("GET", f"{private}?ticket={ticket}").status_code == 200, "it was not used up"


def test_a_stream_is_held_once_and_until_its_token_has_expired(
    send: Send, private: str, board_id: str, grip_sig: str
) -> None:
    def stream(query: str) -> Response:
        return send("GET", private + query, accept="text/event-stream", grip_sig=grip_sig)

    ticket = make_ticket(send, private)
    answer = stream(f"?ticket={ticket}")
    assert answer["Grip-Hold"] == "stream"
    board, expiry = answer["Grip-Channel"].split(", ")
    assert board == f"board-{board_id}.private"
    assert expiry.startswith("expires-")
    assert_refused(stream(f"?ticket={ticket}"), "used before")


def test_a_websocket_is_opened_once_and_its_later_events_need_no_ticket(
    send: Send, send_events: SendEvents, private: str
) -> None:
    path = f"{private}ws/?ticket={make_ticket(send, private)}"
    events = decode_events(send_events(path, OPEN))
    assert [kind for kind, _ in events] == ["OPEN", *["TEXT"] * 4]
    assert events[-1][1].startswith(b'm:{"event":"update"')
    ping = WebSocketEvent("TEXT", b'{"event":"ping"}')
    for _ in range(2):
        assert decode_events(send_events(path, ping)) == [("TEXT", b'm:{"event":"pong"}')]
    assert decode_events(send_events(path, OPEN))[-1] == ("CLOSE", (4401).to_bytes(2))


def test_another_boards_ticket_is_refused_and_not_used_up(
    send: Send, private: str, store: Store
) -> None:
    store.create_board({"id": f"{private[8:-1]}-2", "private": True})
    ticket = make_ticket(send, private)
    assert_refused(send("GET", f"{private[:-1]}-2/?ticket={ticket}"), "another board")
    assert send("GET", f"{private}?ticket={ticket}").status_code == 200


def test_an_expired_ticket_is_refused(send: Send, private: str, board_id: str) -> None:
    now = int(time.time())
    for made, accepted in ((now - 75, False), (now - 65, True), (now + 5, True), (now + 30, False)):
        ticket = sign(board=board_id, iat=made, exp=made + 60, jti=f"{board_id}-{made}")
        answer = send("GET", f"{private}?ticket={ticket}")
        if accepted:  # clocks may differ by ten seconds
            assert answer.status_code == 200
        else:
            assert_refused(answer)
    expired = sign(board=board_id, iat=now - 90, exp=now - 30)
    assert_refused(send("GET", f"{private}?ticket={expired}"), "it has expired")


def test_a_forged_ticket_is_refused_before_the_store_is_asked(
    send: Send, private: str, board_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = make_ticket(send, private)
    claims, other = genuine.split(".")[1], make_ticket(send, private).split(".")
    forged = [
        sign(SECRET.decode(), board=board_id),  # the key of tokens
        sign("k" * 64, board=board_id),
        bearer(scope="admin")["authorization"].removeprefix("Bearer "),
        jwt.encode({"board": board_id}, "", algorithm="none"),
        f"{other[0]}.{claims}.{other[2]}",
        genuine[:-2],
        "x",
        "é",
        "%00",
        "a" * 3000,
    ]
    monkeypatch.setattr(tickets, "get_store", lambda: pytest.fail("the store was asked"))
    for ticket in forged:
        assert_refused(send("GET", f"{private}?ticket={ticket}"), "not made by this service")


@pytest.mark.stores("sqlite")  # no text gets as far as to a store
@hypothesis_settings(max_examples=60)
@given(text=st.text(min_size=1, max_size=80) | st.text(string.ascii_letters + "._-", min_size=1))
@example(text="..")
def test_any_text_but_a_ticket_is_refused(send: Send, private: str, text: str) -> None:
    from urllib.parse import quote

    answer = send("GET", f"{private}?ticket={quote(text, errors='surrogatepass')}")
    assert_refused(answer, "not made by this service")
    assert text not in answer.json()["detail"] or len(text) < 5


def test_who_may_not_read_gets_no_ticket(send: Send, private: str, board_id: str) -> None:
    path = f"{private}ticket/"
    assert_problem(send("POST", path), 401, "scope read")
    for query in ("token=x", "ticket=x"):  # a POST can send a header
        problem = assert_problem(send("POST", f"{path}?{query}", **bearer(scope="read")), 422)
        assert problem["type"] == "/docs/problems/#invalid-parameter"
    assert_problem(send("POST", path, **bearer(scope="")), 403, "read")
    assert_problem(send("POST", path, **bearer(scope="read", boards=["another"])), 403)
    assert_problem(send("POST", path, authorization="Bearer x"), 401, "token is not valid")
    assert_problem(send("POST", path, {"board": "x"}, **bearer(scope="read")), 422, "board")
    assert_problem(send("GET", path), 405)
    assert_problem(send("POST", "/boards/nowhere/ticket/", **bearer(scope="read")), 404)


def test_on_a_public_board_a_ticket_is_made_for_a_token_and_not_looked_at(
    send: Send, board: str, grip_sig: str
) -> None:
    assert_problem(send("POST", f"{board}ticket/"), 401, "scope read")
    ticket = make_ticket(send, board)
    for text in (ticket, ticket, "nonsense"):
        assert send("GET", f"{board}?ticket={text}").status_code == 200
        stream = {"accept": "text/event-stream", "grip_sig": grip_sig}
        assert send("GET", f"{board}?ticket={text}", **stream)["Grip-Channel"].count(",") == 0
    assert send("PATCH", board, {"private": True}).status_code == 200
    assert send("GET", f"{board}?ticket={ticket}").status_code == 200, "it was not used up"


def test_a_token_comes_before_a_ticket(send: Send, private: str) -> None:
    ticket = make_ticket(send, private)
    assert send("GET", f"{private}?ticket={ticket}", **bearer(scope="read")).status_code == 200
    assert_problem(send("GET", f"{private}?ticket={ticket}", **bearer(scope="")), 403)
    assert send("GET", f"{private}?ticket={ticket}").status_code == 200


@pytest.mark.stores("sqlite")
def test_without_the_store_a_stream_comes_back_and_its_ticket_can_still_be_used(
    send: Send,
    private: str,
    grip_sig: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from leaderboardapp.domain.exceptions import StoreUnavailable

    def fail(*_: object) -> bool:
        raise StoreUnavailable("away")

    ticket = make_ticket(send, private)
    with monkeypatch.context() as patch:
        patch.setattr("leaderboardapp.stores.sql.store.SqlStore.use_ticket", fail)
        path = f"{private}?ticket={ticket}"
        answer = send("GET", path, accept="text/event-stream", grip_sig=grip_sig)
        assert answer.status_code == 200 and "Grip-Hold" not in answer
        assert "store unavailable: away" in caplog.messages
        assert_problem(send("GET", path), 503)
    assert send("GET", f"{private}?ticket={ticket}").status_code == 200


@pytest.mark.parametrize(("left", "wait"), [(600, 60), (20, 20), (-5, 5)])
def test_a_long_poll_is_held_no_longer_than_its_token_is_valid(
    send: Send, private: str, grip_sig: str, left: int, wait: int
) -> None:
    token = bearer(scope="read", exp=int(time.time()) + left)
    tag = send("GET", private, **token)["ETag"]
    headers = {"if_none_match": tag, "prefer": "wait=60", "grip_sig": grip_sig}
    answer = send("GET", private, **headers, **token)
    assert answer["Grip-Hold"] == "response"
    assert wait - 2 <= int(answer["Grip-Timeout"]) <= wait
    assert answer["Preference-Applied"] == f"wait={answer['Grip-Timeout']}"


def test_a_ticket_is_for_no_long_poll_because_the_proxy_may_ask_again(
    send: Send, private: str, grip_sig: str
) -> None:
    tag = send("GET", private, **bearer(scope="read"))["ETag"]
    path = f"{private}?ticket={make_ticket(send, private)}"
    answer = send("GET", path, if_none_match=tag, prefer="wait=60", grip_sig=grip_sig)
    assert answer.status_code == 304
    assert "Grip-Hold" not in answer and "Preference-Applied" not in answer
