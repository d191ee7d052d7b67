"""Windows of a board: what counts in them, and how they are read."""

from collections.abc import Callable

import pytest
from gripcontrol import WebSocketEvent

from leaderboardapp.domain import schedule
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from tests.api.conftest import Response, Send, SendEvents, assert_problem, decode_events

Read = Callable[[str], dict[str, int]]


@pytest.fixture
def windows(send: Send, board: str) -> str:
    """The path of a board with all windows, and the players Alice and Bob."""
    send("PATCH", board, {"windows": ["day", "week", "month"]})
    for id, name in (("alice", "Alice"), ("bob", "Bob")):
        send("POST", f"{board}players/", {"id": id, "name": name})
    return board


@pytest.fixture
def read_window(send: Send, board: str) -> Read:
    """read_window("week"): the scores of the window's snapshot, by player."""

    def read(window: str) -> dict[str, int]:
        rows = send("GET", f"{board}?window={window}").json()["players"]
        return {row["id"]: row["score"] for row in rows}

    return read


def end(store: Store, board_id: str, window: str) -> None:
    """End the window's season now."""
    id = f"{board_id}~{window}"
    store.start_next_season(id, store.get_board(id)["season"], schedule.now())


def test_windows_are_a_setting_in_one_order(send: Send, board: str) -> None:
    assert send("PATCH", board, {"windows": ["month", "day", "day"]}).json()["windows"] == [
        "day",
        "month",
    ]
    created = send("POST", "/boards/", {"name": "B", "windows": ["week"]}).json()
    assert created["windows"] == ["week"] and "since" not in created
    assert send("GET", f"/boards/{created['id']}/?window=week").json()["window"] == "week"


@pytest.mark.parametrize("windows", ["day", ["year"], [1], [["day"]], None, {"day": True}])
def test_other_windows_are_refused(send: Send, board: str, windows: object) -> None:
    problem = assert_problem(send("PATCH", board, {"windows": windows}), 422, "windows")
    assert "day, week, month" in problem["detail"]
    assert send("PATCH", board, {}).json()["windows"] == []


def test_a_write_counts_on_the_board_and_in_each_window(
    send: Send, windows: str, read_window: Read
) -> None:
    send("POST", f"{windows}players/alice/score-add/", {"amount": 7})
    send("POST", f"{windows}scores/", [{"player": "bob", "amount": 2}, {"player": "bob"}])
    send("PUT", f"{windows}players/alice/score/", {"score": 5, "mode": "best"})
    for window in ("day", "week", "month"):
        assert read_window(window) == {"alice": 7, "bob": 3}
    send("PUT", f"{windows}players/alice/score/", {"score": 1})
    assert read_window("week") == {"alice": 1, "bob": 3}


def test_a_window_has_only_who_scored_in_it(
    send: Send, store: Store, windows: str, board_id: str, read_window: Read
) -> None:
    send("POST", f"{windows}players/alice/score-add/", {"amount": 7})
    send("POST", f"{windows}players/bob/score-add/", {"amount": 9})
    end(store, board_id, "day")
    assert read_window("day") == {}
    assert_problem(send("GET", f"{windows}players/bob/?window=day"), 404, "window day", "bob")
    send("POST", f"{windows}players/alice/score-add/")
    assert read_window("day") == {"alice": 1}
    assert read_window("week") == {"alice": 8, "bob": 9}
    past = send("GET", f"{windows}seasons/1/?window=day").json()
    assert [(row["id"], row["score"]) for row in past["players"]] == [("bob", 9), ("alice", 7)]
    assert past["id"] == board_id and past["window"] == "day" and past["season"] == 1


def test_a_key_counts_once_in_each_window(send: Send, windows: str, read_window: Read) -> None:
    for _ in range(2):
        send("POST", f"{windows}players/alice/score-add/", {"amount": 7}, Idempotency_Key="k")
    assert read_window("week") == {"alice": 7}


def test_what_the_board_refuses_counts_in_no_window(
    send: Send, windows: str, read_window: Read
) -> None:
    send("PATCH", windows, {"max": 5})
    assert_problem(send("POST", f"{windows}players/alice/score-add/", {"amount": 6}), 422)
    assert_problem(send("POST", f"{windows}players/alice/score-add/", {"season": 2}), 409)
    assert read_window("day") == {}


def test_a_window_begins_empty_and_says_since_when(send: Send, board: str, alice: str) -> None:
    send("POST", f"{alice}score-add/", {"amount": 7})
    before = schedule.now()
    send("PATCH", board, {"windows": ["week"]})
    snapshot = send("GET", f"{board}?window=week").json()
    assert snapshot["players"] == [] and before <= snapshot["since"] <= schedule.now()
    seasons = send("GET", f"{board}seasons/?window=week").json()
    assert seasons.pop("next_ends")[0] == snapshot["ends_at"]
    assert seasons == {"season": 1, "since": snapshot["since"], "past": [], "next": None}
    assert "since" not in send("GET", board).json()


def test_a_window_that_is_turned_off_is_gone(
    send: Send, store: Store, windows: str, board_id: str, read_window: Read
) -> None:
    send("POST", f"{windows}players/alice/score-add/")
    end(store, board_id, "week")
    send("PATCH", windows, {"windows": ["day"]})
    problem = assert_problem(send("GET", f"{windows}?window=week"), 404, "week", "it has day")
    assert problem["type"] == "/docs/problems/#window-not-found"
    send("PATCH", windows, {"windows": ["day", "week"]})
    assert read_window("week") == {} and read_window("day") == {"alice": 1}
    assert send("GET", f"{windows}seasons/?window=week").json()["past"] == []


READS = [
    "",
    "players/",
    "players/?from_rank=1",
    "players/?hidden=true",
    "players/alice/",
    "players/alice/around/",
    "rank/?score=3",
    "seasons/",
    "seasons/1/",
]


def with_window(path: str, window: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}window={window}"


@pytest.mark.parametrize("read", READS)
def test_every_read_takes_a_window(
    send: Send, store: Store, windows: str, board_id: str, read: str
) -> None:
    send("POST", f"{windows}players/alice/score-add/", {"amount": 3})
    end(store, board_id, "week")
    send("POST", f"{windows}players/alice/score-add/", {"amount": 1})
    response = send("GET", with_window(windows + read, "week"))
    assert response.status_code == 200 and "~" not in response.content.decode()
    path = windows + read
    assert_problem(send("GET", with_window(path, "year")), 422, "day, week, month")
    send("PATCH", windows, {"windows": ["day"]})
    assert_problem(send("GET", with_window(path, "week")), 404, "it has day")
    gone = path.replace(board_id, "nowhere")
    assert_problem(send("GET", with_window(gone, "week")), 404, "nowhere")


def test_ranks_are_the_windows_own(send: Send, store: Store, windows: str, board_id: str) -> None:
    send("POST", f"{windows}players/alice/score-add/", {"amount": 10})
    end(store, board_id, "day")
    send("POST", f"{windows}players/bob/score-add/", {"amount": 3})
    send("POST", f"{windows}players/alice/score-add/", {"amount": 1})
    alice = send("GET", f"{windows}players/alice/?window=day").json()
    assert (alice["score"], alice["rank"], alice["of"]) == (1, 2, 2)
    assert send("GET", f"{windows}players/alice/").json()["rank"] == 1
    around = send("GET", f"{windows}players/alice/around/?window=day").json()["players"]
    assert [row["id"] for row in around] == ["bob", "alice"]
    assert send("GET", f"{windows}rank/?score=2&window=day").json()["rank"] == 2
    body = {"ids": ["alice", "bob", "carol"]}
    selection = send("POST", f"{windows}players/select/?window=day", body).json()
    assert [(row["id"], row["rank"]) for row in selection["players"]] == [("bob", 1), ("alice", 2)]
    assert selection["missing"] == ["carol"]


def test_a_write_answers_the_rank_in_each_window(
    send: Send, store: Store, windows: str, board_id: str
) -> None:
    send("POST", f"{windows}players/alice/score-add/", {"amount": 10})
    end(store, board_id, "day")
    path = f"{windows}players/bob/score-add/?rank=true"
    answer = send("POST", path, {"amount": 4}, Idempotency_Key="k").json()
    second = {"score": 4, "rank": 2, "of": 2, "percentile": 50}
    first = {"score": 4, "rank": 1, "of": 1, "percentile": 100}
    assert answer["rank"] == 2
    assert answer["windows"] == {"day": first, "week": second, "month": second}
    end(store, board_id, "day")
    answer = send("POST", path, {"amount": 4}, Idempotency_Key="k").json()
    assert answer["repeated"] is True
    nobody = {"score": 0, "rank": None, "of": 0, "percentile": None}
    assert answer["windows"] == {"day": nobody, "week": second, "month": second}
    rows = send("POST", f"{windows}scores/?rank=true", [{"player": "bob"}]).json()["results"]
    assert rows[0]["windows"]["day"]["score"] == 1
    assert "windows" not in send("POST", path.removesuffix("?rank=true")).json()


def test_no_write_takes_a_window(send: Send, windows: str) -> None:
    for method, path in (
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "reset/"),
        ("POST", "players/"),
        ("DELETE", "players/alice/"),
        ("POST", "players/alice/score-add/"),
        ("POST", "ticket/"),
    ):
        response = send(method, f"{windows}{path}?window=week", {})
        assert response.status_code in (401, 422), (method, path)
        if response.status_code == 422:
            assert_problem(response, 422, "window: not known here")


def test_the_id_of_a_window_leads_nowhere(send: Send, windows: str, board_id: str) -> None:
    assert_problem(send("GET", f"/boards/{board_id}~week/"), 404)
    assert_problem(send("POST", "/boards/", {"id": f"{board_id}~year"}), 422, "id")
    listed = send("GET", f"/boards/?limit=100&cursor={cursor(board_id[:-1])}").json()["boards"]
    assert [row["id"] for row in listed if row["id"].startswith(board_id)] == [board_id]


def cursor(id: str) -> str:
    from leaderboardapp.web.requests import encode_cursor

    return encode_cursor(id)


def test_a_window_has_its_own_etag(send: Send, windows: str) -> None:
    send("POST", f"{windows}players/alice/score-add/")

    def tag(query: str) -> str:
        return str(send("GET", f"{windows}{query}")["ETag"])

    tags = [tag(query) for query in ("", "?window=day", "?window=week")]
    assert len({*tags}) == 3
    response = send("GET", f"{windows}?window=day", If_None_Match=tags[1])
    assert response.status_code == 304
    assert send("GET", f"{windows}?window=day", If_None_Match=tags[0]).status_code == 200


def test_settings_and_players_are_the_boards(send: Send, windows: str, read_window: Read) -> None:
    send("POST", f"{windows}players/alice/score-add/", {"amount": 2})
    send("POST", f"{windows}players/bob/score-add/", {"amount": 1})
    send("PATCH", f"{windows}players/alice/", {"name": "Al", "data": {"country": "NL"}})
    send("PATCH", windows, {"name": "New", "show": ["country"], "size": 1})
    snapshot = send("GET", f"{windows}?window=month").json()
    [row] = snapshot["players"]
    assert snapshot["name"] == "New"
    assert (row["name"], row["data"]) == ("Al", {"country": "NL"})
    send("PATCH", f"{windows}players/alice/", {"hidden": True})
    assert read_window("month") == {"bob": 1}
    send("DELETE", f"{windows}players/bob/")
    assert read_window("month") == {}
    hidden = send("GET", f"{windows}players/?hidden=true&window=month").json()["players"]
    assert [player["id"] for player in hidden] == ["alice"]


def test_a_reset_leaves_the_windows(send: Send, windows: str, read_window: Read) -> None:
    send("POST", f"{windows}players/alice/score-add/", {"amount": 2})
    send("POST", f"{windows}reset/")
    assert read_window("week") == {"alice": 2}
    send("POST", f"{windows}players/alice/score-add/")
    assert read_window("week") == {"alice": 3}
    assert send("GET", windows).json()["players"][0]["score"] == 1


def test_a_deleted_board_takes_its_windows_along(
    send: Send, store: Store, windows: str, board_id: str
) -> None:
    send("POST", f"{windows}players/alice/score-add/")
    send("DELETE", windows)
    send("POST", "/boards/", {"id": board_id, "name": "New", "windows": ["week"]})
    assert send("GET", f"{windows}?window=week").json()["players"] == []
    assert not store.get_top_players([f"{board_id}~day"])


@pytest.mark.stores("rethinkdb")
def test_a_window_whose_board_has_just_gone_has_no_page(
    send: Send, store: RethinkStore, windows: str, board_id: str
) -> None:
    store.db.run(store.db.boards.get(board_id).delete())  # a deletion goes on with the windows
    assert send("GET", f"{windows}?window=day", accept="text/html").status_code == 404


def test_who_may_read_the_board_may_read_its_windows(
    send: Send, windows: str, board_id: str, give_token: Callable[..., str]
) -> None:
    send("PATCH", windows, {"private": True})
    path = f"{windows}?window=week"
    assert_problem(send("GET", path), 401)
    assert_problem(send("GET", f"{windows}players/alice/?window=week"), 401)
    assert send("GET", path, Authorization=give_token("read", [board_id])).status_code == 200
    assert_problem(send("GET", path, Authorization=give_token("read", ["other"])), 403)
    wild = give_token("read", [f"{board_id[:-2]}*"])
    assert send("GET", path, Authorization=wild).status_code == 200
    token = give_token("read", [board_id])
    ticket = send("POST", f"{windows}ticket/", {}, Authorization=token).json()["ticket"]
    assert send("GET", f"{path}&ticket={ticket}").status_code == 200
    assert_problem(send("GET", f"{path}&ticket={ticket}"), 401, "used before")
    send("PATCH", windows, {"windows": []})
    assert_problem(send("GET", path), 401)
    assert_problem(send("GET", path, Authorization=token), 404, "it has none")


@pytest.fixture
def give_token() -> Callable[..., str]:
    """give_token("read", [board ids]): the header of a token."""
    from leaderboardapp.web.auth import create_token

    return lambda scope, boards: f"Bearer {create_token([scope], boards, 60)}"


def grip_channels(response: Response) -> str:
    return str(response["Grip-Channel"])


def test_streams_are_held_on_the_windows_channel(
    send: Send, windows: str, board_id: str, grip_sig: str
) -> None:
    stream = send("GET", f"{windows}?window=week", Accept="text/event-stream", Grip_Sig=grip_sig)
    assert grip_channels(stream) == f"board-{board_id}~week"
    assert '"window":"week"' in stream.content.decode()
    tag = send("GET", f"{windows}?window=week")["ETag"]
    headers = {"If_None_Match": tag, "Prefer": "wait=30", "Grip_Sig": grip_sig}
    poll = send("GET", f"{windows}?window=week", **headers)
    assert grip_channels(poll).startswith(f"board-{board_id}~week")


def test_emails_are_those_of_the_board(
    send: Send, board: str, board_id: str, give_token: Callable[..., str]
) -> None:
    send("PATCH", board, {"ask_email": True, "windows": ["week"]})
    body = {"id": "carol", "name": "Carol", "email": "carol@example.com"}
    send("POST", f"{board}players/", body)
    send("POST", f"{board}players/carol/score-add/")
    token = give_token("write", [board_id])
    path = f"{board}players/?window=week"
    [row] = send("GET", path, Authorization=token).json()["players"]
    assert row["email"] == "carol@example.com"
    [row] = send("GET", path).json()["players"]
    assert "email" not in row


def test_a_websocket_watches_the_window(
    send: Send, send_events: SendEvents, windows: str, board_id: str
) -> None:
    send("POST", f"{windows}players/alice/score-add/")
    path = f"{windows}ws/?window=week"
    opened = dict(decode_events(send_events(path, WebSocketEvent("OPEN")))[1:3])
    assert f"board-{board_id}~week" in str(opened) or "TEXT" in opened
    for query, code in (("year", 4422), ("month&window=day", 4422)):
        refused = send_events(f"{windows}ws/?window={query}", WebSocketEvent("OPEN"))
        assert decode_events(refused)[-1] == ("CLOSE", code.to_bytes(2))
    send("PATCH", windows, {"windows": []})
    gone = send_events(path, WebSocketEvent("OPEN"))
    assert decode_events(gone)[-1] == ("CLOSE", (4404).to_bytes(2))
