"""A Python client of the leaderboard service, over HTTP. It needs httpx and httpx-sse.

    from leaderboard_client import Leaderboard

    board = Leaderboard("http://localhost:7999").board("demo")
    board.player("alice").add(5)
    for snapshot in board.watch():
        print(snapshot["players"])

The client retries requests that count only once: reads, deletions, settings of scores, and
increments, each with an idempotency key of its own. It does so for `patience` seconds, through
restarts and failures of the service.
"""

from leaderboard_client.client import Board, Leaderboard, Player
from leaderboard_client.errors import LeaderboardError
from leaderboard_client.score import Score

__all__ = ["Board", "Leaderboard", "LeaderboardError", "Player", "Score"]
