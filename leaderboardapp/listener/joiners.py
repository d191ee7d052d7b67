"""Viewers whom proxies have begun to hold, and who may lack what was published before (ADR 43)."""

from collections import defaultdict
from collections.abc import Callable, Container, Sequence
from typing import NamedTuple

from leaderboardapp.realtime.hold_channels import Hold, parse_hold
from leaderboardapp.realtime.proxy_client import ProxyClient
from leaderboardapp.realtime.publish import MAX_BOARDS_READ, ProxyPublisher


class PlayerNews(NamedTuple):
    """A proxy holds viewers of a player's own rank. `is_back` is as in News."""

    client: ProxyClient
    hold: Hold
    is_back: bool


class Joiners:
    """Collects what the proxies tell of whom they hold until it is taken: by board id, or of
    players all at once. Boards of other listeners are left to them."""

    def __init__(self, proxies: Sequence[ProxyPublisher], is_own: Callable[[str], bool]) -> None:
        self.proxies, self.is_own = proxies, is_own
        self.holds: defaultdict[str, list[tuple[ProxyPublisher, Hold]]] = defaultdict(list)
        # Proxies whose viewers may have missed anything.
        self.returned: defaultdict[str, set[ProxyPublisher]] = defaultdict(set)
        self.players: list[PlayerNews] = []

    def collect(self) -> None:
        """Take the proxies' news."""
        for proxy in self.proxies:
            for channel, is_back in proxy.client.take_news():
                hold = parse_hold(channel)
                if hold is None or not self.is_own(hold.board):
                    continue
                if hold.player:
                    self.players.append(PlayerNews(proxy.client, hold, is_back))
                # The board's own GRIP channel comes once, however many are held on it. What is
                # published to it then reaches all of them.
                elif is_back and not hold.fingerprint:
                    self.returned[hold.board].add(proxy)
                else:
                    self.holds[hold.board].append((proxy, hold))

    def drop(self, is_current: Callable[[Hold], bool]) -> None:
        """Forget those who lack nothing."""
        for board, holds in [*self.holds.items()]:
            self.holds[board] = [each for each in holds if not is_current(each[1])]
            if not self.holds[board]:
                del self.holds[board]

    def boards(self) -> set[str]:
        """Return the ids of boards that are to be read for their sake."""
        return self.holds.keys() | self.returned.keys()

    def list_boards(self, excluded: Container[str]) -> list[str]:
        """Return ids of boards to read in one call for their sake, but for those excluded."""
        boards = (board for board in self.boards() if board not in excluded)
        return [board for board, _ in zip(boards, range(MAX_BOARDS_READ), strict=False)]

    def take_players(self) -> list[PlayerNews]:
        """Return the news of viewers of players."""
        news, self.players = self.players, []
        return news

    def take(self, board: str) -> tuple[list[Hold], set[ProxyPublisher]]:
        """Return the board's holds, without those of proxies to which it is to be published anew,
        and these proxies."""
        returned = self.returned.pop(board, set())
        holds = self.holds.pop(board, [])
        return [hold for proxy, hold in holds if proxy not in returned], returned
