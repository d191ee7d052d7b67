"""Ranks, ties, pages and seasons."""

from typing import Any

from leaderboard_client.conformance.checks import check
from leaderboard_client.conformance.expect import (
    describe,
    read_json,
    require,
    require_problem,
    require_status,
)
from leaderboard_client.conformance.service import Board, Service

ORDER = (
    "Something between changes the answers, or the clocks of web machines differ: of equal scores "
    "the one that was reached first comes first."
)
QUERY = "A front drops or changes queries, or caches answers without regard to them."
STORE = "The store, and the log of the web processes."
RANKINGS = {"ordinal": [1, 2, 3, 4], "competition": [1, 2, 2, 4], "dense": [1, 2, 2, 3]}
PLAYERS, LIMIT = 25, 10


def ranks_of(answer: Any) -> list[tuple[str, int]]:
    """Return the id and rank of each player in an answer with `players`."""
    return [(row["id"], row["rank"]) for row in read_json(answer)["players"]]


@check("ranks", "Equal scores are ranked by who was first, in each ranking", ORDER)
def ties(service: Service) -> None:
    board = service.create_board([("alice", 9), ("carol", 5), ("bob", 5), ("dave", 1)])
    for ranking, ranks in RANKINGS.items():
        service.request("PATCH", board.path, {"ranking": ranking})
        expected = list(zip(("alice", "carol", "bob", "dave"), ranks, strict=True))
        for path in (board.path, f"{board.path}players/"):
            ranked = ranks_of(service.request("GET", path))
            require(ranked == expected, f"{ranking}: {expected}", ranked)
    board.add("dave", 4)
    last = ranks_of(board.read())[-1][0]
    require(last == "dave", "dave last, who reached 5 after the others", last)


@check("ranks", "The lower score is the better where the order is asc", ORDER)
def ascending(service: Service) -> None:
    board = service.create_board([("slow", 90), ("fast", 10)], order="asc")
    service.request("POST", f"{board.path}players/", {"id": "new", "name": "New"})
    expected = [("fast", 1), ("slow", 2)]
    ranked = ranks_of(board.read())
    require(ranked == expected, f"{expected}, and nobody without a score", ranked)


@check("ranks", "A player's rank, the players around, and a score's rank agree", QUERY)
def standings(service: Service) -> None:
    board = service.create_board([(f"p{place}", 100 - place) for place in range(1, 8)])
    alone = read_json(service.request("GET", f"{board.path}players/p4/"))
    standing = {name: alone.get(name) for name in ("rank", "of", "percentile")}
    expected = {"rank": 4, "of": 7, "percentile": 57.14}
    require(standing == expected, str(expected), standing)
    for player, ranks in (("p1", [1, 2, 3]), ("p4", [3, 4, 5]), ("p7", [5, 6, 7])):
        path = f"{board.path}players/{player}/around/?limit=3"
        around = [rank for _, rank in ranks_of(service.request("GET", path))]
        require(around == ranks, f"ranks {ranks} around {player}", around)
    rank = read_json(service.request("GET", f"{board.path}rank/?score=97")).get("rank")
    require(rank == 4, "rank 4 for a new score of 97", rank)


def create_many(service: Service) -> tuple[Board, list[str]]:
    """Return a board with PLAYERS players, and their ids, best first."""
    board = service.create_board()
    ids = [f"p{place:02}" for place in range(1, PLAYERS + 1)]
    rows = [{"player": id, "amount": 100 - n, "name": id} for n, id in enumerate(ids)]
    require_status(service.request("POST", f"{board.path}scores/", rows), 200, "first scores")
    return board, ids


@check("ranks", "Pages follow each other, while a score changes between them", QUERY)
def pages(service: Service) -> None:
    board, ids = create_many(service)
    path = f"{board.path}players/?limit={LIMIT}"
    seen: list[str] = []
    cursor = None
    while True:
        answer = service.request("GET", path + (f"&cursor={cursor}" if cursor else ""))
        require_status(answer, 200, f"a page after {len(seen)} players")
        page = answer.json()
        require(len(page["players"]) <= LIMIT, f"at most {LIMIT} players", len(page["players"]))
        seen += [row["id"] for row in page["players"]]
        cursor = page["next"]
        if cursor is None or len(seen) > PLAYERS:
            break
        if len(seen) == LIMIT:
            board.add(ids[-1], 1000)  # it jumps to the first page, which was read
    require(seen == ids[:-1], "all who stayed in place, once each", seen)
    ranked = ranks_of(service.request("GET", f"{board.path}players/?from_rank=21"))
    require(ranked[0] == (ids[19], 21), f"{ids[19]} at rank 21", ranked[0])
    answer = service.request("GET", f"{path}&cursor=nonsense")
    require_problem(answer, 422, "invalid-parameter", "a cursor that nobody was given")


@check("seasons", "A season ends once, and the past one keeps its ranks", STORE)
def seasons(service: Service) -> None:
    board = service.create_board([("alice", 9), ("bob", 5)])
    before = board.read()
    ended = service.request("POST", f"{board.path}reset/", {"season": 1})
    require_status(ended, 200, "the end of season 1")
    require(ended.json().get("season") == 2, "season 2", describe(ended))
    again = service.request("POST", f"{board.path}reset/", {"season": 1})
    require_problem(again, 409, "wrong-season", "another end of season 1")
    polled = board.read()
    now = [row["score"] for row in polled.json()["players"]]
    require(now == [0, 0], "all scores zero", now)
    require(polled.headers.get("ETag") != before.headers.get("ETag"), "another ETag", "the same")
    late = {"amount": 1, "season": 1}
    answer = service.request("POST", f"{board.path}players/alice/score-add/", late)
    require_problem(answer, 409, "wrong-season", "a score for the season that has ended")
    past = read_json(service.request("GET", f"{board.path}seasons/1/"))["players"]
    kept = [(row["id"], row["score"], row["rank"]) for row in past]
    require(kept == [("alice", 9, 1), ("bob", 5, 2)], "the final board of season 1", kept)
