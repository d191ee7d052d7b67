"""The handle of a window: reads name it, writes are the board's."""

import itertools
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from leaderboard_client import Board
from tests.unit.test_client import EVENT, board, no_pauses, stream  # noqa: F401

# What is called on the handle of a window, and the requests that it sends.
READS: list[tuple[Callable[[Board], Any], str]] = [
    (lambda board: board.snapshot(), "GET ?window=week"),
    (lambda board: [*board.players()], "GET players/?window=week&limit=100"),
    (
        lambda board: [*board.players(from_rank=9, season=3)],
        "GET seasons/3/players/?window=week&limit=100&from_rank=9",
    ),
    (lambda board: board.select(["p"]), "POST players/select/?window=week"),
    (lambda board: board.rank_of(0), "GET rank/?window=week&score=0"),
    (lambda board: [*board.seasons()], "GET seasons/?window=week&limit=100"),
    (lambda board: board.season(3), "GET seasons/3/?window=week"),
    (lambda board: board.player("p").read(), "GET players/p/?window=week"),
    (lambda board: board.player("p").around(2), "GET players/p/around/?window=week&limit=2"),
    (lambda board: [*board.player("p").seasons()], "GET players/p/seasons/?window=week&limit=100"),
    (lambda board: board.player("p").read(season=3), "GET seasons/3/players/p/?window=week"),
    (
        lambda board: board.player("p").around(2, season=3),
        "GET seasons/3/players/p/around/?window=week&limit=2",
    ),
]
WRITES: list[tuple[Callable[[Board], Any], str]] = [
    (lambda board: board.update(size=3), "PATCH "),
    (lambda board: board.reset(3), "POST reset/"),
    (lambda board: board.add_player("P", "p"), "POST players/"),
    (lambda board: board.add_scores({"p": 1}), "POST scores/"),
    (lambda board: board.add_scores({"p": 1}, rank=True), "POST scores/?rank=true"),
    (lambda board: board.player("p").add(), "POST players/p/score-add/"),
    (lambda board: board.player("p").set(1, rank=True), "PUT players/p/score/?rank=true"),
    (lambda board: board.player("p").update(name="Q"), "PATCH players/p/"),
    (lambda board: board.player("p").delete(), "DELETE players/p/"),
    (lambda board: board.delete(), "DELETE "),
]


@pytest.mark.parametrize(("call", "sent"), READS + WRITES)
def test_reads_of_a_window_name_it_and_writes_do_not(
    call: Callable[[Board], Any], sent: str
) -> None:
    lists: dict[str, list[Any]] = {"players": [], "past": [], "seasons": [], "results": []}
    answer = httpx.Response(200, json={**lists, "score": 1, "next": None})
    a_board, requests = board(answer)
    call(a_board.leaderboard.board("b", window="week"))
    paths = [f"{row.method} {row.url.raw_path.decode()}" for row in requests]
    assert [path.replace("/boards/b/", "") for path in paths] == [sent]


def test_a_watch_of_a_window_names_it_whenever_it_connects() -> None:
    a_board, requests = board(stream(EVENT), stream(EVENT.replace("id: 1", "id: 2")))
    a_window = a_board.leaderboard.board("b", window="week")
    assert list(itertools.islice(a_window.watch(), 2)) == [{}, {}]
    assert [row.url.raw_path for row in requests] == [b"/boards/b/?window=week"] * 2


def test_each_page_names_the_window() -> None:
    pages: list[Any] = [{"past": [1], "next": "a"}, {"past": [2], "next": None}]
    a_board, requests = board(*(httpx.Response(200, json=page) for page in pages))
    seasons: list[Any] = [*a_board.leaderboard.board("b", window="day").seasons()]
    assert seasons == [1, 2]
    queries = [request.url.query.decode() for request in requests]
    assert queries == ["window=day&limit=100", "window=day&limit=100&cursor=a"]


def test_a_window_that_is_none_is_for_the_service_to_refuse_and_leads_nowhere_else() -> None:
    a_board, requests = board(httpx.Response(200, json={}))
    a_board.leaderboard.board("b", window="a/../&window=week#").snapshot()
    assert [*requests[0].url.params.items()] == [("window", "a/../&window=week#")]
    assert requests[0].url.path == "/boards/b/"
