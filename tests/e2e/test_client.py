"""Test leaderboard_client through the real Pushpin."""

import itertools
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from leaderboard_client import Board, Leaderboard, LeaderboardError
from leaderboard_client import watch as watching
from tests.e2e.viewers import Viewer, settle
from tests.faults.link import Link
from tests.support.programs import free_ports, wait_until
from tests.support.stack import Stack


@pytest.fixture
def leaderboard(stack: Stack) -> Iterator[Leaderboard]:
    with Leaderboard(f"http://localhost:{stack.port}", patience=30) as leaderboard:
        yield leaderboard


@pytest.fixture
def board(leaderboard: Leaderboard, board_id: str) -> Board:
    return leaderboard.create_board(board_id, name="A board", size=3)


def test_boards_and_players_are_made_changed_and_deleted(
    leaderboard: Leaderboard, board: Board
) -> None:
    assert board.update(ranking="dense")["ranking"] == "dense"
    assert board.id in [row["id"] for row in leaderboard.boards()]
    alice, bob = board.add_player("Alice", id="alice"), board.add_player("Bob")
    assert alice.add() == 1 and alice.add(4) == 5
    assert alice.add(9, key="k") == alice.add(9, key="k") == 14
    assert bob.set(20) == 20 and bob.set(3, best=True) == 20
    assert bob.update(name="Rob", hidden=False)["name"] == "Rob"
    standing = {"rank": 2, "of": 2, "percentile": 50}
    assert alice.read() == {"id": "alice", "name": "Alice", "score": 14, **standing}
    assert [row["id"] for row in alice.around()] == [bob.id, "alice"]
    selection = board.select(["alice", "nobody"])
    assert selection["missing"] == ["nobody"]
    assert [(row["id"], row["place"]) for row in selection["players"]] == [("alice", 1)]
    rank = {"score": 15, "rank": 2, "of": 3, "percentile": 66.66}
    assert board.rank_of(15) == rank
    assert [row["id"] for row in board.players(from_rank=2)] == ["alice"]
    results = board.add_scores({"alice": 1, "nobody": 1})
    assert [row["status"] for row in results] == [200, 404]
    assert [row["name"] for row in board.players()] == ["Rob", "Alice"]
    assert [row["score"] for row in board.snapshot()["players"]] == [20, 15]
    bob.delete()
    board.delete()
    with pytest.raises(LeaderboardError) as raised:
        board.snapshot()
    assert raised.value.status == 404


def test_a_score_says_what_its_write_did(board: Board) -> None:
    board.player("bob").set(9, name="Bob")
    alice = board.player("alice")
    first, again = (alice.add(5, key="k", name="Alice", rank=True) for _ in range(2))
    assert (first.previous, first.changed, first.repeated) == (None, True, False)
    assert (first.rank, first.of, first.percentile) == (2, 2, 50)
    assert (again, again.previous, again.changed, again.repeated) == (5, 5, False, True)
    best = alice.set(10, best=True)
    assert (best, best.previous, best.rank) == (10, 5, None)
    assert alice.set(11, rank=True).rank == 1
    [result] = board.add_scores({"bob": 1}, rank=True)
    assert (result["previous"], result["rank"]) == (9, 2)


def test_data_is_kept_and_viewers_see_what_the_board_shows(stack: Stack, board: Board) -> None:
    assert board.update(show=["country"], format={"type": "time"})["format"] == {"type": "time"}
    alice = board.add_player("Alice", id="alice", data={"country": "NL", "level": 7})
    assert alice.read()["data"] == {"country": "NL", "level": 7}
    settle(stack, board.path)
    shown = []
    for snapshot in board.watch():
        assert snapshot["format"] == {"type": "time"}
        shown += [row["data"] for row in snapshot["players"]]
        if shown == [{"country": "NL"}]:
            alice.update(data={"country": "NL", "level": 8})
            alice.update(data={"country": "BE", "level": 8})
        if {"country": "BE"} in shown:
            break
    assert shown == [{"country": "NL"}, {"country": "BE"}]


def test_a_first_score_makes_its_player_once(board: Board) -> None:
    assert board.player("alice").add(5, key="k", name="Alice") == 5
    assert board.player("alice").add(5, key="k", name="Another") == 5
    assert board.player("bob").set(7, name="Bob") == 7
    assert board.player("carol").set(6, best=True, name="Carol") == 6
    names = {"dave": "Dave", "alice": "Another", "unused": "Nobody"}
    results = board.add_scores({"dave": 4, "alice": 1, "nobody": 1}, names=names)
    assert [row["status"] for row in results] == [201, 200, 404]
    shown = [(row["name"], row["score"]) for row in board.players()]
    assert shown == [("Bob", 7), ("Carol", 6), ("Alice", 6), ("Dave", 4)]


def test_all_pages_are_read(board: Board) -> None:
    for number in range(105):
        board.add_player("P", id=f"p{number}")
    assert len({row["id"] for row in board.players()}) == 105


def test_seasons_end_once_and_stay_readable(board: Board) -> None:
    dora = board.add_player("Dora", id="dora")
    assert dora.add(5, season=1) == 5
    assert board.reset(1)["season"] == 2
    for late in (lambda: board.reset(1), lambda: dora.add(season=1), lambda: dora.set(1, season=1)):
        with pytest.raises(LeaderboardError, match="season 2") as refused:
            late()
        assert refused.value.status == 409
    assert board.add_scores({"dora": 2}, season=1)[0]["status"] == 409
    assert board.add_scores({"dora": 2}, season=2)[0]["score"] == 2
    assert [past["season"] for past in board.seasons()] == [1]
    assert board.season(1)["players"] == [{"id": "dora", "name": "Dora", "score": 5, "rank": 1}]


def test_past_seasons_are_read_whole(board: Board) -> None:
    for place in range(1, 6):
        board.player(f"p{place}").set(10 - place, name=f"P{place}")
    board.reset(1)
    board.player("p5").set(50)
    assert [row["id"] for row in board.players()][0] == "p5"
    assert [row["id"] for row in board.players(season=1)] == ["p1", "p2", "p3", "p4", "p5"]
    past = [row["id"] for row in board.players(from_rank=4, season=1)]
    assert past == ["p4", "p5"], "more than the snapshot has"
    player = board.player("p5")
    standing = {"id": "p5", "name": "P5", "score": 5, "rank": 5, "of": 5, "percentile": 20}
    assert player.read(season=1) == standing
    assert [row["rank"] for row in player.around(2, season=1)] == [4, 5]
    [season] = player.seasons()
    assert season == {"season": 1, "ended_at": board.season(1)["ended_at"], **standing}
    with pytest.raises(LeaderboardError, match="season") as refused:
        player.read(season=2)
    assert refused.value.type.endswith("#season-not-found")


def test_a_window_has_what_was_scored_in_it(leaderboard: Leaderboard, board: Board) -> None:
    alice = board.player("alice")
    alice.add(5, name="Alice")
    assert board.update(windows=["week", "day"])["windows"] == ["day", "week"]
    week = leaderboard.board(board.id, window="week")
    score = week.player("alice").add(2, rank=True)
    assert (score, score.rank) == (7, 1), "a write is the board's"
    standing = {"score": 2, "rank": 1, "of": 1, "percentile": 100}
    assert score.windows == {"day": standing, "week": standing}
    snapshot = week.snapshot()
    assert snapshot["window"] == "week" and snapshot["ends_at"] > snapshot["since"]
    assert [row["score"] for row in week.players()] == [2]
    assert (week.player("alice").read()["score"], alice.read()["score"]) == (2, 7)
    assert [row["score"] for row in week.player("alice").around()] == [2]
    assert week.select(["alice"])["players"][0]["score"] == 2
    assert week.rank_of(3)["rank"] == 1 and board.rank_of(3)["rank"] == 2
    assert [*week.seasons()] == [*week.player("alice").seasons()] == []
    with pytest.raises(LeaderboardError, match="month") as refused:
        next(leaderboard.board(board.id, window="month").watch())
    assert refused.value.type.endswith("#window-not-found")


def test_a_watch_of_a_window_shows_it(leaderboard: Leaderboard, board: Board) -> None:
    board.player("alice").add(5, name="Alice")
    board.update(windows=["day"])
    day = leaderboard.board(board.id, window="day")
    scores: list[Any] = []
    for snapshot in day.watch():
        assert snapshot["window"] == "day"
        scores.append([row["score"] for row in snapshot["players"]])
        if scores[-1] == [3]:
            break
        day.player("alice").set(3)
    assert scores[0] == [] and [5] not in scores


def test_a_watch_of_several_boards_goes_on_when_one_is_deleted(
    leaderboard: Leaderboard, board: Board
) -> None:
    other = leaderboard.create_board(name="Another board")
    watch = leaderboard.watch_boards([board.id, "nowhere", other.id])
    shown = [next(watch) for _ in range(3)]
    assert shown == [(board.id, board.snapshot()), ("nowhere", None), (other.id, other.snapshot())]
    board.delete()
    assert next(watch) == (board.id, None)
    other.add_player("Alice")
    assert next(watch) == (other.id, other.snapshot())
    with pytest.raises(LeaderboardError, match="none of these"):
        next(leaderboard.watch_boards(["nowhere", board.id]))


def test_a_refusal_says_why(board: Board) -> None:
    board.add_player("Alice", id="alice")
    with pytest.raises(LeaderboardError, match="alice is taken") as raised:
        board.add_player("Alice", id="alice")
    assert raised.value.status == 409


def test_a_watch_shows_each_change_and_ends_with_the_board(stack: Stack, board: Board) -> None:
    alice = board.add_player("Alice", id="alice")
    settle(stack, board.path)
    seen: list[Any] = []
    ended: list[int] = []

    def watch() -> None:
        try:
            for snapshot in board.watch():
                seen.append(snapshot["players"][0]["score"])
        except LeaderboardError as error:
            ended.append(error.status)

    thread = threading.Thread(target=watch)
    thread.start()
    wait_until(lambda: seen == [0], "the snapshot")
    with Viewer(stack.port, board.path) as viewer:
        for score in (1, 2):
            alice.add()
            wait_until(lambda: seen[-1] == score, "the change")  # noqa: B023
        last = board.snapshot()
        wait_until(lambda: [e.data for e in viewer.events].count(last) > stack.repeats, "all of it")
    assert seen == [0, 1, 2], "the repeat shows nothing new"
    board.delete()
    wait_until(lambda: ended == [404], "the end")
    thread.join()


@pytest.mark.stores("sqlite")
def test_a_watch_outlives_a_link_that_dies_silently(
    stack: Stack, board: Board, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its stream is taken for dead after two seconds here: it comes back on a living link, too."""
    monkeypatch.setattr(watching, "SILENCE_SECONDS", 2.0)
    alice = board.add_player("Alice", id="alice")
    seen: list[Any] = []

    def watch(a_board: Board) -> None:
        with suppress(LeaderboardError):
            for snapshot in a_board.watch():
                seen.append(snapshot["players"][0]["score"])

    with Link(stack.port) as link:
        patience = 3  # after the first snapshot it is no limit
        with Leaderboard(f"http://localhost:{link.port}", patience=patience) as leaderboard:
            thread = threading.Thread(target=watch, args=[leaderboard.board(board.id)])
            thread.start()
            wait_until(lambda: seen == [0], "the snapshot")
            link.go_silent()
            caplog.clear()
            alice.add()
            wait_until(lambda: len(link.pairs) >= 3, "two attempts in vain")
            assert seen == [0]
            link.restore()
            wait_until(lambda: seen == [0, 1], "the change")
            board.delete()
            thread.join(30)
            assert not thread.is_alive()
    pattern = rf"board {board.id}: no sign of life since \d\d:\d\d:\d\d, reconnecting: "
    assert re.search(pattern, caplog.text)


def test_a_watch_can_be_left(board: Board) -> None:
    board.add_player("Alice")
    assert [len(snapshot["players"]) for snapshot in itertools.islice(board.watch(), 1)] == [1]


def test_retries_end_when_the_patience_is_over() -> None:
    with Leaderboard(f"http://localhost:{free_ports(1)[0]}", patience=0.5) as nowhere:
        for call in (nowhere.board("b").snapshot, lambda: next(nowhere.board("b").watch())):
            with pytest.raises(LeaderboardError) as raised:
                call()
            assert raised.value.status == 0
