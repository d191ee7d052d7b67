"""Seasons: resets, past ones, writes that name theirs."""

from typing import Any

import pytest

from leaderboardapp.domain import schedule
from leaderboardapp.stores.base import Store
from leaderboardapp.web.requests import encode_cursor
from tests.api.conftest import Send, assert_problem


def scores(send: Send, path: str) -> dict[str, int]:
    return {row["id"]: row["score"] for row in send("GET", path).json()["players"]}


def test_a_reset_begins_a_season_with_all_scores_zero(send: Send, board: str, alice: str) -> None:
    send("POST", f"{alice}score-add/", {"amount": 7})
    response = send("POST", f"{board}reset/")
    assert response.status_code == 200
    assert response.json()["season"] == 2
    assert scores(send, board) == {"alice": 0}
    standing = {"rank": 1, "of": 1, "percentile": 100}
    assert send("GET", alice).json() == {"id": "alice", "name": "Alice", "score": 0, **standing}


def test_a_past_season_stays_readable(send: Send, board: str, board_id: str, alice: str) -> None:
    send("POST", f"{alice}score-add/", {"amount": 7})
    send("PATCH", board, {"ranking": "dense"})
    ended = send("POST", f"{board}reset/").json()
    send("PATCH", board, {"name": "Another name"})
    send("POST", f"{alice}score-add/", {"amount": 1})
    response = send("GET", f"{board}seasons/1/").json()
    ended_at = response.pop("ended_at")
    assert ended_at[-1] == "Z" and ended["season"] == 2
    assert response == {
        "id": board_id,
        "name": "A board",
        "season": 1,
        "players": [{"id": "alice", "name": "Alice", "score": 7, "rank": 1}],
    }


@pytest.mark.parametrize(
    "season", ["2", "3", "0", "-1", "01", "00", "2147483648", "9" * 10, "9" * 30, "9" * 5000]
)
def test_a_season_that_is_not_past_is_not_found(send: Send, board: str, season: str) -> None:
    send("POST", f"{board}reset/")
    problem = assert_problem(send("GET", f"{board}seasons/{season}/"), 404, season[:40])
    assert problem["type"] == "/docs/problems/#season-not-found"
    problem = assert_problem(send("GET", f"/boards/nowhere/seasons/{season}/"), 404, "nowhere")
    assert problem["type"] == "/docs/problems/#board-not-found"
    assert send("PATCH", board, {"private": True}).status_code == 200
    assert_problem(send("GET", f"{board}seasons/{season}/"), 401)


@pytest.mark.parametrize("season", ["1.5", "x", "+1", "1e0", "\u0661"])
def test_what_is_no_number_is_no_season(send: Send, board: str, season: str) -> None:
    problem = assert_problem(send("GET", f"{board}seasons/{season}/"), 404)
    assert problem["type"] == "/docs/problems/#path-not-found"


def test_past_seasons_are_listed_newest_first_page_by_page(send: Send, board: str) -> None:
    for _ in range(3):
        send("POST", f"{board}reset/")
    page = send("GET", f"{board}seasons/?limit=2").json()
    assert page["season"] == 4
    assert [row["season"] for row in page["past"]] == [3, 2]
    page = send("GET", f"{board}seasons/?limit=2&cursor={page['next']}").json()
    assert [row["season"] for row in page["past"]] == [1]
    assert page["next"] is None


def test_a_reset_that_names_its_season_is_done_once(send: Send, board: str) -> None:
    assert send("POST", f"{board}reset/", {"season": 1}).status_code == 200
    assert_problem(send("POST", f"{board}reset/", {"season": 1}), 409, "season 2")
    assert send("GET", f"{board}seasons/").json()["season"] == 2


def test_a_write_for_a_season_that_is_over_changes_nothing(
    send: Send, board: str, alice: str
) -> None:
    assert send("POST", f"{alice}score-add/", {"season": 1}).status_code == 200
    send("POST", f"{board}reset/")
    assert_problem(send("POST", f"{alice}score-add/", {"season": 1}), 409, "season 2")
    assert_problem(send("PUT", f"{alice}score/", {"score": 3, "season": 1}), 409, "season 2")
    rows = [{"player": "alice", "season": 1}, {"player": "alice", "amount": 2, "season": 2}]
    results = send("POST", f"{board}scores/", rows).json()["results"]
    assert [row["status"] for row in results] == [409, 200]
    assert "season 2" in results[0]["detail"]
    assert scores(send, board) == {"alice": 2}


def test_an_increment_retried_after_a_reset_is_not_counted_again(
    send: Send, board: str, alice: str
) -> None:
    for _ in range(2):
        response = send("POST", f"{alice}score-add/", {"season": 1}, idempotency_key="k")
        assert response.status_code == 200
        send("POST", f"{board}reset/")
    assert response.json()["score"] == 0


def test_the_first_score_of_a_season_is_best_and_on_an_ascending_board_the_only_one_ranked(
    send: Send, board: str, alice: str
) -> None:
    send("PATCH", board, {"order": "asc"})
    send("POST", f"{board}players/", {"id": "bob", "name": "Bob"})
    for player in ("alice", "bob"):
        send("PUT", f"{board}players/{player}/score/", {"score": 5})
    send("POST", f"{board}reset/")
    assert scores(send, board) == {}
    assert send("GET", alice).json()["rank"] is None
    send("PUT", alice + "score/", {"score": 9, "mode": "best"})
    assert scores(send, board) == {"alice": 9}


def test_a_player_who_is_erased_is_in_no_past_season(send: Send, board: str, alice: str) -> None:
    send("POST", f"{board}players/", {"id": "bob", "name": "Bob"})
    send("POST", f"{alice}score-add/", {"amount": 7})
    send("POST", f"{board}reset/")
    send("DELETE", alice)
    assert scores(send, f"{board}seasons/1/") == {"bob": 0}


def test_a_board_of_the_same_id_has_no_past(send: Send, board: str, board_id: str) -> None:
    send("POST", f"{board}reset/")
    send("DELETE", board)
    send("POST", "/boards/", {"id": board_id})
    assert send("GET", f"{board}seasons/").json()["past"] == []
    assert_problem(send("GET", f"{board}seasons/1/"), 404)


def test_a_schedule_says_when_the_season_ends(send: Send, board: str) -> None:
    assert send("PATCH", board, {"schedule": "monthly"}).json()["ends_at"][8:] == "01T00:00:00Z"
    ended = send("POST", f"{board}reset/").json()
    assert ended["ends_at"][8:] == "01T00:00:00Z"
    assert send("PATCH", board, {"schedule": None}).json()["ends_at"] is None
    assert send("PATCH", board, {}).json()["next_ends"] == []


BERLIN = {"every": "week", "on": "monday", "at": "06:00", "zone": "Europe/Berlin"}


def test_the_next_three_ends_are_by_the_clock_of_the_zone(
    send: Send, board: str, board_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "now", lambda: "2026-10-13T10:00:00Z")
    ends = ["2026-10-19T04:00:00Z", "2026-10-26T05:00:00Z", "2026-11-02T05:00:00Z"]
    answer = send("PATCH", board, {"schedule": BERLIN}).json()
    assert answer["schedule"] == BERLIN
    assert (answer["ends_at"], answer["next_ends"]) == (ends[0], ends)
    assert send("GET", f"{board}seasons/").json()["next_ends"] == ends
    reset = send("POST", f"{board}reset/").json()
    assert reset == {**answer, "season": 2}
    page = send("GET", f"/boards/?limit=1&cursor={encode_cursor(board_id[:-1])}").json()
    assert page["boards"] == [reset]
    created = send("POST", "/boards/", {"id": f"{board_id}-2", "schedule": {"every": "day"}})
    assert created.json()["schedule"] == {"every": "day", "at": "00:00", "zone": "UTC"}
    assert created.json()["next_ends"][0] == created.json()["ends_at"] == "2026-10-14T00:00:00Z"


@pytest.mark.parametrize("name", ["daily", "weekly", "monthly"])
def test_a_name_is_answered_as_it_was_written(send: Send, board: str, name: str) -> None:
    answer = send("PATCH", board, {"schedule": name}).json()
    assert answer["schedule"] == name
    assert answer["next_ends"][0] == answer["ends_at"] and len(set(answer["next_ends"])) == 3


def test_a_schedule_in_full_changes_nothing_that_is_due(
    send: Send, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "now", lambda: "2026-10-13T10:00:00Z")
    first = send("PATCH", board, {"schedule": BERLIN})
    monkeypatch.setattr(schedule, "now", lambda: "2026-11-13T10:00:00Z")
    again = send("PATCH", board, {"schedule": BERLIN})
    assert again.json()["ends_at"] == first.json()["ends_at"], "overdue, and not put off"
    assert again.json()["next_ends"][1:] == ["2026-11-16T05:00:00Z", "2026-11-23T05:00:00Z"]


def test_etags_stay_as_time_passes_and_hold_for_a_schedule_of_a_zone(
    send: Send, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "now", lambda: "2026-10-13T10:00:00Z")
    tag, snapshot = send("PATCH", board, {"schedule": BERLIN})["ETag"], send("GET", board)
    monkeypatch.setattr(schedule, "now", lambda: "2026-11-13T10:00:00Z")
    assert send("PATCH", board, {})["ETag"] == tag
    assert send("GET", board)["ETag"] == snapshot["ETag"]
    assert send("GET", board, if_none_match=snapshot["ETag"]).status_code == 304
    other = send("PATCH", board, {"schedule": {**BERLIN, "at": "07:00"}}, if_match=tag)
    assert other.status_code == 200 and other["ETag"] != tag
    assert_problem(send("PATCH", board, {"schedule": None}, if_match=tag), 412)


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ("hourly", ["daily, weekly, monthly", '"every": "week"']),
        (5, ["daily, weekly, monthly"]),
        ({}, ['"every"', "day, week, month"]),
        ({"every": "year"}, ['"every"', "day, week, month"]),
        ({"every": "day", "on": 1}, ['"on"', '"day"']),
        ({"every": "week", "on": "Montag"}, ['"on"', "monday", "sunday"]),
        ({"every": "month", "on": 32}, ['"on"', "from 1 to 31"]),
        ({"every": "day", "at": "24:00"}, ['"at"', "00:00", "23:59"]),
        ({"every": "day", "zone": "Europe/Berln"}, ['"zone"', "IANA", "nearest", "Europe/Berlin"]),
        ({"every": "day", "zone": "a\u0000b\n"}, ['"zone"', "IANA"]),
        ({"every": "day", "hour": 6}, ["every, on, at, zone"]),
    ],
)
def test_what_is_no_schedule_is_refused_and_changes_nothing(
    send: Send, board: str, value: Any, accepted: list[str]
) -> None:
    before = send("PATCH", board, {"schedule": BERLIN}).json()
    for method, path in (("PATCH", board), ("POST", "/boards/")):
        response = send(method, path, {"name": "B", "schedule": value})
        assert_problem(response, 422, "schedule: must be null or ", *accepted)
    assert send("PATCH", board, {}).json() == before


def test_hidden_players_come_back_with_zero(
    send: Send, store: Store, board: str, board_id: str, alice: str
) -> None:
    send("POST", f"{alice}score-add/", {"amount": 7})
    send("PATCH", alice, {"hidden": True})
    send("POST", f"{board}reset/")
    assert send("PATCH", alice, {"hidden": False}).json()["score"] == 0
    store.run_maintenance(board_id)
    assert scores(send, board) == {"alice": 0}
