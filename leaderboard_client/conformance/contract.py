"""Requests and answers: statuses, problems, ETags, preconditions, idempotency keys."""

import secrets
from typing import Any

from leaderboard_client.conformance.checks import check
from leaderboard_client.conformance.event_stream import read_fingerprint
from leaderboard_client.conformance.expect import (
    LeftOut,
    describe,
    read_json,
    require,
    require_problem,
    require_status,
)
from leaderboard_client.conformance.service import Board, Service, in_background

FRONT = "A front answers, redirects or caches by itself. deploy/ has files of fronts that do not."
PROBLEMS = (
    "A front answers by itself, such as with pages of its own. Or DEBUG=1 is set, with which a "
    "missing path has no kind."
)
STORE = "The log of the web processes, and the store: GET /readyz says whether it answers."
CACHES = (
    "A cache answers polls without asking the service. It has to follow Cache-Control: no-cache "
    "(nginx: no proxy_cache; CDNs: no caching of /boards/)."
)
AT_ONCE = 8  # requests


@check("contract", "The service is alive and ready", STORE, needs="nothing")
def healthy(service: Service) -> None:
    for path in ("/healthz", "/readyz"):
        require_status(service.request("GET", path), 200, path)


@check("contract", "It describes its API", FRONT, needs="nothing")
def described(service: Service) -> None:
    answer = service.request("GET", "/openapi.yaml")
    require_status(answer, 200, "/openapi.yaml")
    require("openapi:" in answer.text, "a description in OpenAPI", describe(answer))


@check("contract", "Failures are problems, of their kinds", PROBLEMS, needs="nothing")
def problems(service: Service) -> None:
    nobody = f"/boards/{secrets.token_hex(8)}/"
    missing = service.request("GET", "/no-such-path/")
    require_problem(missing, 404, "path-not-found", "a path that is not there")
    require_problem(service.request("GET", nobody), 404, "board-not-found", "a missing board")
    answer = service.request("GET", "/boards/?limit=0")
    require_problem(answer, 422, "invalid-parameter", "a limit of 0")
    answer = service.request("DELETE", "/boards/")
    require_problem(answer, 405, "method-not-allowed", "DELETE of the list of boards")
    require("GET" in answer.headers.get("Allow", ""), "Allow with GET", answer.headers.get("Allow"))


@check("contract", "Bodies that are not accepted are refused", FRONT)
def bad_bodies(service: Service) -> None:
    board = service.create_board([("alice", 1)])
    add, json_type = f"{board.path}players/alice/score-add/", {"Content-Type": "application/json"}
    answer = service.request("POST", add, content=b"{", headers=json_type)
    require_problem(answer, 400, "malformed-json", "a body that is no JSON")
    answer = service.request("POST", add, content=b"{}", headers={"Content-Type": "text/plain"})
    require_problem(answer, 415, "unsupported-media-type", "a body of text")
    for body in ({"amuont": 1}, {"amount": 1.5}, {"amount": 2**53}):
        require_problem(service.request("POST", add, body), 422, "invalid-body", str(body))
    answer = service.request("POST", "/boards/", {"id": board.id})
    require_problem(answer, 409, "id-taken", "an id that is taken")
    require(score_of(board) == 1, "a score as before", score_of(board))


@check("contract", "Boards and players are created, changed and deleted", FRONT)
def resources(service: Service) -> None:
    board = service.create_board(size=3)
    players = f"{board.path}players/"
    created = service.request("POST", players, {"id": "alice", "name": "Alice"})
    require_status(created, 201, "a new player")
    location = created.headers.get("Location", "")
    require(location.endswith(f"{players}alice/"), "Location of the player", location)
    changed = service.request("PATCH", board.path, {"name": "Renamed"})
    require_status(changed, 200, "a new name")
    require(board.read().json()["name"] == "Renamed", "the new name", board.read().text)
    for path in (f"{players}alice/", board.path):
        require_status(service.request("DELETE", path), 204, f"DELETE {path}")
        require_status(service.request("GET", path), 404, f"GET {path} after its deletion", CACHES)


@check("contract", "A poll has an ETag, and 304 while nothing has changed", FRONT, needs="a board")
def etags(service: Service) -> None:
    board = service.get_board()
    first = board.read()
    require_status(first, 200, "the board")
    fingerprint, etag = read_fingerprint(first), first.headers["ETag"]
    same = board.read({"If-None-Match": etag})
    if board.is_own:  # another's may have changed meanwhile
        require_status(same, 304, f"If-None-Match: {etag}", "A front drops If-None-Match.")
        require(not same.content, "no body with 304", describe(same))
        require(read_fingerprint(same) == fingerprint, f"ETag {etag}", same.headers["ETag"])
    answer = board.read({"If-None-Match": '"another"'})
    require_status(answer, 200, 'If-None-Match: "another"')


@check("contract", "A poll shows each write at once", CACHES)
def fresh(service: Service) -> None:
    board = service.create_board([("alice", 0)])
    for score in range(1, 6):
        require_status(board.add("alice"), 200, "an increment")
        require(score_of(board) == score, f"score {score} after its write", score_of(board))


@check("contract", "Preconditions hold writes back", FRONT)
def preconditions(service: Service) -> None:
    # Long enough that a front compresses it, and may make its ETag a weak one.
    players = [(f"a-player-with-a-long-name-{number}", number) for number in range(12)]
    board = service.create_board(players, size=100)

    def rename(name: str, etag: str) -> Any:
        return service.request("PATCH", board.path, {"name": name}, {"If-Match": etag})

    answer = rename("Nobody's", '"another"')
    require_problem(answer, 412, "precondition-failed", 'If-Match: "another"')
    polled = board.read()
    require(polled.json()["name"] != "Nobody's", "an unchanged board", polled.text[:80])
    read_fingerprint(polled)
    etag = polled.headers["ETag"]
    weak = "A front that compresses makes ETags weak, and has to take W/ off If-Match."
    require_status(rename("First", etag), 200, f"If-Match: {etag}", weak)
    require_problem(rename("Second", etag), 412, "precondition-failed", "an older ETag")


@check("contract", "An idempotency key counts once", "A front drops Idempotency-Key.")
def idempotency(service: Service) -> None:
    board = service.create_board([("alice", 0)])
    key = {"Idempotency-Key": secrets.token_hex(8)}
    first, again = (read_json(board.add("alice", 5, key)) for _ in range(2))
    require(first.get("score") == 5, "score 5", first)
    require(again.get("score") == 5, "score 5 after the same key again", again)
    require(again.get("repeated") is True, "repeated: true", again)
    key = {"Idempotency-Key": secrets.token_hex(8)}
    waiting = [in_background(lambda: board.add("alice", 1, key)) for _ in range(AT_ONCE)]
    statuses = {future.result().status_code for future in waiting}
    require(statuses == {200}, f"200 for {AT_ONCE} requests at once", statuses)
    require(score_of(board) == 6, f"score 6 after {AT_ONCE} of the same key", score_of(board))


@check("contract", "Scores are added, set, kept if better, and written in one request", FRONT)
def scores(service: Service) -> None:
    board = service.create_board([("alice", 3)])
    alice = f"{board.path}players/alice/"
    answer = service.request("POST", f"{alice}score-add/")
    require(read_json(answer).get("score") == 4, "score 4 without a body", describe(answer))
    for body, score in (({"score": 9}, 9), ({"score": 2, "mode": "best"}, 9)):
        answer = service.request("PUT", f"{alice}score/", body)
        require(read_json(answer).get("score") == score, f"score {score}", describe(answer))
    rows = [{"player": "alice", "amount": 1}, {"player": "nobody", "amount": 1}]
    rows.append({"player": "bob", "amount": 5, "name": "Bob"})
    answer = service.request("POST", f"{board.path}scores/", rows)
    require_status(answer, 200, "three rows")
    statuses = [result["status"] for result in answer.json()["results"]]
    require(statuses == [200, 404, 201], "statuses 200, 404, 201 of the rows", statuses)


@check("contract", "A private board is not read without a token", FRONT)
def private(service: Service) -> None:
    board = service.create_board([("alice", 1)], private=True)
    for accept in ("application/json", "text/event-stream"):
        answer = service.request("GET", board.path, headers={"Accept": accept}, is_authorized=False)
        require_problem(answer, 401, "token-required", f"a private board as {accept}")
    if service.authorization:
        require_status(board.read(), 200, "a private board with the token")
        cached = service.request("GET", board.path, is_authorized=False)
        require_status(cached, 401, "a private board after it was read with a token", CACHES)


@check("contract", "Writes need a token", "ALLOW_ANONYMOUS_WRITES=1 lets anybody write.")
def anonymous(service: Service) -> None:
    if not service.authorization:
        raise LeftOut("no --token was given, and anybody may write here")
    board = service.create_board()
    answer = service.request("PATCH", board.path, {}, is_authorized=False)
    require_problem(answer, 401, "token-required", "a write without a token")


def score_of(board: Board) -> Any:
    """Return the score of the board's first player, as a poll shows it."""
    players = read_json(board.read()).get("players")
    return players[0].get("score") if players else None
