"""Data of players and what a score is, over HTTP."""

import json
from typing import Any

import pytest
from django.test import Client, override_settings
from hypothesis import example, given
from hypothesis import settings as examples

from leaderboardapp.domain.fields import InvalidInput
from leaderboardapp.domain.player_data import DATA_ACCEPTED, SHOW_ACCEPTED
from leaderboardapp.domain.types import Row
from leaderboardapp.models import Board, Player
from tests.api.conftest import Send, assert_problem
from tests.api.test_auth import bearer
from tests.support.player_data import player_data

DATA: Row = {"country": "NL", "level": 7, "gear": ["hat"]}
LAP = {"type": "time"}


@examples(max_examples=15)
@given(player_data)
@example({"$reql_type$": "TIME", "": {"__proto__": [0.5, "\u2028"]}})
def test_data_is_answered_as_it_was_sent(send: Send, board: str, data: Row) -> None:
    created = send("POST", f"{board}players/", {"name": "P", "data": data})
    assert created.status_code == 201
    assert created.json().get("data", {}) == data
    assert ("data" in created.json()) == bool(data)
    assert send("GET", created["Location"]).json().get("data", {}) == data
    changed = send("PATCH", created["Location"], {"data": {}})
    assert "data" not in changed.json()
    changed = send("PATCH", created["Location"], {"data": data})
    assert changed.json().get("data", {}) == data


def test_data_is_in_all_that_is_read_of_players(send: Send, board: str, alice: str) -> None:
    send("POST", f"{board}players/", {"id": "bob", "name": "Bob", "data": DATA})
    bob = {"id": "bob", "name": "Bob", "score": 0, "rank": 2, "data": DATA}
    read_alice = {"id": "alice", "name": "Alice", "score": 0, "rank": 1}
    assert send("GET", f"{board}players/").json()["players"] == [read_alice, bob]
    bob |= {"of": 2, "percentile": 50.0}
    assert send("GET", f"{alice}around/").json()["players"][1] == bob
    assert send("GET", f"{board}players/bob/").json() == bob
    [selected] = send("POST", f"{board}players/select/", {"ids": ["bob"]}).json()["players"]
    assert selected == {**bob, "place": 1}
    assert "data" not in send("POST", f"{board}players/bob/score-add/").json()
    hidden = send("PATCH", f"{board}players/bob/", {"hidden": True}).json()
    assert hidden == {"id": "bob", "name": "Bob", "score": 1, "hidden": True, "data": DATA}
    listed = send("GET", f"{board}players/?hidden=true", **bearer(scope="write")).json()
    assert [row["data"] for row in listed["players"]] == [DATA]


def test_data_is_replaced_whole_if_it_is_as_it_was_read(send: Send, alice: str) -> None:
    send("PATCH", alice, {"data": DATA})
    tag = send("GET", alice)["ETag"]
    changed = send("PATCH", alice, {"data": {"level": 8}}, if_match=tag)
    assert changed.json()["data"] == {"level": 8}
    assert_problem(send("PATCH", alice, {"data": DATA}, if_match=tag), 412)
    assert send("GET", alice).json()["data"] == {"level": 8}


BAD_DATA = [
    *("null", "[]", '"NL"', "7", '{"k": "\\u0000"}', '{"k": "\\ud800"}', '{"k": 1e16}'),
    '{"k": 0.10000000000000000001}',
    pytest.param(json.dumps({"k": "x" * 1024}), id="long"),
    pytest.param('{"k":' + "[" * 8 + "]" * 8 + "}", id="deep"),
]


@pytest.mark.parametrize("data", BAD_DATA)
def test_other_data_is_refused_with_what_is_accepted(
    client: Client, send: Send, board: str, alice: str, data: str
) -> None:
    send("PATCH", alice, {"data": DATA})
    before = send("GET", alice).json()
    for method, path, name in (("PATCH", alice, "A"), ("POST", f"{board}players/", "B")):
        body = f'{{"name": "{name}", "data": {data}}}'
        response = client.generic(method, path, body.encode(), "application/json")
        assert_problem(response, 422, f"data: must be {DATA_ACCEPTED}.")
    assert send("GET", alice).json() == before
    assert len(send("GET", f"{board}players/").json()["players"]) == 1


@pytest.mark.parametrize("data", ['{"k": NaN}', '{"k": Infinity}', '{"k": 1, "k": 2}'])
def test_data_that_is_no_json_is_refused(client: Client, alice: str, data: str) -> None:
    body = f'{{"data": {data}}}'.encode()
    response = client.generic("PATCH", alice, body, "application/json")
    assert_problem(response, 400)
    assert "data" not in client.get(alice).json()


@override_settings(ALLOW_ANONYMOUS_WRITES=False)
@pytest.mark.parametrize("player_writes", ["none", "best", "add", "set"])
def test_players_change_their_own_data_where_they_may_rename_themselves(
    send: Send, board_id: str, player_writes: str
) -> None:
    Board(board_id, player_writes=player_writes).save()
    for player in ("alice", "bob"):
        Player(Board(board_id), player, player, data=DATA).save()
    own = bearer(scope="play", player="alice")
    path = f"/boards/{board_id}/players/"
    expected = 403 if player_writes == "none" else 200
    response = send("PATCH", f"{path}alice/", {"data": {"k": 1}}, **own)
    assert response.status_code == expected
    data = DATA if player_writes == "none" else {"k": 1}
    assert Player.get_for_board(Board(board_id), "alice").data == data
    refused = send("PATCH", f"{path}bob/", {"data": {"k": 1}}, **own)
    assert_problem(refused, 403, "alice")
    assert Player.get_for_board(Board(board_id), "bob").data == DATA
    if player_writes != "none":
        assert send("DELETE", f"{path}alice/", **own).status_code == 204
        joined = send("POST", path, {"name": "Al", "data": {"k": 2}}, **own)
        assert joined.json() == {"id": "alice", "name": "Al", "score": 0, "data": {"k": 2}}


def test_a_snapshot_and_its_etag_follow_what_is_shown(send: Send, board: str, alice: str) -> None:
    before = send("GET", board)
    send("PATCH", alice, {"data": DATA})
    assert (send("GET", board).content, send("GET", board)["ETag"]) == (
        before.content,
        before["ETag"],
    )
    answer = send("PATCH", board, {"show": ["gear", "country", "missing"], "format": LAP})
    assert answer.json()["show"] == ["gear", "country", "missing"]
    assert answer.json()["format"] == LAP
    shown = send("GET", board)
    assert shown.json()["format"] == LAP
    assert shown.json()["players"][0]["data"] == {"country": "NL"}
    send("PATCH", alice, {"data": {**DATA, "level": 8}})
    assert send("GET", board)["ETag"] == shown["ETag"] != before["ETag"]
    send("PATCH", alice, {"data": {"country": "BE"}})
    assert send("GET", board)["ETag"] != shown["ETag"]
    send("PATCH", board, {"show": [], "format": {"type": "points"}})
    assert send("GET", board).content == before.content


def test_a_format_replaces_the_one_before(send: Send, board: str) -> None:
    for score_format in ({"type": "decimal", "places": 2, "unit": "km"}, {"type": "time"}):
        answer = send("PATCH", board, {"format": score_format})
        assert answer.json()["format"] == score_format
        assert send("GET", board).json()["format"] == score_format
        assert send("PATCH", board, {}).json()["format"] == score_format


@pytest.mark.parametrize(
    ("setting", "value", "accepted"),
    [
        ("show", "country", SHOW_ACCEPTED),
        ("show", list("abcdef"), SHOW_ACCEPTED),
        ("show", None, SHOW_ACCEPTED),
        ("format", "time", '{"type": "points"}'),
        ("format", {"type": "decimal", "places": 7}, '"places": 1 to 6'),
        ("format", {"type": "time", "unit": "s"}, '"unit"'),
        ("format", None, '{"type": "time"}'),
    ],
)
def test_other_settings_are_refused_with_what_is_accepted(
    send: Send, board: str, setting: str, value: Any, accepted: str
) -> None:
    before = send("PATCH", board, {}).json()
    assert_problem(
        send("PATCH", board, {"name": "B", setting: value}), 422, f"{setting}: must be", accepted
    )
    assert_problem(send("POST", "/boards/", {setting: value}), 422, f"{setting}: must be")
    assert send("PATCH", board, {}).json() == before


PLUS = '<button class="plus" type="button" aria-label="+1 for Alice">'


def test_the_page_of_a_fastest_lap_shows_times_and_no_button(
    send: Send, board: str, alice: str
) -> None:
    send("PUT", f"{alice}score/", {"score": 81234})
    page = send("GET", board, accept="text/html").content.decode()
    assert "<b>81,<wbr>234</b>" in page and '"unseen"> points' in page and PLUS in page
    send("PATCH", board, {"format": LAP, "order": "asc"})
    page = send("GET", board, accept="text/html").content.decode()
    assert "<b>1:21.234</b>" in page and '"unseen" hidden> points' in page
    assert PLUS not in page and PLUS.replace(" aria", " hidden aria") in page


class TestModels:
    def test_data_is_saved_if_it_was_changed(self, board: str, board_id: str) -> None:
        alice = Player(Board(board_id), "alice", "Alice", data=DATA).save()
        alice.data["level"] = 8
        alice.save()
        again = Player.get_for_board(Board(board_id), "alice")
        assert again.data == {**DATA, "level": 8}
        again.data = {}
        again.save()
        assert alice.reload().data == {}

    def test_data_is_known_after_a_write_of_the_score(self, board: str, board_id: str) -> None:
        Player(Board(board_id), "alice", "Alice", data=DATA).save()
        assert Player(Board(board_id), "alice").score_add(2).data == DATA
        alice = Player(Board(board_id), "alice").score_add(5)
        alice.name = "Al"
        assert alice.save().data == DATA
        alice.score_put(3).data["level"] = 9
        alice.name = "Ali"
        alice.save()
        read = Player.get_for_board(Board(board_id), "alice")
        assert (read.name, read.score, read.data) == ("Ali", 3, {**DATA, "level": 9})

    def test_settings_are_saved_if_they_were_changed(self, board: str, board_id: str) -> None:
        loaded = Board.get(board_id)
        loaded.show.append("country")
        loaded.format = {"type": "points", "unit": "km"}
        loaded.save()
        read = Board.get(board_id)
        assert (read.show, read.format) == (["country"], {"type": "points", "unit": "km"})
        assert Board().show == [] and Board().format == {"type": "points"}

    @pytest.mark.parametrize(
        "refused", [{"show": "country"}, {"format": {}}, {"format": "time"}, {"data": []}]
    )
    def test_what_is_not_accepted_is_not_saved(
        self, board: str, board_id: str, refused: Any
    ) -> None:
        with pytest.raises(InvalidInput, match="must be"):
            if "data" in refused:
                Player(Board(board_id), "alice", "Alice", **refused).save()
            else:
                Board(f"{board_id}-2", **refused).save()
