"""Tokens: who may write, and who may read a private board."""

import base64
import hmac
import io
import math
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from django.core.management import CommandError, call_command
from django.test import override_settings

from leaderboardapp.web.auth import create_token
from tests.api.conftest import Response, Send, assert_problem

SECRET = b"k" * 32
READS = ["{board}", "{board}players/", "{board}players/alice/", "{board}players/alice/around/"]
WRITES = [
    ("PATCH", "{board}", {"name": "B"}),
    ("DELETE", "{board}", None),
    ("POST", "{board}players/", {"name": "Bob"}),
    ("PATCH", "{board}players/alice/", {"name": "B"}),
    ("DELETE", "{board}players/alice/", None),
    ("POST", "{board}players/alice/score-add/", None),
    ("PUT", "{board}players/alice/score/", {"score": 1}),
    ("POST", "{board}scores/", [{"player": "alice"}]),
]


@pytest.fixture
def strict(board: str, alice: str) -> Iterator[None]:
    """Nobody writes without a token, from now on."""
    with override_settings(ALLOW_ANONYMOUS_WRITES=False):
        yield


@pytest.fixture
def private(send: Send, board: str, alice: str) -> str:
    assert send("PATCH", board, {"private": True}).json()["private"] is True
    return board


def bearer(**claims: Any) -> dict[str, str]:
    claims = {"exp": int(time.time()) + 60, **claims}
    return {"authorization": f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"}


def assert_challenged(response: Response, status: int, *mentioned: str) -> None:
    assert_problem(response, status, *mentioned)
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
@pytest.mark.usefixtures("strict")
def test_every_write_needs_a_token_for_the_board(
    send: Send, board: str, board_id: str, method: str, path: str, body: Any
) -> None:
    path = path.format(board=board)
    scope = "admin" if path == board else "write"
    before = send("GET", f"{board}players/").json()
    assert_challenged(send(method, path, body), 401, "needs a token with the scope")
    for claims in ({"scope": "read"}, {"scope": scope, "boards": ["another"]}, {"scope": ""}):
        assert_challenged(send(method, path, body, **bearer(**claims)), 403, "does not allow")
    assert send("GET", f"{board}players/").json() == before
    allowed = send(method, path, body, **bearer(scope=scope, boards=["x", board_id]))
    assert allowed.status_code < 300


@pytest.mark.usefixtures("strict")
def test_a_beginning_with_a_star_stands_for_all_boards_that_begin_so(
    send: Send, board: str, board_id: str
) -> None:
    rename = ("PATCH", board, {"name": "New"})
    for named in (f"{board_id}*", f"{board_id[:7]}*", "*"):
        assert send(*rename, **bearer(scope="admin", boards=["x", named])).status_code == 200
    for named in (board_id[:-1], f"{board_id}-*", f"*{board_id}", f"{board_id[:3]}*-", "**"):
        assert_challenged(send(*rename, **bearer(scope="admin", boards=[named])), 403)
    # Boards without an id of the client's, and the list, are for tokens of all boards.
    assert_challenged(send("POST", "/boards/", {}, **bearer(scope="admin", boards=["*"])), 403)


@pytest.mark.usefixtures("strict")
def test_a_board_is_created_with_a_token_for_its_id(send: Send, board_id: str) -> None:
    new = {"id": f"{board_id}-new"}
    assert_challenged(send("POST", "/boards/", new), 401)
    for_one = bearer(scope="admin", boards=[new["id"]])
    assert_challenged(send("POST", "/boards/", {}, **for_one), 403)
    assert_challenged(send("POST", "/boards/", {"id": "other"}, **for_one), 403)
    assert send("POST", "/boards/", new, **for_one).status_code == 201
    assert send("POST", "/boards/", {}, **bearer(scope="admin")).status_code == 201


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1},
        {"exp": "x"},
        {"exp": None},
        {"exp": math.inf},
        {"nbf": math.inf},
        {"iat": -math.inf},
        {"scope": 1},
        {"boards": "b"},
        {"boards": [["b"]]},
        {"scope": "play"},
        {"scope": "write play", "player": None},
        {"scope": "play", "player": ""},
        {"scope": "play", "player": "a b"},
        {"scope": "play", "player": "a" * 65},
        {"scope": "play", "player": ["alice"]},
    ],
)
@pytest.mark.usefixtures("strict")
def test_a_token_that_is_not_valid_is_refused(
    send: Send, alice: str, claims: dict[str, Any]
) -> None:
    response = send("POST", f"{alice}score-add/", **bearer(**{"scope": "write", **claims}))
    assert_challenged(response, 401, "not valid")
    assert not response.json()["detail"].endswith("..")
    assert 'error="invalid_token"' in response["WWW-Authenticate"]


@pytest.mark.parametrize(
    "token",
    [
        "garbage",
        "a.b.c",
        "é.é.é",
        f"{base64.urlsafe_b64encode(b'[' * 4500).decode()}.e30.e30",
        jwt.encode({"scope": "write", "exp": 2**40}, b"x" * 32, algorithm="HS256"),
        jwt.encode({"scope": "write", "exp": 2**40}, "", algorithm="none"),
        jwt.encode({"scope": "write"}, SECRET, algorithm="HS256"),
        jwt.encode({"exp": 2**40}, SECRET, algorithm="HS256"),
    ],
)
@pytest.mark.usefixtures("strict")
def test_a_forged_or_endless_token_is_refused(send: Send, alice: str, token: str) -> None:
    response = send("POST", f"{alice}score-add/", authorization=f"Bearer {token}")
    assert_challenged(response, 401, "not valid")
    assert token not in response.content.decode()


@pytest.mark.parametrize(
    ("algorithm", "private_key"),
    [
        ("ES256", ec.generate_private_key(ec.SECP256R1())),
        ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
    ],
)
@pytest.mark.usefixtures("strict")
def test_tokens_may_be_signed_elsewhere_with_a_private_key(
    send: Send, alice: str, algorithm: str, private_key: Any
) -> None:
    public_key = private_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    claims = {"scope": "write", "exp": int(time.time()) + 60}
    token = jwt.encode(claims, private_key, algorithm=algorithm)
    # The public key, taken for an HMAC secret, is the classic forgery.
    unsigned = jwt.encode(claims, SECRET, algorithm="HS256").rpartition(".")[0]
    signature = hmac.digest(public_key, unsigned.encode(), "sha256")
    forged = f"{unsigned}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
    with override_settings(TOKEN_KEYS=[("HS256", SECRET), (algorithm, public_key.decode())]):
        path = f"{alice}score-add/"
        assert send("POST", path, authorization=f"Bearer {token}").status_code == 200
        assert_challenged(send("POST", path, authorization=f"Bearer {forged}"), 401)


@pytest.mark.parametrize(
    ("claim", "accepted", "refused"), [("iat", 8, 60), ("nbf", 8, 60), ("exp", -8, -60)]
)
@pytest.mark.usefixtures("strict")
def test_clocks_may_differ_by_ten_seconds(
    send: Send, alice: str, claim: str, accepted: int, refused: int
) -> None:
    def add(seconds: int) -> Response:
        claims = {"scope": "write", claim: int(time.time()) + seconds}
        return send("POST", f"{alice}score-add/", **bearer(**claims))

    assert add(accepted).status_code == 200
    assert_challenged(add(refused), 401, "not valid")


@pytest.mark.parametrize("path", READS)
def test_a_private_board_is_read_with_a_token_only(
    send: Send, private: str, board_id: str, path: str
) -> None:
    path = path.format(board=private)
    assert_challenged(send("GET", path), 401, "scope read")
    assert_challenged(send("GET", path, **bearer(scope="read", boards=["another"])), 403)
    for claims in ({"scope": "read"}, {"scope": "write", "boards": [board_id]}):
        assert send("GET", path, **bearer(**claims)).status_code == 200
    token = create_token(["read"], [board_id], 60)
    query = "&" if "?" in path else "?"
    assert send("GET", f"{path}{query}token={token}").status_code == 200


def test_the_stream_of_a_private_board_needs_a_token(
    send: Send, private: str, board_id: str, grip_sig: str
) -> None:
    stream = {"accept": "text/event-stream", "grip_sig": grip_sig}
    assert_challenged(send("GET", private, **stream), 401)
    token = create_token(["read"], [board_id], 60)
    held = send("GET", f"{private}?token={token}", **stream)
    assert held["Grip-Hold"] == "stream"
    assert held["Grip-Channel"].startswith(f"board-{board_id}.private, expires-")


@pytest.mark.usefixtures("strict")
def test_hidden_players_are_listed_for_who_may_write(send: Send, board: str, board_id: str) -> None:
    path = f"{board}players/?hidden=true"
    assert_challenged(send("GET", path), 401, "scope write")
    for claims in ({"scope": "read"}, {"scope": "write", "boards": ["another"]}):
        assert_challenged(send("GET", path, **bearer(**claims)), 403, "write")
    answer = send("GET", path, **bearer(scope="write", boards=[board_id]))
    assert answer.json() == {"players": [], "next": None}


def test_hidden_players_of_a_private_board_need_a_token_whoever_may_write(
    send: Send, private: str
) -> None:
    assert_challenged(send("GET", f"{private}players/?hidden=true"), 401, "scope read")


@pytest.mark.usefixtures("strict")
def test_a_token_in_the_url_does_not_write(send: Send, alice: str) -> None:
    token = create_token(["write"], None, 60)
    assert_challenged(send("POST", f"{alice}score-add/?token={token}"), 401)


def test_a_token_is_made_on_the_command_line(send: Send, private: str, board_id: str) -> None:
    out = io.StringIO()
    call_command(
        "create_token", "--scope", "read", "--board", board_id, "--valid", "15m", stdout=out
    )
    token = out.getvalue().strip()
    assert send("GET", private, authorization=f"Bearer {token}").status_code == 200
    claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    assert claims["scope"] == "read" and claims["boards"] == [board_id]
    assert 880 < claims["exp"] - time.time() <= 900


@pytest.mark.usefixtures("strict")
def test_a_players_token_is_made_on_the_command_line(send: Send, board: str) -> None:
    out = io.StringIO()
    call_command("create_token", "--scope", "play", "--player", "alice", stdout=out)
    token = {"authorization": f"Bearer {out.getvalue().strip()}"}
    with override_settings(ALLOW_ANONYMOUS_WRITES=True):
        assert send("PATCH", board, {"player_writes": "add"}).json()["player_writes"] == "add"
    assert send("POST", f"{board}players/alice/score-add/", **token).json()["score"] == 1
    for options in (["--scope", "play"], ["--player", "alice"]):
        with pytest.raises(CommandError, match="--scope play and --player go together"):
            call_command("create_token", *options)


@pytest.mark.parametrize(
    ("option", "value", "accepted"),
    [
        ("--valid", "1", "such as 90s, 15m, 12h or 30d"),
        ("--valid", "0s", "such as 90s, 15m, 12h or 30d"),
        ("--board", "a b", "A-Z, a-z, 0-9, _ and -"),
        ("--player", "a b", "A-Z, a-z, 0-9, _ and -"),
    ],
)
def test_what_the_command_line_does_not_accept_is_named(
    option: str, value: str, accepted: str
) -> None:
    with pytest.raises(CommandError, match=f"{option}: '{value}' .*{accepted}"):
        call_command("create_token", option, value)


def test_without_a_secret_no_token_is_made() -> None:
    with override_settings(TOKEN_KEYS=[]), pytest.raises(CommandError, match="TOKEN_KEYS"):
        call_command("create_token")
