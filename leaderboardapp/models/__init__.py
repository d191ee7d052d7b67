"""Board and Player: classes that feel like Django's models, over whichever store is configured.

    board = Board(name="World cup").save()
    alice = Player(board=board, name="Alice").save()
    alice.score_add(5)
    Player.get_top_for_board(board, limit=10)

Any method may raise StoreUnavailable.
"""

from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.models.board import Board
from leaderboardapp.models.player import Player

__all__ = ["Board", "ObjectDoesNotExist", "Player"]
