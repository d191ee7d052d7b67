"""Windows of a board, watched through the real Pushpin."""

from tests.e2e.viewers import Api, Viewer
from tests.support.programs import wait_until
from tests.support.stack import Stack

OVERDUE = """
from leaderboardapp.stores import get_store
get_store().update_board({!r}, {{"ends_at": "2026-01-01T00:00:00Z"}})
"""


def test_a_stream_of_a_window_shows_its_scores_until_the_board_is_deleted(
    stack: Stack, api: Api, board: str, board_id: str
) -> None:
    api("POST", f"{board}players/alice/score-add/", {"amount": 5})
    api("PATCH", board, {"windows": ["week"]})
    with Viewer(stack.port, f"{board}?window=week") as week, Viewer(stack.port, board) as own:
        wait_until(lambda: week.events and week.scores() == {}, "the empty window")
        api("POST", f"{board}players/bob/score-add/", {"amount": 2})
        api("POST", f"{board}players/alice/score-add/")
        wait_until(lambda: week.scores() == {"Bob": 2, "Alice": 1}, "the scores of the window")
        wait_until(lambda: own.scores() == {"Alice": 6, "Bob": 2}, "those of the board")
        assert {event.data.get("window") for event in week.events} == {"week"}
        assert {event.data.get("window") for event in own.events} == {None}
        stack.manage("shell", "-c", OVERDUE.format(f"{board_id}~week"))
        wait_until(lambda: week.scores() == {}, "the end of the window")
        told = {"season": 1, "board": board_id, "window": "week"}
        wait_until(lambda: week.heard("season ended") == [told], "that it is told")
        assert own.scores() == {"Alice": 6, "Bob": 2}
        api("DELETE", board)
        wait_until(week.closed.is_set, "the end of the window's stream")
    with Viewer(stack.port, f"{board}?window=week") as late:
        assert late.response.status == 404
