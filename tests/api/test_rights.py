"""What each scope may do: one table of scopes, endpoints, players and settings of the board."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.test import override_settings

from leaderboardapp.domain.types import PLAYER_WRITES, Row
from leaderboardapp.stores.base import Store
from tests.api.conftest import Response, Send, assert_problem
from tests.api.test_auth import bearer

# A token of the scope play is alice's. She has joined the board, and so has bob, but not carol.
PLAYERS = ("alice", "bob", "carol")
NEVER: tuple[str, ...] = ()
ANY = ("best", "add", "set")


class Request(NamedTuple):
    """A request, and who may send it: the scope that it needs, and the settings of the board with
    which a player may, too. {board} is the board's path, {id} its id, {player} a player's."""

    method: str
    path: str
    body: Any
    scope: str
    player_writes: tuple[str, ...] = NEVER


REQUESTS = [
    Request("POST", "/boards/", {"id": "{id}-new"}, "admin"),
    Request("PATCH", "{board}", {"name": "Another"}, "admin"),
    Request("PATCH", "{board}", {"player_writes": "set"}, "admin"),
    Request("PATCH", "{board}", {}, "write"),
    Request("POST", "{board}ticket/", None, "read", PLAYER_WRITES),
    Request("POST", "{board}reset/", None, "admin"),
    Request("DELETE", "{board}", None, "admin"),
    Request("GET", "{board}players/?hidden=true", None, "write"),
    Request("GET", "{board}players/?hidden=true&search=a", None, "write"),
    Request("POST", "{board}players/", {"id": "{player}", "name": "A"}, "write", ANY),
    Request("PATCH", "{board}players/{player}/", {"name": "A"}, "write", ANY),
    Request("PATCH", "{board}players/{player}/", {"data": {"k": 1}}, "write", ANY),
    Request("PATCH", "{board}players/{player}/", {"hidden": True}, "write"),
    Request("PATCH", "{board}players/{player}/", {"name": "A", "hidden": False}, "write"),
    Request("DELETE", "{board}players/{player}/", None, "write", ANY),
    Request("POST", "{board}players/{player}/score-add/", None, "write", ("add", "set")),
    Request("PUT", "{board}players/{player}/score/", {"score": 9}, "write", ("set",)),
    Request(
        "PUT",
        "{board}players/{player}/score/",
        {"score": 9, "mode": "best"},
        "write",
        ("best", "set"),
    ),
    Request("POST", "{board}scores/", [{"player": "{player}"}], "write", ("add", "set")),
]
ROWS_OF_TWO = [{"player": "alice"}, {"player": "bob"}]
PRIVATE_READS = [
    ("GET", "{board}", None),
    ("GET", "{board}players/", None),
    ("GET", "{board}players/?from_rank=2", None),
    ("GET", "{board}players/?search=a", None),
    ("GET", "{board}players/bob/", None),
    ("GET", "{board}players/bob/around/", None),
    ("POST", "{board}players/select/", {"ids": ["alice", "bob", "carol"]}),
    ("GET", "{board}rank/?score=7", None),
    ("GET", "{board}seasons/", None),
    ("GET", "{board}seasons/1/", None),
]
INCLUDED = {"read": ["read"], "write": ["read", "write"], "admin": ["read", "write", "admin"]}


class Table:
    """Requests with tokens, on boards that are made anew after each one that is allowed."""

    def __init__(self, send: Send, store: Store, board_id: str) -> None:
        self.send, self.store, self.board_id = send, store, board_id
        self.faults: list[str] = []
        self.number = 0
        self.player_writes = "none"
        self.renew()

    def renew(self) -> None:
        """Make a board with a past season, alice and bob."""
        self.number += 1
        self.id = f"{self.board_id}-{self.number}"
        self.store.create_board({"id": self.id, "player_writes": self.player_writes})
        for player in ("alice", "bob"):
            self.store.create_player(self.id, {"id": player, "name": player, "score": 5})
        self.before = self.read()

    def read(self) -> list[Any]:
        """Return all that a write may change."""
        window = self.store.get_ranking_window(self.id, 10)
        hidden = self.store.list_hidden(self.id, "", 10)
        is_new = self.send("GET", f"/boards/{self.id}-new/").status_code == 200
        return [window.board, window.rows, hidden.rows, is_new]

    def try_request(self, request: Request, player: str, claims: Row, may: bool) -> Response:
        """Send a request; note a fault if it is not allowed and should be, or the other way round,
        or if it was refused and something has changed."""
        texts = {"board": f"/boards/{self.id}/", "id": self.id, "player": player}

        def fill(text: str) -> str:
            for name, value in texts.items():
                text = text.replace(f"{{{name}}}", value)
            return text

        body = json.loads(fill(json.dumps(request.body)))
        headers = bearer(**claims) if claims else {}
        response = self.send(request.method, fill(request.path), body, **headers)
        case = f"{claims} {self.player_writes}: {request.method} {request.path} {player} {body}"
        refusal = 403 if claims else 401
        is_done = response.status_code < 300 or response.status_code == 409  # the player is there
        if may != is_done or response.status_code >= 500:
            self.faults.append(f"{case}: {response.status_code} {response.content!r}")
        elif not may and response.status_code != refusal:
            self.faults.append(f"{case}: {response.status_code}, not {refusal}")
        if response.status_code in (401, 403):
            if self.read() != self.before:
                self.faults.append(f"{case}: refused, but something has changed")
                self.renew()
        else:
            self.renew()
        return response


@pytest.fixture
def table(send: Send, store: Store, board_id: str) -> Iterator[Table]:
    with override_settings(ALLOW_ANONYMOUS_WRITES=False):
        yield Table(send, store, board_id)


def test_each_request_needs_its_scope_on_the_board(table: Table) -> None:
    for request in REQUESTS:
        for scope, included in INCLUDED.items():
            # The claim says something with the scope play only.
            claims = {"scope": scope, "player": "alice"}
            table.try_request(request, "bob", claims, request.scope in included)
            table.try_request(request, "bob", {**claims, "boards": ["another"]}, False)
        for claims in ({}, {"scope": ""}, {"scope": "Admin root play*"}):
            table.try_request(request, "bob", claims, False)
    assert not table.faults, "\n".join(table.faults)


def test_a_player_writes_what_the_board_allows_and_for_no_other(table: Table) -> None:
    for table.player_writes in PLAYER_WRITES:
        table.renew()
        for request in REQUESTS:
            answers = {}
            for player in PLAYERS if "{player}" in json.dumps(request) else PLAYERS[:1]:
                claims = {"scope": "play", "player": "alice"}
                may = player == "alice" and table.player_writes in request.player_writes
                answers[player] = table.try_request(request, player, claims, may)
                elsewhere = {**claims, "boards": ["another"]}
                table.try_request(request, player, elsewhere, False)
            if len(answers) > 1:
                # It is not told whether there is another player.
                assert answers["bob"].content == answers["carol"].content
            if len(answers) > 1 and request.player_writes:
                assert_problem(answers["bob"], 403, "the player alice")
        rows = Request("POST", "{board}scores/", ROWS_OF_TWO, "write")
        table.try_request(rows, "alice", {"scope": "play", "player": "alice"}, False)
    assert not table.faults, "\n".join(table.faults)


def test_a_private_board_is_read_with_each_scope(table: Table, send: Send, store: Store) -> None:
    table.renew()
    store.start_next_season(table.id, 1, "2026-11-30T00:00:00Z")
    store.update_board(table.id, {"private": True})
    statuses = {}
    for scope in ("", "read", "play", "write", "admin"):
        for boards in ([table.id], ["another"]):
            claims = bearer(scope=scope, player="alice", boards=boards)
            for method, path, body in PRIVATE_READS:
                there = path.format(board=f"/boards/{table.id}/")
                answer = send(method, there, body, **claims)
                statuses[scope, boards[0], path] = answer.status_code
    wrong = {
        case: status
        for case, status in statuses.items()
        if status != (200 if case[0] and case[1] == table.id else 403)
    }
    assert not wrong


def test_private_boards_are_listed_for_an_admin_of_all_boards(
    table: Table, send: Send, store: Store, board_id: str
) -> None:
    store.update_board(table.id, {"private": True})

    def is_listed(**claims: Any) -> bool:
        path = "/boards/?limit=100"
        while path:
            page = send("GET", path, **bearer(player="alice", **claims)).json()
            if table.id in [board["id"] for board in page["boards"]]:
                return True
            path = page["next"] and f"/boards/?limit=100&cursor={page['next']}"
        return False

    for scope in ("", "read", "play", "write", "read play write"):
        assert not is_listed(scope=scope), scope
    assert not is_listed(scope="admin", boards=[table.id])
    assert is_listed(scope="admin")
    store.update_board(table.id, {"private": False})
    assert is_listed(scope="")


def test_a_player_joins_scores_takes_another_name_and_leaves(table: Table, send: Send) -> None:
    table.player_writes = "set"
    table.renew()
    board, token = f"/boards/{table.id}/", bearer(scope="play", player="carol")
    joined = send("POST", f"{board}players/", {"name": "Carol"}, **token)
    assert joined.status_code == 201 and joined.json()["id"] == "carol"
    assert joined["Location"] == f"{board}players/carol/"
    steps: list[tuple[str, str, Any]] = [
        ("POST", "score-add/", {"amount": 3}),
        ("PUT", "score/", {"score": 2, "mode": "best"}),
        ("PUT", "score/", {"score": 1}),
        ("PATCH", "", {"name": "Caroline"}),
    ]
    scores = [
        send(method, f"{board}players/carol/{path}", body, **token).json()["score"]
        for method, path, body in steps
    ]
    assert scores == [3, 3, 1, 1]
    rows = send("POST", f"{board}scores/", [{"player": "carol", "amount": 4}], **token)
    [row] = rows.json()["results"]
    assert (row["player"], row["status"], row["score"]) == ("carol", 200, 5)
    assert send("GET", f"{board}players/carol/").json()["name"] == "Caroline"
    assert send("DELETE", f"{board}players/carol/", **token).status_code == 204
    assert send("GET", f"{board}players/carol/").status_code == 404
    assert_problem(send("POST", f"{board}players/carol/score-add/", **token), 404)


def test_a_player_joins_with_the_first_score(table: Table, send: Send) -> None:
    table.player_writes = "add"
    table.renew()
    path, token = f"/boards/{table.id}/players", bearer(scope="play", player="carol")
    body: dict[str, Any] = {"amount": 2, "name": "Carol"}
    joined = send("POST", f"{path}/carol/score-add/", body, **token)
    assert (joined.status_code, joined.json()["score"]) == (201, 2)
    assert_problem(send("POST", f"{path}/dora/score-add/", body, **token), 403, "carol only")
    assert send("GET", f"{path}/dora/").status_code == 404


def test_a_player_gives_no_address_and_so_learns_of_nobody_elses(
    table: Table, send: Send, store: Store
) -> None:
    table.player_writes = "set"
    table.renew()
    store.update_board(table.id, {"ask_email": True})
    path, token = f"/boards/{table.id}/players/", bearer(scope="play", player="carol")
    taken = {"id": "dora", "name": "Dora", "email": "dora@example.com"}
    store.create_player(table.id, taken)
    for email in ("dora@example.com", "nobody@example.com"):
        body = {"name": "Carol", "email": email}
        assert_problem(send("POST", path, body, **token), 403, "email", "player carol")


def test_a_hidden_player_does_not_come_back_by_leaving(
    table: Table, send: Send, store: Store
) -> None:
    table.player_writes = "set"
    table.renew()
    path, token = f"/boards/{table.id}/players/alice/", bearer(scope="play", player="alice")
    store.update_player(table.id, "alice", {"hidden": True})
    assert_problem(send("DELETE", path, **token), 403, "alice is hidden")
    assert_problem(send("PATCH", path, {"hidden": False}, **token), 403, "hidden", "alice")
    assert store.get_player(table.id, "alice")["hidden"] is True
    store.update_player(table.id, "alice", {"hidden": False})
    assert send("DELETE", path, **token).status_code == 204


def test_a_refusal_says_what_is_lacking(table: Table, send: Send) -> None:
    board = f"/boards/{table.id}/"

    def refused(method: str, path: str, body: Any = None, **claims: Any) -> str:
        return str(assert_problem(send(method, path, body, **bearer(**claims)), 403)["detail"])

    assert "admin here: it lacks that scope" in refused("DELETE", board, scope="write")
    elsewhere = {"scope": "admin", "boards": ["another"]}
    assert "it is not for this board" in refused("DELETE", board, **elsewhere)
    assert "it is not for all boards" in refused("POST", "/boards/", {}, **elsewhere)
    play = {"scope": "play", "player": "alice"}
    detail = refused("POST", f"{board}players/alice/score-add/", **play)
    assert "player alice" in detail and "add or set; it is none" in detail


def test_where_anybody_may_write_no_token_limits_a_write(
    send: Send, store: Store, board_id: str
) -> None:
    table = Table(send, store, board_id)
    for request in REQUESTS:
        table.try_request(request, "alice", {"scope": "play", "player": "carol"}, True)
    assert not table.faults, "\n".join(table.faults)


@pytest.mark.usefixtures("table")
def test_another_player_is_refused_before_the_board_is_looked_for(send: Send) -> None:
    token = bearer(scope="play", player="alice")
    assert_problem(send("POST", "/boards/no/players/alice/score-add/", **token), 404, "board no")
    assert_problem(send("POST", "/boards/no/players/bob/score-add/", **token), 403, "alice only")
