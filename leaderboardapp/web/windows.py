"""The parameter `window` of a read: which window of the board is read in the board's place.

A view that is marked is called with the id of the window's board, and needs to know no more of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpRequest

from leaderboardapp.domain.board_ids import window_id
from leaderboardapp.domain.exceptions import BoardNotFound, WindowNotFound
from leaderboardapp.domain.types import WINDOWS
from leaderboardapp.stores import get_store
from leaderboardapp.web import auth
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.rate_limit import View
from leaderboardapp.web.requests import read_parameter

PARAMETER = "window"

_views: set[View] = set()


def reads_windows(view: View) -> View:
    """Mark a view of a board that takes the parameter."""
    _views.add(view)
    return view


def takes_window(view: View) -> bool:
    """Return whether the view takes the parameter."""
    return view in _views


def read_window(request: HttpRequest) -> str | None:
    """Return the window that the request names, None if it names none.

    Raises Problem 422 for a window that no board has."""
    if PARAMETER not in request.GET:
        return None
    window = read_parameter(request, PARAMETER)
    if window not in WINDOWS:
        detail = f"{PARAMETER}: must be one of {', '.join(WINDOWS)}."
        raise Problem(ProblemKind.INVALID_PARAMETER, detail)
    return window


@contextmanager
def chosen_board(request: HttpRequest, board_id: str) -> Iterator[str]:
    """Yield the id of the board that the request reads: this one's, or that of its window.

    Raises Problem 422 for a window that no board has. If the body raises BoardNotFound for the
    window, raises WindowNotFound or BoardNotFound; 401 or 403 if the sender may not know."""
    window = read_window(request)
    if window is None:
        yield board_id
        return
    try:
        yield window_id(board_id, window)
    except BoardNotFound:
        board = get_store().get_board(board_id)
        auth.require_read(request, board_id, private=board["private"])
        raise WindowNotFound(board, window) from None
