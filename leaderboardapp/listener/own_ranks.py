"""Publishing players' own ranks, beside the active listener (ADR 44).

Any write of a board may move any of its players. So once a second all watched players are read of
each board that has changed, in one call of the store, and those are published whose own rank is
another one. Who joins is sent at once what is newer.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Self

from leaderboardapp import own_ranks
from leaderboardapp.concurrency.supervise import supervise
from leaderboardapp.domain.exceptions import BoardNotFound, StoreUnavailable
from leaderboardapp.listener.joiners import PlayerNews
from leaderboardapp.realtime.formats import player_channel
from leaderboardapp.realtime.hold_channels import Hold, published_fingerprint, visibility
from leaderboardapp.realtime.items import build_hold_items, build_player_items
from leaderboardapp.realtime.proxy_client import ProxyClient, ProxyUnavailable, Publication
from leaderboardapp.realtime.publish import LATE_SECONDS
from leaderboardapp.snapshots import Snapshot
from leaderboardapp.stores import get_store

# Between two times that all watched players of a board are read: in multiples of the time that it
# took, and at least. So the store is not asked all the time.
REST_FACTOR, PUBLISH_SECONDS = 1.5, 1.0
JOIN_SECONDS = 0.1  # between two times that those are read who have joined: a crowd comes at once
# Until ranks are read again that were not exact. The store's maintenance counts blocks anew, which
# is no change of the board.
INEXACT_SECONDS = 10.0
FORGET_SECONDS = 10.0  # between two searches for players whom nobody holds
MAX_PLAYERS_READ = 5_000  # in one call of the store
NEVER = float("inf")


@dataclass(slots=True)
class WatchedBoard:
    """A board with players for whose own ranks proxies hold viewers."""

    # By player id, `published_fingerprint` of what was published last; None: nothing is known.
    shown: dict[str, str | None] = field(default_factory=dict)
    # By player id, viewers who may lack what was published before, and proxies of which all do.
    holds: dict[str, list[Hold]] = field(default_factory=dict)
    returned: dict[str, set[ProxyClient]] = field(default_factory=dict)
    due_at: float = NEVER  # when to read all players
    next_at: float = 0.0  # when they may be read again
    join_at: float = 0.0  # when those may be read again who have joined

    def read_later(self, now: float) -> None:
        """Have all players read as soon as they may be."""
        self.due_at = min(self.due_at, max(now, self.next_at))

    def note(self, news: PlayerNews) -> None:
        """Note whom a proxy holds."""
        hold, player = news.hold, str(news.hold.player)
        shown = self.shown.setdefault(player, None)
        if news.is_back:
            self.returned.setdefault(player, set()).add(news.client)
        elif hold.fingerprint and hold.has != shown:
            self.holds.setdefault(player, []).append(hold)

    def has_joined(self) -> bool:
        """Return whether anybody may lack what was published before."""
        return bool(self.holds or self.returned)

    def wake_at(self) -> float:
        """Return when there is something to read."""
        return min(self.due_at, self.join_at if self.has_joined() else NEVER)

    def forget(self, player: str) -> None:
        """Forget all about a player."""
        del self.shown[player]
        self.holds.pop(player, None)
        self.returned.pop(player, None)


@dataclass(slots=True)
class Frames:
    """What is published in one go."""

    to_all: list[Publication] = field(default_factory=list)
    to_one: dict[ProxyClient, list[Publication]] = field(default_factory=dict)

    def add_to_one(self, client: ProxyClient, items: Iterable[Publication]) -> None:
        """Add items for one proxy alone."""
        self.to_one.setdefault(client, []).extend(items)


class OwnRanksPublisher:
    """Publishes own ranks in a thread of its own. It knows only players whom a proxy holds somebody
    for. All times are those of time.monotonic()."""

    def __init__(self, clients: Sequence[ProxyClient], may_publish: Callable[[str], bool]) -> None:
        """Publish to these proxies of boards of which `may_publish` says so, by their ids."""
        self.clients, self.may_publish = clients, may_publish
        self.boards: dict[str, WatchedBoard] = {}  # by id
        self.waiting: set[str] = set()  # ids of boards that are to be read
        self.forget_at = 0.0
        self.condition = threading.Condition()
        self.changed: set[str] = set()  # ids of boards, until they are taken
        self.news: list[PlayerNews] = []  # the same
        self.stopping = False
        self.thread = threading.Thread(target=self._run, name="own ranks", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self.condition:
            self.stopping = True
            self.condition.notify()
        self.thread.join()

    def enqueue(self, changed: Iterable[str], news: Collection[PlayerNews]) -> None:
        """Remember ids of boards that have changed, and whom proxies hold; return at once.

        Whoever begins to watch another board is sent what has changed."""
        watched = [board for board in changed if board in self.boards]
        if watched or news:
            with self.condition:
                self.changed.update(watched)
                self.news.extend(news)
                self.condition.notify()

    def run_once(self) -> float:
        """Publish what is due; return for how many seconds to rest. Raises StoreUnavailable, after
        which the same is due again."""
        now = time.monotonic()
        self._take_news(now)
        for board in [*self.waiting]:
            if not self.may_publish(board):  # another listener does it
                self._forget(board)
                continue
            watched = self.boards[board]
            if watched.wake_at() <= now and not self.stopping:
                self._update(board, watched)
            if watched.wake_at() == NEVER:
                self.waiting.discard(board)
        if now >= self.forget_at:
            self.forget_at = now + FORGET_SECONDS
            self.forget_unheld()
        return 0.0

    def wake_at(self) -> float:
        """Return when there is work, if there is no news before."""
        boards = [self.boards[board].wake_at() for board in self.waiting]
        return min([self.forget_at if self.boards else NEVER, *boards])

    def forget_unheld(self) -> None:
        """Forget players whom no proxy holds anybody for, and boards of other listeners."""
        for board, watched in [*self.boards.items()]:
            for player in [*watched.shown]:
                if not any(self._is_held(channel) for channel in _channels(board, player)):
                    watched.forget(player)
            if not (watched.shown and self.may_publish(board)):
                self._forget(board)

    def _forget(self, board: str) -> None:
        del self.boards[board]
        self.waiting.discard(board)

    def _take_news(self, now: float) -> None:
        with self.condition:
            changed, self.changed = self.changed, set()
            news, self.news = self.news, []
        for one in news:
            self.boards.setdefault(one.hold.board, WatchedBoard()).note(one)
        changed &= self.boards.keys()
        for board in changed:
            self.boards[board].read_later(now)
        self.waiting |= changed.union(one.hold.board for one in news)

    def _update(self, board: str, watched: WatchedBoard) -> None:
        """Read players of the board, and publish what their viewers lack."""
        began = time.monotonic()
        is_due = watched.due_at <= began
        players = [*(watched.shown if is_due else watched.holds.keys() | watched.returned.keys())]
        watched.join_at = began + JOIN_SECONDS
        bound, rest = 0, iter(players)
        while piece := [*islice(rest, MAX_PLAYERS_READ)]:
            current, off_by = _read(board, piece)
            bound = max(bound, off_by)
            if not self.may_publish(board):
                return
            frames = Frames()
            for player in piece:
                self._add_frames(frames, board, player, current.get(player), is_due=is_due)
            self._publish(frames, watched, piece)
        if is_due:
            took = time.monotonic() - began
            watched.next_at = began + max(PUBLISH_SECONDS, REST_FACTOR * took)
            watched.due_at = max(watched.next_at, began + INEXACT_SECONDS) if bound else NEVER

    def _add_frames(
        self, frames: Frames, board: str, player: str, snapshot: Snapshot | None, *, is_due: bool
    ) -> None:
        """Add what is published of a player, and remember it."""
        watched = self.boards[board]
        before, after = watched.shown[player], published_fingerprint(snapshot)
        is_published = is_due and before not in (None, after)
        if is_published:
            frames.to_all += self._held(build_player_items(board, player, snapshot))
        for hold in watched.holds.pop(player, ()):
            if not (is_published and hold.private == visibility(snapshot)):
                frames.to_all += self._held(build_hold_items(hold, snapshot))
        for client in watched.returned.pop(player, ()):
            if not is_published:
                frames.add_to_one(client, build_player_items(board, player, snapshot))
        if is_due or before is None:
            watched.shown[player] = after

    def _publish(self, frames: Frames, watched: WatchedBoard, players: list[str]) -> None:
        """Publish to each proxy. One that has not taken it, or late, is published all to anew."""
        for client in self.clients:
            items = [*frames.to_all, *frames.to_one.get(client, ())]
            items = [item for item in items if client.holds(item.channel)]
            began = time.monotonic()
            try:
                if items:
                    client.publish(items)
                is_done = time.monotonic() - began <= LATE_SECONDS
            except ProxyUnavailable:
                is_done = False
            if not is_done:
                watched.join_at = time.monotonic() + PUBLISH_SECONDS  # the next try
                for player in players:
                    watched.returned.setdefault(player, set()).add(client)

    def _held(self, items: Iterable[Publication]) -> Iterator[Publication]:
        return (item for item in items if self._is_held(item.channel))

    def _is_held(self, channel: str) -> bool:
        return any(client.holds(channel) for client in self.clients)

    def _run(self) -> None:
        supervise("own ranks", self.run_once, self._wait, expected=(StoreUnavailable,))
        get_store().close()

    def _wait(self, pause: float) -> bool:
        """Pause, then wait until there is work; return whether to end instead."""
        with self.condition:
            self.condition.wait_for(lambda: self.stopping, pause)
            seconds = self.wake_at() - time.monotonic()
            self.condition.wait_for(
                lambda: self.stopping or self.changed or self.news,
                None if seconds == NEVER else max(0.0, seconds),
            )
            return self.stopping


def _read(board: str, players: list[str]) -> tuple[dict[str, Snapshot], int]:
    """Return the own ranks of those players who are there, and how far off they may be."""
    try:
        read = own_ranks.read_own_ranks(board, players)
    except BoardNotFound:
        return {}, 0
    return read.players, read.bound


def _channels(board: str, player: str) -> tuple[str, str]:
    return player_channel(board, player, False), player_channel(board, player, True)
