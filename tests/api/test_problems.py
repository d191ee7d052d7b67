"""Bad input of every kind: a clear answer, and nothing changed."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.domain.exceptions import OutcomeUnknown
from leaderboardapp.stores.base import Store
from tests.api.conftest import Send, assert_problem
from tests.api.test_auth import bearer
from tests.conftest import STORES

# What is refused before a store is asked, no store changes.
pytestmark = pytest.mark.stores("sqlite")
ON_EACH_STORE = pytest.mark.stores(*STORES)


@pytest.fixture
def state(send: Send, board: str, alice: str) -> Iterator[None]:
    """Asserts that the board and its player are afterwards as they were before."""
    before = [send("GET", path).json() for path in (board, alice)]
    yield
    assert [send("GET", path).json() for path in (board, alice)] == before


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@ON_EACH_STORE
def test_an_unknown_board_or_player_is_not_found(send: Send, board: str, method: str) -> None:
    assert_problem(send(method, "/boards/nowhere/"), 404, "There is no board nowhere.")
    assert_problem(send(method, f"{board}players/nobody/"), 404, "has no player nobody.")


@pytest.mark.parametrize("path", ["/nothing/", "/boards/b%20d/", f"/boards/{'a' * 65}/"])
def test_an_unknown_path_is_not_found(send: Send, path: str) -> None:
    problem = assert_problem(send("GET", path), 404)
    assert problem["type"] == "/docs/problems/#path-not-found"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/boards/", "GET, POST, HEAD"),
        ("POST", "{board}", "GET, PATCH, DELETE, HEAD"),
        ("OPTIONS", "{board}", "GET, PATCH, DELETE, HEAD"),
        ("GET", "{board}players/alice/score-add/", "POST"),
        ("PUT", "{board}players/alice/", "GET, PATCH, DELETE, HEAD"),
        ("POST", "/healthz", "GET, HEAD"),
    ],
)
@pytest.mark.usefixtures("state")
def test_a_wrong_method_is_told_the_right_ones(
    send: Send, board: str, method: str, path: str, allow: str
) -> None:
    response = send(method, path.format(board=board))
    assert_problem(response, 405, allow)
    assert response["Allow"] == allow


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b'{"amount": NaN}',
        b'{"amount": 1}\xff',
        b"\xff\xfe{\x00}\x00",
        b"[" * 9999,
    ],
)
@pytest.mark.usefixtures("state")
def test_a_body_that_is_not_json_is_malformed(client: Client, alice: str, body: bytes) -> None:
    path = f"{alice}score-add/"
    assert_problem(client.post(path, body, content_type="application/json"), 400, "JSON")


NUMBERS = [
    "0.9999999999999999999",
    "4503599627370497.3",
    "1e-400",
    "-1e-400",
    "9007199254740991.1",
    "9007199254740992.0",
    "1e16",
    "1e400",
    "-1e999999999",
    "1e-999999999",
    "1e9999999999999999999",
    "-1e9999999999999999999",
    "1e-9999999999999999999",
    "-0.5E-9999999999999999999",
    "9" * 5000,
    f"-{'9' * 5000}",
    f"1{'0' * 100_000}",
    f"0.{'9' * 100_000}",
    "2.5",
]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.usefixtures("state")
def test_a_number_that_is_no_integer_as_written_is_refused(
    client: Client, board: str, alice: str, number: str
) -> None:
    for method, path, body in (
        ("POST", f"{alice}score-add/", '{"amount": %s}'),
        ("PUT", f"{alice}score/", '{"score": %s}'),
        ("POST", f"{board}scores/", '[{"player": "alice", "amount": %s}]'),
        ("PATCH", board, '{"max": %s}'),
    ):
        response = client.generic(method, path, body % number, "application/json")
        assert_problem(response, 422, "an integer from")


@pytest.mark.parametrize(
    ("number", "score"),
    [
        ("1.0", 1),
        ("1e2", 100),
        ("-12.50E1", -125),
        ("-0.0", 0),
        ("0e5", 0),
        ("0e999999999", 0),
        ("0e9999999999999999999", 0),
        ("-0.0E-9999999999999999999", 0),
        (f"0e{'9' * 5000}", 0),
        (f"1.{'0' * 5000}", 1),
        ("9007199254740991.0", 9007199254740991),
        ("900719925474099.1e1", 9007199254740991),
    ],
)
@ON_EACH_STORE
def test_a_number_that_is_an_integer_as_written_counts_exactly(
    client: Client, alice: str, number: str, score: int
) -> None:
    body = f'{{"amount": {number}}}'
    response = client.post(f"{alice}score-add/", body, content_type="application/json")
    assert response.status_code == 200 and response.json()["score"] == score


@pytest.mark.parametrize(
    ("path", "body", "key"),
    [
        ("{alice}score-add/", '{"amount": 1, "amount": 2}', "amount"),
        ("{alice}score-add/", '{"amount": 1, "amount": 1}', "amount"),
        ("{alice}score-add/", r'{"amount": 1, "\u0061mount": 2}', "amount"),
        ("{board}scores/", '[{"player": "alice"}, {"player": "alice", "player": "bob"}]', "player"),
        ("{board}players/", '{"name": "a: {", "id": "x", "name": "b"}', "name"),
        ("{board}players/", '{"name": "Bob", "deep": [{"a": {"b": 1, "b": 1}}]}', "b"),
    ],
)
@pytest.mark.usefixtures("state")
def test_a_key_that_is_there_twice_is_refused(
    client: Client, board: str, alice: str, path: str, body: str, key: str
) -> None:
    path = path.format(board=board, alice=alice)
    response = client.post(path, body, content_type="application/json")
    problem = assert_problem(response, 400, f"{key}: is there twice")
    assert problem["type"] == "/docs/problems/#duplicate-key"


@pytest.mark.parametrize("body", [[], "text", 1, None, True])
@pytest.mark.usefixtures("state")
def test_a_body_that_is_no_object_is_refused(client: Client, alice: str, body: Any) -> None:
    text = json.dumps(body)
    response = client.post(f"{alice}score-add/", text, content_type="application/json")
    assert_problem(response, 422, "object")


@pytest.mark.parametrize("amount", ["1", 1.5, 1e300, True, None, [1], {}, 2**53, -(2**53), 10**400])
@pytest.mark.usefixtures("state")
def test_an_amount_must_be_an_integer_in_range(send: Send, alice: str, amount: Any) -> None:
    response = send("POST", f"{alice}score-add/", {"amount": amount})
    assert_problem(response, 422, "amount", "an integer from")


@pytest.mark.parametrize(
    ("field", "value", "accepted"),
    [
        ("id", "a b", "A-Z"),
        ("id", "é", "A-Z"),
        ("id", "", "A-Z"),
        ("id", "x" * 65, "64"),
        ("id", "x\n", "A-Z"),
        ("id", 7, "A-Z"),
        ("name", "", "1 to 100"),
        ("name", "  ", "not blank"),
        ("name", "x" * 101, "1 to 100"),
        ("name", "a\nb", "control"),
        ("name", "\ud800", "control"),
        ("name", None, "1 to 100"),
        ("size", 0, "1 to 100"),
        ("size", 101, "1 to 100"),
        ("size", "5", "integer"),
        ("colour", "red", "id, name, size"),
    ],
)
def test_a_board_field_must_be_as_accepted(
    send: Send, board_id: str, field: str, value: Any, accepted: str
) -> None:
    body = {"id": board_id, "name": "A", field: value}
    assert_problem(send("POST", "/boards/", body), 422, field, accepted)
    assert_problem(send("GET", f"/boards/{board_id}/"), 404)


@pytest.mark.usefixtures("state")
def test_the_name_of_an_unknown_field_may_be_anything(send: Send, board: str) -> None:
    for name in ("\ud800", "\x00", "é", "x" * 10_000):
        assert_problem(send("PATCH", board, {name: 1}), 422, "accepted are name, size")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("x" * 10_000, f"{'x' * 40}…"),
        ("a\u202eb\u2066c\u2069", "a\ufffdb\ufffdc\ufffd"),
        ("a\r\nb\x1b[31m\u2028", "a\ufffd\ufffdb\ufffd[31m\ufffd"),
        ("\u05d0\u200f é", "\u05d0\u200f é"),
    ],
)
@pytest.mark.usefixtures("state")
def test_a_clients_own_text_does_not_distort_a_message(
    client: Client, send: Send, board: str, alice: str, sent: str, shown: str
) -> None:
    query = urlencode({sent: "1"})
    assert_problem(send("GET", f"{alice}?{query}"), 422, f"{shown}: not known here")
    assert_problem(send("PATCH", board, {sent: 1}), 422, f"{shown}: not known here")
    rows = [{"player": "alice", sent: 1}]
    assert_problem(send("POST", f"{board}scores/", rows), 422, f"Row 0: {shown}: not known here")
    key = json.dumps(sent)
    answer = client.generic("PATCH", board, f"{{{key}: 1, {key}: 2}}", "application/json")
    assert_problem(answer, 400, f"{shown}: is there twice")
    long = len(sent) > 200
    answer = send("GET", f"/nothing/{quote(sent)}/")
    assert_problem(answer, 404, f"/nothing/{sent[:191]}…" if long else f"/nothing/{shown}/")
    if sent.isascii() and sent.isprintable():
        answer = send("POST", f"{alice}score-add/", origin=f"https://{sent}")
        assert len(assert_problem(answer, 403)["detail"]) < 500


@pytest.mark.usefixtures("state")
def test_a_player_needs_a_name(send: Send, board: str) -> None:
    assert_problem(send("POST", f"{board}players/", {"id": "bob"}), 422, "name: missing")


@pytest.mark.usefixtures("state")
def test_ids_and_scores_are_not_patched(send: Send, board: str, alice: str) -> None:
    assert_problem(send("PATCH", board, {"id": "other"}), 422, "id")
    assert_problem(send("PATCH", alice, {"score": 5}), 422, "score")


@pytest.mark.usefixtures("state")
def test_a_body_of_another_type_is_refused(client: Client, alice: str) -> None:
    path = f"{alice}score-add/"
    form = "application/x-www-form-urlencoded"
    assert_problem(client.post(path, '{"amount": 5}', content_type=form), 415, "application/json")
    assert_problem(client.post(path, {"amount": "5"}), 415, "application/json")


@pytest.mark.usefixtures("state")
def test_an_oversized_body_is_refused(client: Client, alice: str) -> None:
    body = b'{"amount": 1}' + b" " * settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    response = client.post(f"{alice}score-add/", body, content_type="application/json")
    assert_problem(response, 413, "256 KiB")


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize("encoding", ["chunked", "Chunked", "gzip, chunked"])
def test_a_body_of_unknown_length_is_not_taken_for_an_empty_one(
    send: Send, alice: str, encoding: str
) -> None:
    response = send("POST", f"{alice}score-add/", transfer_encoding=encoding)
    assert_problem(response, 411, "Content-Length")


@pytest.mark.usefixtures("state")
def test_refusals_by_the_framework_are_problems_too(
    client: Client, send: Send, board: str, grip_sig: str
) -> None:
    assert_problem(send("GET", board, if_match='"x"'), 412, "If-Match")
    headers = {"Content-Type": "application/websocket-events", "Grip-Sig": grip_sig}
    problem = assert_problem(
        client.post(board, b"garbage", headers["Content-Type"], headers=headers), 400
    )
    assert problem["type"] == "about:blank" and problem["title"] == "Bad Request"


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é"])
@pytest.mark.usefixtures("state")
def test_an_idempotency_key_must_be_visible_ascii(send: Send, alice: str, key: str) -> None:
    response = send("POST", f"{alice}score-add/", idempotency_key=key)
    assert_problem(response, 400, "Idempotency-Key", "255")


@pytest.mark.usefixtures("state")
def test_two_idempotency_keys_are_not_taken_for_one(send: Send, board: str, alice: str) -> None:
    """A web server joins the values of a header that is there twice by a comma."""
    for path, body in ((f"{alice}score-add/", None), (f"{board}scores/", [{"player": "alice"}])):
        for key in ("a,b", "a, b", ",a"):
            assert_problem(
                send("POST", path, body, idempotency_key=key), 400, "Idempotency-Key", "one"
            )


@ON_EACH_STORE
def test_a_header_that_is_there_twice_gains_nothing(
    send: Send, board: str, alice: str, grip_sig: str
) -> None:
    etag = send("GET", board)["ETag"].strip('"')
    stream = {"accept": "text/event-stream", "grip_sig": grip_sig}
    twice = send("GET", board, last_event_id=f"{etag},{etag}", **stream)
    assert b"event: update" in twice.content
    stream["grip_sig"] = f"{grip_sig},{grip_sig}"
    assert_problem(send("GET", board, **stream), 501)
    site = {"host": "here", "sec_fetch_site": "same-origin,cross-site"}
    assert_problem(send("POST", f"{alice}score-add/", **site), 403)
    assert send("PATCH", board, {"private": True}).status_code == 200
    token = bearer(scope="read")["authorization"]
    assert send("GET", board, authorization=token).status_code == 200
    assert_problem(send("GET", board, authorization=f"{token},{token}"), 401)


@given(
    method=st.sampled_from(["POST", "PATCH"]),
    path=st.sampled_from(
        ["/boards/", "{board}", "{board}players/", "{alice}", "{alice}score-add/"]
    ),
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["id", "name", "size", "amount", "x"]), inner)
        ),
        max_leaves=6,
    ),
)
@ON_EACH_STORE
def test_no_json_body_makes_a_server_error(
    send: Send, board: str, alice: str, method: str, path: str, body: Any
) -> None:
    response = send(method, path.format(board=board, alice=alice), body)
    assert response.status_code < 500


@pytest.mark.usefixtures("no_store")
def test_without_the_store_reads_and_writes_are_503() -> None:
    client = Client()
    for method, path in (
        ("GET", "/boards/b/"),
        ("POST", "/boards/b/players/al/score-add/"),
        ("GET", "/readyz"),
    ):
        response = client.generic(method, path)
        assert_problem(response, 503, "Try again")
        assert response["Retry-After"] == "2"
    assert client.get("/healthz").json() == {"status": "ok"}


@ON_EACH_STORE
def test_a_write_whose_outcome_is_unknown_says_so(
    send: Send, board: str, alice: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_answer(*_: object) -> None:
        raise OutcomeUnknown("no answer")

    monkeypatch.setattr(store, "add_score", no_answer)
    monkeypatch.setattr(store, "get_top_players", no_answer)
    response = send("POST", f"{alice}score-add/", Idempotency_Key="k")
    assert_problem(response, 504, "not known", "Idempotency-Key")
    assert response["Retry-After"] == "2"
    assert_problem(send("GET", board), 503, "Try again")


@ON_EACH_STORE
def test_with_the_store_it_is_ready(send: Send) -> None:
    assert send("GET", "/readyz").json() == {"status": "ok"}


def test_all_fields_that_are_not_accepted_are_named_the_first_one_first(send: Send) -> None:
    body = {"id": "a b", "name": " ", "size": 3, "colour": 1}
    problem = send("POST", "/boards/", body).json()
    assert [error.partition(":")[0] for error in problem["errors"]] == ["id", "name", "colour"]
    assert problem["detail"] == problem["errors"][0]
