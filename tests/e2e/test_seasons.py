"""A reset, by hand or by schedule, reaches viewers."""

from tests.e2e.viewers import Api, Viewer
from tests.support.programs import wait_until
from tests.support.stack import Stack

OVERDUE = """
from leaderboardapp.stores import get_store
get_store().update_board({!r}, {{"schedule": "daily", "ends_at": "2026-01-01T00:00:00Z"}})
"""


def test_viewers_are_shown_the_new_season(stack: Stack, api: Api, board: str) -> None:
    with Viewer(stack.port, board) as viewer:
        api("POST", f"{board}players/bob/score-add/")
        wait_until(lambda: viewer.scores() == {"Alice": 0, "Bob": 1}, "the score")
        api("POST", f"{board}reset/")
        wait_until(lambda: viewer.scores() == {"Alice": 0, "Bob": 0}, "the new season")


def test_the_listener_ends_a_season_by_its_schedule_and_once(
    stack: Stack, api: Api, board: str, board_id: str
) -> None:
    with Viewer(stack.port, board) as viewer:
        api("POST", f"{board}players/bob/score-add/")
        wait_until(lambda: viewer.scores() == {"Alice": 0, "Bob": 1}, "the score")
        stack.manage("shell", "-c", OVERDUE.format(board_id))
        wait_until(lambda: viewer.scores() == {"Alice": 0, "Bob": 0}, "the new season")
    seasons = api("GET", f"{board}seasons/").json
    assert (seasons["season"], len(seasons["past"])) == (2, 1)
    past = api("GET", f"{board}seasons/1/").json
    assert past["players"][0] == {"id": "bob", "name": "Bob", "score": 1, "rank": 1}
