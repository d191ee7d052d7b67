"""From a write to every viewer, through the real Pushpin, over HTTP only."""

import csv
import json
import os
import socket
import threading
import time
from collections import Counter
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.e2e.test_websockets import closing_code, watch
from tests.e2e.viewers import Api, Viewer
from tests.support.programs import PROJECT, wait_until
from tests.support.stack import Stack

GOALS = Path(os.environ.get("GOALS_CSV") or PROJECT.parent / "shared/data/goalscorers.csv")


def count_snapshots(viewer: Viewer) -> int:
    """Return how often the snapshot with Bob's first point has come."""
    first_rows = [event.data["players"][0] for event in list(viewer.events)]
    return first_rows.count({"id": "bob", "name": "Bob", "score": 1, "rank": 1})


def is_quiet(viewer: Viewer) -> bool:
    """Return whether nothing comes in the time in which another repeat would."""
    events = len(viewer.events)
    time.sleep(2.5)
    return len(viewer.events) == events


def test_a_viewer_is_shown_the_snapshot_at_once_and_each_change(
    stack: Stack, api: Api, board: str
) -> None:
    with Viewer(stack.port, board) as viewer:
        assert viewer.response.status == 200
        first = viewer.wait_for(lambda event: True, "the snapshot")
        polled = api("GET", board)
        assert first.name == "update"
        assert first.data == polled.json
        assert first.id == polled.headers["ETag"].strip('"')
        for score in (1, 2, 3):
            api("POST", f"{board}players/bob/score-add/")
            wait_until(lambda: viewer.scores() == {"Alice": 0, "Bob": score}, f"score {score}")  # noqa: B023


def test_renames_and_deletes_reach_viewers(stack: Stack, api: Api, board: str) -> None:
    with Viewer(stack.port, board) as viewer:
        api("PATCH", f"{board}players/alice/", {"name": "Ällice"})
        viewer.wait_for(
            lambda event: event.data["players"][0]["name"] == "Ällice", "player renamed"
        )
        api("PATCH", board, {"name": "Renamed"})
        viewer.wait_for(lambda event: event.data["name"] == "Renamed", "board renamed")
        api("DELETE", f"{board}players/alice/")
        viewer.wait_for(lambda event: len(event.data["players"]) == 1, "player deleted")
        assert not viewer.closed.is_set()
        api("DELETE", board)
        wait_until(viewer.closed.is_set, "the stream of the deleted board to end")
        assert viewer.others[-1] == ("deleted", {"id": board.split("/")[2]})
    with Viewer(stack.port, board) as late:
        assert late.response.status == 404


def test_viewers_of_a_board_that_becomes_private_see_no_more_of_it(
    stack: Stack, api: Api, board: str
) -> None:
    with Viewer(stack.port, board) as viewer:
        viewer.wait_for(lambda event: True, "the snapshot")
        api("PATCH", board, {"private": True})
        wait_until(viewer.closed.is_set, "the stream to end")
        assert not any(event.data["players"][0]["score"] for event in viewer.events)
    with Viewer(stack.port, board) as late:
        assert late.response.status == 401


def test_a_change_made_outside_the_service_reaches_viewers(
    stack: Stack, board: str, board_id: str
) -> None:
    with Viewer(stack.port, board) as viewer:
        program = (
            "from leaderboardapp.models import Board, Player; "
            f"board = Board.get({board_id!r}); Player.get_for_board(board, 'bob').score_add(9)"
        )
        done = stack.manage("shell", "-c", program)
        assert done.returncode == 0, done.stderr
        viewer.wait_for(lambda event: event.data["players"][0]["score"] == 9, "score 9")


def test_a_viewer_who_returns_up_to_date_is_sent_nothing_until_a_change(
    stack: Stack, api: Api, board: str
) -> None:
    with Viewer(stack.port, board) as viewer:
        api("POST", f"{board}players/bob/score-add/")
        wait_until(
            lambda: count_snapshots(viewer) > stack.repeats,
            "all that this viewer is sent",
        )
        last = viewer.events[-1].id
    with Viewer(stack.port, board, last_event_id=last) as viewer:
        api("POST", f"{board}players/bob/score-add/")
        event = viewer.wait_for(lambda event: True, "the change")
        assert event.data["players"][0]["score"] == 2
        assert event.id != last


def test_the_newest_snapshot_is_repeated_once_if_the_proxy_does_not_tell_whom_it_holds(
    stack: Stack, api: Api, board: str
) -> None:
    with Viewer(stack.port, board) as viewer:
        api("POST", f"{board}players/bob/score-add/")
        wait_until(lambda: count_snapshots(viewer) > stack.repeats, "all that are sent")
        wait_until(lambda: is_quiet(viewer), "no more of them")
        # One who has just joined may be sent it twice, and on a slow machine that is late.
        assert count_snapshots(viewer) <= stack.repeats + 2


def test_a_burst_reaches_viewers_as_few_snapshots_ending_with_the_last(
    stack: Stack, api: Api, board: str
) -> None:
    with Viewer(stack.port, board) as viewer:
        viewer.wait_for(lambda event: True, "the snapshot")
        started = time.monotonic()

        def add(player: str) -> None:
            for _ in range(50):
                assert api("POST", f"{board}players/{player}/score-add/").status == 200

        threads = [threading.Thread(target=add, args=[name]) for name in ("alice", "bob")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - started
        wait_until(lambda: viewer.scores() == {"Alice": 50, "Bob": 50}, "the last score")
        # PUBLISH_INTERVAL is 50 ms; the first snapshot, the last and the repeat come on top.
        assert len(viewer.events) <= took / 0.05 + 3


def test_a_direct_request_for_a_stream_is_told_of_the_proxy(stack: Stack, board: str) -> None:
    answer = Api(stack.web_port)("GET", board, headers={"Accept": "text/event-stream"})
    assert answer.status == 501
    assert json.loads(answer.text)["status"] == 501


@pytest.mark.stores("postgresql")  # on which the stack is published to over HTTP
def test_a_stream_of_a_player_is_told_that_ranks_are_not_live_over_http(
    stack: Stack, api: Api, board: str
) -> None:
    bob = f"{board}players/bob/"
    answer = api("GET", bob, headers={"Accept": "text/event-stream"})
    assert (answer.status, answer.json["type"]) == (501, "/docs/problems/#no-live-ranks")
    with watch(stack, bob) as socket:
        assert closing_code(socket) == 4501


def test_a_chunked_body_is_never_taken_for_an_empty_one(stack: Stack, board: str) -> None:
    for port, statuses in ((stack.port, (200, 411)), (stack.web_port, (411,))):
        connection = HTTPConnection("localhost", port, timeout=30)
        connection.request(
            "POST",
            f"{board}players/bob/score-add/",
            iter([b'{"amount"', b": 5}"]),
            {"Content-Type": "application/json"},
        )
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        assert response.status in statuses
        assert answer.get("score", 5) == 5


def test_a_body_that_ends_early_changes_nothing(stack: Stack, api: Api, board: str) -> None:
    head = f"POST {board}players/bob/score-add/ HTTP/1.1\r\nHost: localhost\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 14\r\n\r\n"
    with socket.create_connection(("127.0.0.1", stack.web_port), timeout=30) as client:
        client.sendall(head.encode())
        client.shutdown(socket.SHUT_WR)
        assert client.recv(20).startswith(b"HTTP/1.1 400 ")
    assert api("GET", f"{board}players/bob/").json["score"] == 0


def keep_newest(rows: int, file: Path) -> Path:
    """Write the newest rows of the goals to the file, under their header; return the file."""
    header, *lines = GOALS.read_text().splitlines(keepends=True)
    file.write_text("".join([header, *lines[-rows:]]))
    return file


def count_goals(file: Path) -> Counter[str]:
    """Count each scorer's goals, without own goals."""
    with file.open(newline="") as lines:
        rows = csv.DictReader(lines)
        return Counter(row["scorer"] for row in rows if row["own_goal"] == "FALSE")


@pytest.mark.skipif(not GOALS.exists(), reason=f"{GOALS} is not there")
def test_a_century_of_football_ends_right_on_every_viewer(
    stack: Stack, api: Api, board_id: str, tmp_path: Path
) -> None:
    """On SQLite. Some years of it, which are eight batches of rows, on the other stores."""
    on_sqlite = stack.env["DATABASE_URL"].startswith("sqlite:")
    file = GOALS if on_sqlite else keep_newest(8000, tmp_path / "goals.csv")
    goals = count_goals(file)
    final = dict(goals.most_common(5))
    assert len({*final.values()}) == 5, "who comes first does not depend on when"
    path = f"/boards/{board_id}/"
    assert api("POST", "/boards/", {"id": board_id, "name": "Goals"}).status == 201
    command = ["import_scores", str(file), "--board", board_id]
    command += ["--player-column", "scorer", "--where", "own_goal=FALSE"]
    with Viewer(stack.port, path) as one, Viewer(stack.port, path) as two:
        runs = [stack.manage(*command)]
        while runs[-1].returncode and len(runs) < 3:  # a busy store: do as it says
            assert "Run the same command again to go on" in runs[-1].stderr
            runs.append(stack.manage(*command))
        assert runs[-1].returncode == 0, runs[-1].stderr
        assert len(runs) > 1 or f"{goals.total()} rows" in runs[-1].stdout
        for viewer in (one, two):
            wait_until(lambda: viewer.events and viewer.scores() == final, "the final board")  # noqa: B023
            assert len(viewer.events) > 5, "viewers watch it grow"
        assert "0 rows" in stack.manage(*command).stdout
        assert [row["name"] for row in api("GET", path).json["players"]] == list(final)
