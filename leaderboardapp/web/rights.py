"""Which request needs which right (ADR 32).

A write on a board needs the scope write, or admin where its view is marked so. A view that is
marked as open to players takes the scope play, too. Such a token writes for its own player only,
and only what the board's setting `player_writes` allows.
"""

from collections.abc import Callable

from django.http import HttpRequest

from leaderboardapp.stores import get_store
from leaderboardapp.web import auth
from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import Problem
from leaderboardapp.web.rate_limit import View

ANY_WRITES = ("best", "add", "set")  # of PLAYER_WRITES, those with which players write at all

_views_for_admins: set[View] = set()
_views_for_players: dict[View, tuple[str, ...]] = {}  # with the settings that open them


def needs_admin(view: View) -> View:
    """Mark a view that needs the scope admin."""
    _views_for_admins.add(view)
    return view


def open_to_players(*player_writes: str) -> Callable[[View], View]:
    """Mark a view that players call for themselves, on boards whose `player_writes` is one of
    these.

    The player that the path names is their own then. If the body names one, the view calls
    `require_own_player` itself.
    """

    def mark(view: View) -> View:
        _views_for_players[view] = player_writes
        return view

    return mark


def require_write(
    request: HttpRequest, view: View, board_id: str, player_id: str | None = None
) -> None:
    """Raise Problem 401 or 403 unless the sender may call the view, which writes on the board.

    Raises BoardNotFound for a player's token, if that would be allowed on some board.
    """
    is_player = view in _views_for_players and auth.get_own_player(request, board_id)
    if not is_player:
        scope = "admin" if view in _views_for_admins else "write"
        auth.require_scope(request, scope, board_id)
        return
    if player_id is not None:
        require_own_player(request, board_id, player_id)
    require_player_writes(request, board_id, *_views_for_players[view])


def require_own_player(request: HttpRequest, board_id: str, *player_ids: str) -> None:
    """Raise Problem 403 if the sender writes for one player only, and one of these is another.

    No player is looked for, so the answer does not say whether there is that other one.
    """
    own = auth.get_own_player(request, board_id)
    if own is not None and any(player_id != own for player_id in player_ids):
        raise forbid(f"The token writes for the player {own} only.")


def require_player_writes(request: HttpRequest, board_id: str, *player_writes: str) -> None:
    """Raise Problem 403 if the sender writes for one player only, and the board's setting
    `player_writes` is none of these. Raises BoardNotFound."""
    own = auth.get_own_player(request, board_id)
    if own is None:
        return
    setting = get_store().get_board(board_id)["player_writes"]
    if setting not in player_writes:
        allowed = " or ".join(player_writes)
        detail = (
            f"The token writes for the player {own}. For this the board's player_writes must be "
            f"{allowed}; it is {setting}."
        )
        raise forbid(detail)


def forbid(detail: str) -> Problem:
    """Return the problem of a write that a player's token does not allow."""
    challenge = 'Bearer error="insufficient_scope", scope="write"'
    return Problem(ProblemKind.INSUFFICIENT_SCOPE, detail, {"WWW-Authenticate": challenge})
