"""A scheduler whose boards viewers watch through two proxies, all in the hand of the test."""

from collections.abc import Callable, Iterable
from typing import Any, cast

import pytest

from leaderboardapp.domain.parts import ALL_PARTS
from leaderboardapp.listener.publish_scheduler import PublishScheduler
from leaderboardapp.realtime.formats import SEVERAL_BOARDS, board_channel
from leaderboardapp.realtime.hold_channels import NO_BOARD, hold_channel, parse_hold
from leaderboardapp.realtime.proxy_client import News, ProxyClient, Publication
from leaderboardapp.realtime.publish import ProxyPublisher, PublishBatch, Publisher
from leaderboardapp.snapshots import Snapshot
from tests.support.grip import read_item
from tests.unit.scheduler_world import World, run_until


class Viewer:
    """Somebody who has read a board's snapshot, and may be held."""

    def __init__(self, board: str, snapshot: Snapshot) -> None:
        self.board, self.private, self.is_closed = board, snapshot.private, False
        self.seen = [snapshot.fingerprint]
        channel = board_channel(board, snapshot.private)
        self.channels = {channel, hold_channel(channel, snapshot.fingerprint)}

    def show(self, board: str, event: dict[str, Any], meta: dict[str, str]) -> None:
        if event.get("action") == "close":
            self.is_closed = True
        elif "id: " in event.get("content", ""):
            self.seen.append(fingerprint_in(event["content"]))

    def is_up_to_date(self, boards: dict[str, Snapshot]) -> bool:
        snapshot = boards.get(self.board)
        if snapshot is None or snapshot.private != self.private:
            return self.is_closed
        return self.is_closed or self.seen[-1] == snapshot.fingerprint


class SeveralViewer(Viewer):
    """Somebody with one stream of several boards, some of which may be missing."""

    def __init__(self, boards: dict[str, Snapshot | None]) -> None:
        self.is_closed, self.channels = False, set()
        self.told: list[tuple[str, str]] = []  # boards, with fingerprints or NO_BOARD
        self.last = {board: visible(snapshot) for board, snapshot in boards.items()}
        for board, (fingerprint, private) in self.last.items():
            channel = board_channel(board, private)
            self.channels |= {channel, hold_channel(channel, fingerprint)}

    def show(self, board: str, event: dict[str, Any], meta: dict[str, str]) -> None:
        if event.get("action") == "close":
            self.is_closed = meta.get("skip_users") != SEVERAL_BOARDS
        else:
            is_update = "id: " in event.get("content", "")
            told = fingerprint_in(event["content"]) if is_update else NO_BOARD
            self.told.append((board, told))
            self.last[board] = (told, self.last[board][1])

    def is_up_to_date(self, boards: dict[str, Snapshot]) -> bool:
        for board, (fingerprint, private) in self.last.items():
            current = visible(boards.get(board))
            has_gone = current[0] == fingerprint == NO_BOARD
            if not has_gone and current != (fingerprint, private):
                return self.is_closed
        return True


def visible(snapshot: Snapshot | None) -> tuple[str, bool]:
    return (snapshot.fingerprint, snapshot.private) if snapshot else (NO_BOARD, False)


def fingerprint_in(event: str) -> str:
    return event.partition("id: ")[2].partition("\n")[0]


class HandProxy(ProxyClient):
    """A proxy that tells whom it holds. While it is away, what is published is lost."""

    uri, tells_holds = "tcp://proxy", True

    def __init__(self) -> None:
        self.viewers: list[Viewer] = []
        self.away = self.is_unsettled = False
        self.news: list[News] = []

    def hold(self, viewer: Viewer) -> None:
        new = [channel for channel in viewer.channels if not self._holds(channel)]
        self.viewers.append(viewer)
        if not self.away:
            self.news += [News(channel, is_back=self.is_unsettled) for channel in new]

    def come_back(self) -> None:
        self.away = False
        self.news.clear()
        self.repeat_held(lambda channel: True)

    def publish(self, items: Iterable[Publication]) -> None:
        for item in items:
            for viewer in self.viewers:
                is_held = item.channel in viewer.channels and not viewer.is_closed
                hold, formats = parse_hold(item.channel), read_item(item.json)
                if is_held and hold and "http-stream" in formats and not self.away:
                    viewer.show(hold.board, formats["http-stream"], formats.get("meta", {}))

    def _holds(self, channel: str) -> bool:
        return any(channel in viewer.channels for viewer in self.viewers)

    def holds(self, channel: str) -> bool:
        return not self.away and self._holds(channel)

    def report_to(self, on_news: Callable[[], None] | None) -> None: ...

    def repeat_held(self, is_wanted: Callable[[str], bool]) -> None:
        held = {channel for viewer in self.viewers for channel in viewer.channels}
        wanted = filter(is_wanted, held if not self.away else ())
        self.news += [News(channel, is_back=True) for channel in wanted]

    def take_news(self) -> list[News]:
        news, self.news = self.news, []
        return news

    def check(self) -> None: ...

    def is_away(self) -> bool:
        return False

    def close(self) -> None: ...


class HandPublisher(ProxyPublisher):
    """Publishes to the proxy at once, without a thread."""

    def __init__(self, client: ProxyClient) -> None:
        self.client = client

    def enqueue(self, batch: PublishBatch) -> None:
        self._send(batch.only(self.is_watched), set())


class Watched(World):
    """The store's boards, which viewers watch through two proxies."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(monkeypatch)
        self.clients = [HandProxy(), HandProxy()]
        self.proxies = [HandPublisher(client) for client in self.clients]
        self.opening: list[Viewer] = []
        self.start()

    def start(self) -> None:
        """Begin to listen, like another listener that takes over."""
        for client in self.clients:
            client.repeat_held(lambda channel: True)
        self.scheduler = PublishScheduler(cast(Publisher, self), 0, ALL_PARTS.have)
        self.scheduler.backlog |= self.boards.keys() | self.feed.changes.keys()

    def is_watched(self, board: str) -> bool:
        return Publisher.is_watched(cast(Publisher, self), board)

    def enqueue(self, batch: PublishBatch) -> None:
        super().enqueue(batch)
        Publisher.enqueue(cast(Publisher, self), batch)

    def run(self, seconds: float = 0.01) -> None:
        self.now += seconds
        self.scheduler.run_once(self.feed)

    def put(self, board: str, body: str, private: bool = False) -> None:
        self.change(board, body)
        self.boards[board] = Snapshot(body, body, private)

    def open(self, board: str) -> None:
        if snapshot := self.boards.get(board):
            self.opening.append(Viewer(board, snapshot))

    def open_both(self) -> None:
        self.opening.append(SeveralViewer({board: self.boards.get(board) for board in "ab"}))

    def hold(self, proxy: int) -> None:
        if self.opening:
            self.clients[proxy].hold(self.opening.pop(0))

    def viewers(self) -> list[Viewer]:
        return [viewer for client in self.clients for viewer in client.viewers]

    def end(self) -> None:
        for client in self.clients:
            if client.away:
                client.come_back()
        run_until(self, self.scheduler, self.now - 1000 + 10)
