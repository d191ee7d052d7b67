"""Players' own ranks: whatever happens, each viewer is shown the newest one in the end."""

import json
from collections.abc import Collection, Iterable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leaderboardapp import own_ranks
from leaderboardapp.domain.exceptions import BoardNotFound, StoreUnavailable
from leaderboardapp.domain.parts import ALL_PARTS
from leaderboardapp.domain.types import BOARD_DEFAULTS, PlayerStandings, Standing
from leaderboardapp.listener import own_ranks as module
from leaderboardapp.listener.joiners import Joiners
from leaderboardapp.listener.own_ranks import NEVER, PUBLISH_SECONDS, OwnRanksPublisher
from leaderboardapp.own_ranks import OwnRanks
from leaderboardapp.realtime.formats import player_channel
from leaderboardapp.realtime.hold_channels import hold_channel, parse_hold
from leaderboardapp.realtime.proxy_client import ProxyUnavailable, Publication
from leaderboardapp.snapshots import Snapshot
from tests.unit.watched_world import HandProxy, HandPublisher, Viewer

SETTLED_SECONDS = 30.0  # longer than anything waits


class PlayerViewer(Viewer):
    """Somebody who has read a player's own rank, and may be held."""

    def __init__(self, board: str, player: str, snapshot: Snapshot) -> None:
        super().__init__(board, snapshot)
        self.player = player
        channel = player_channel(board, player, snapshot.private)
        self.channels = {channel, hold_channel(channel, snapshot.fingerprint)}


class Proxy(HandProxy):
    """While it is stuck, it takes nothing that is published."""

    is_stuck = False

    def publish(self, items: Iterable[Publication]) -> None:
        if self.is_stuck:
            raise ProxyUnavailable("tcp://proxy", "stuck")
        super().publish(items)


class World:
    """Boards with the scores of players, who are watched through two proxies."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.boards: dict[str, dict[str, int]] = {}
        self.hidden: set[tuple[str, str]] = set()
        self.private: set[str] = set()
        self.changed: set[str] = set()  # and not told by the feed yet
        self.reads: list[tuple[float, str, list[str]]] = []
        self.is_unavailable = False
        self.bound = 0
        self.clients = [Proxy(), Proxy()]
        self.opening: list[PlayerViewer] = []
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(own_ranks, "read_own_ranks", self.read)
        self.start()

    def start(self) -> None:
        """Begin to publish, like another listener that takes over."""
        for client in self.clients:
            client.repeat_held(lambda channel: True)
        proxies = [HandPublisher(client) for client in self.clients]
        self.joiners = Joiners(proxies, ALL_PARTS.have)
        self.publisher = OwnRanksPublisher(self.clients, ALL_PARTS.have)

    def read(self, board: str, players: Collection[str]) -> OwnRanks:
        if self.is_unavailable:
            raise StoreUnavailable("it does not answer")
        self.reads.append((self.now, board, sorted(players)))
        current = {player: self.count(board, player) for player in players}
        there = {player: rank for player, rank in current.items() if rank}
        return OwnRanks(board in self.private, there, self.bound)

    def count(self, board: str, player: str) -> Snapshot | None:
        """Count the player's own rank. Raises BoardNotFound."""
        if board not in self.boards:
            raise BoardNotFound(board)
        scores, private = self.boards[board], board in self.private
        if player not in scores:
            return None
        shown = {id: score for id, score in scores.items() if (board, id) not in self.hidden}
        better = sum(score > scores[player] for score in shown.values())
        rank = better + 1 if player in shown else None
        body = json.dumps([player, scores[player], rank, len(shown)])
        return Snapshot(body, body, private)

    def set_score(self, board: str, player: str, score: int) -> None:
        self.boards.setdefault(board, {})[player] = score
        self.changed.add(board)

    def hide(self, board: str, player: str) -> None:
        self.hidden ^= {(board, player)}
        self.changed.add(board)

    def delete(self, board: str, player: str) -> None:
        self.boards.get(board, {}).pop(player, None)
        self.changed.add(board)

    def delete_board(self, board: str) -> None:
        self.boards.pop(board, None)
        self.changed.add(board)

    def turn(self, board: str) -> None:
        """Make the board private, or public."""
        self.private ^= {board}
        self.changed.add(board)

    def open(self, board: str, player: str) -> None:
        if snapshot := self.boards.get(board) and self.count(board, player):
            self.opening.append(PlayerViewer(board, player, snapshot))

    def hold(self, proxy: int) -> None:
        if self.opening:
            self.clients[proxy].hold(self.opening.pop(0))

    def leave(self, proxy: int) -> None:
        if self.clients[proxy].viewers:
            self.clients[proxy].viewers.pop(0)

    def go(self, proxy: int) -> None:
        self.clients[proxy].away = True

    def come_back(self, proxy: int) -> None:
        self.clients[proxy].come_back()

    def stick(self, proxy: int) -> None:
        self.clients[proxy].is_stuck = not self.clients[proxy].is_stuck

    def fail(self) -> None:
        self.is_unavailable = not self.is_unavailable

    def run(self, seconds: float = 0.01) -> None:
        self.now += seconds
        self.joiners.collect()
        changed, self.changed = self.changed, set()
        self.publisher.enqueue(changed, self.joiners.take_players())
        try:
            self.publisher.run_once()
        except StoreUnavailable:
            pass

    def run_for(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.run()
            wake_at = self.publisher.wake_at()
            self.now = end if wake_at == NEVER else min(end, max(self.now, wake_at))

    def viewers(self) -> list[PlayerViewer]:
        return [viewer for client in self.clients for viewer in client.viewers]  # type: ignore[misc]

    def settle(self) -> None:
        self.is_unavailable = False
        for client in self.clients:
            client.is_stuck = False
            if client.away:
                client.come_back()
        self.run_for(SETTLED_SECONDS)


BOARDS, PLAYERS, PROXIES = st.sampled_from("ab"), st.sampled_from("pqr"), st.integers(0, 1)
STEPS = st.one_of(
    st.tuples(st.just("set_score"), BOARDS, PLAYERS, st.integers(0, 3)),
    st.tuples(st.sampled_from(["hide", "delete"]), BOARDS, PLAYERS),
    st.tuples(st.sampled_from(["delete_board", "turn"]), BOARDS),
    st.tuples(st.just("open"), BOARDS, PLAYERS),
    st.tuples(st.just("hold"), PROXIES),
    st.tuples(st.sampled_from(["leave", "go", "come_back", "stick"]), PROXIES),
    st.tuples(st.sampled_from(["start", "fail"])),
    st.tuples(st.just("run"), st.sampled_from([0.01, 0.5, 1.0, 12.0])),
)
BEGIN = [("set_score", "a", "p", 1), ("open", "a", "p"), ("hold", 0)]


@given(steps=st.lists(STEPS, max_size=40))
@example(  # a rank that is again as the viewer had it, but not as the viewer saw it last
    steps=[
        *(*BEGIN, ("run", 1.0), ("set_score", "a", "q", 2), ("run", 1.0)),
        *(("go", 0), ("delete", "a", "q"), ("run", 1.0)),
    ]
)
@example(  # a proxy that takes nothing for a while
    steps=[
        *(*BEGIN, ("run", 1.0), ("stick", 0), ("set_score", "a", "q", 2), ("run", 1.0)),
    ]
)
@example(  # two viewers of one player, of whom the second has read a change that is not told yet
    steps=[
        *(*BEGIN, ("run", 1.0), ("open", "a", "p"), ("set_score", "a", "p", 2)),
        *(("open", "a", "p"), ("hold", 0), ("hold", 1), ("run", 0.01)),
    ]
)
def test_whatever_happens_no_viewer_stays_outdated(steps: list[tuple[Any, ...]]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(monkeypatch)
        for name, *arguments in [("set_score", "a", "p", 0), ("set_score", "b", "q", 0), *steps]:
            getattr(world, name)(*arguments)
        world.settle()
        for viewer in world.viewers():
            is_there = viewer.board in world.boards
            snapshot = world.count(viewer.board, viewer.player) if is_there else None
            if snapshot is None or snapshot.private != viewer.private:
                assert viewer.is_closed
            else:
                assert viewer.is_closed or viewer.seen[-1] == snapshot.fingerprint
        for client in world.clients:
            client.viewers.clear()
        world.run_for(SETTLED_SECONDS)
        assert not world.publisher.boards and not world.publisher.waiting, "nothing is kept"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(monkeypatch)
    for player, score in (("p", 3), ("q", 2), ("r", 1)):
        world.set_score("a", player, score)
    return world


def watch(world: World, *players: str) -> list[PlayerViewer]:
    for player in players:
        world.open("a", player)
        world.hold(0)
    world.run()
    return world.viewers()[-len(players) :]


def test_who_has_the_newest_is_sent_nothing(world: World) -> None:
    [viewer] = watch(world, "p")
    world.set_score("a", "r", 0)  # which changes no other player's rank
    world.run_for(5.0)
    assert len(viewer.seen) == 1


def test_all_watched_players_of_a_board_are_read_at_once_and_once_a_second(world: World) -> None:
    watch(world, "q", "r")
    world.run_for(3.0)
    world.reads.clear()
    for score in range(10, 60):
        world.set_score("a", "q", score)
        world.run(0.1)
    assert {(board, *players) for _, board, players in world.reads} == {("a", "q", "r")}
    times = [when for when, *_ in world.reads]
    assert len(times) >= 4
    assert min(after - before for before, after in pairwise(times)) >= PUBLISH_SECONDS
    world.run_for(3.0)
    assert world.viewers()[0].seen[-1] == json.dumps(["q", 59, 1, 3])


def test_who_joins_late_is_sent_what_is_newer_at_once(world: World) -> None:
    watch(world, "q")
    world.open("a", "q")
    world.set_score("a", "q", 9)
    world.run()
    world.set_score("a", "q", 10)
    world.run()  # the others wait, because the board was read a moment ago
    world.hold(1)
    world.run(module.JOIN_SECONDS)
    first, late = ([json.loads(seen)[1] for seen in viewer.seen] for viewer in world.viewers())
    assert (first, late) == ([2, 9], [2, 10])
    world.run_for(2.0)
    assert json.loads(world.viewers()[0].seen[-1])[1] == 10


def test_a_crowd_that_joins_is_read_a_few_times(world: World) -> None:
    watch(world, "p")
    world.run_for(2.0)
    for _ in range(50):
        world.open("a", "q")
    world.set_score("a", "r", 9)
    world.run_for(2.0)
    world.reads.clear()
    for _ in range(50):
        world.hold(1)
        world.run(0.01)
    world.run_for(1.0)
    assert len(world.reads) <= 0.5 / module.JOIN_SECONDS + 2
    assert {viewer.seen[-1] for viewer in world.viewers()[1:]} == {json.dumps(["q", 2, 3, 3])}


def test_a_board_without_watched_players_is_not_read(world: World) -> None:
    world.run_for(5.0)
    world.set_score("b", "p", 1)
    world.run_for(5.0)
    assert not world.reads and not world.publisher.boards


def test_ranks_that_are_not_exact_are_read_again(world: World) -> None:
    [viewer] = watch(world, "p")
    world.bound = 7
    world.set_score("a", "q", 5)
    world.run()
    world.boards["a"]["r"] = 6  # counted only now: no change
    world.run_for(module.INEXACT_SECONDS + 1)
    assert viewer.seen[-1] == json.dumps(["p", 3, 3, 3])
    world.bound = 0
    world.run_for(2 * module.INEXACT_SECONDS)
    world.reads.clear()
    world.run_for(2 * module.INEXACT_SECONDS)
    assert not world.reads


def test_a_board_of_another_listener_is_forgotten_and_not_published(world: World) -> None:
    [viewer] = watch(world, "p")
    world.publisher.may_publish = lambda board: board != "a"
    world.set_score("a", "q", 9)
    world.run_for(0.01)
    assert len(viewer.seen) == 1 and not world.publisher.boards and not world.publisher.waiting


def test_a_quiet_board_of_another_listener_is_forgotten_too(world: World) -> None:
    watch(world, "p")
    world.publisher.may_publish = lambda board: board != "a"
    world.run_for(2 * module.FORGET_SECONDS)
    assert not world.publisher.boards


@given(
    board=st.from_regex(r"[A-Za-z0-9_~-]{1,64}(@week)?", fullmatch=True),
    player=st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
    private=st.booleans(),
)
def test_a_hold_says_which_player_it_is_of(board: str, player: str, private: bool) -> None:
    channel = player_channel(board, player, private)
    alone = hold_channel(channel, "abc")
    assert parse_hold(channel) == (channel, board, private, None, player)
    assert parse_hold(alone) == (alone, board, private, "abc", player)


def test_an_own_rank_is_canonical_json(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"id": id, "name": id.title(), "score": score, "rank": rank, "data": {"a": 1}}
        for id, score, rank in (("ann", 5, 1), ("bob", 3, 2))
    ]
    standings = PlayerStandings(
        {**BOARD_DEFAULTS, "private": True},
        {"bob": Standing(rows[1], rows), "eve": Standing({**rows[0], "rank": None}, [])},
        bound=4,
        of=2,
    )
    store = SimpleNamespace(get_standings=lambda board, players, limit: standings)
    monkeypatch.setattr(own_ranks, "get_store", lambda: store)
    read = own_ranks.read_own_ranks("demo", ["bob", "eve", "nobody"])
    assert read.players.keys() == {"bob", "eve"}
    assert read.players["bob"].private and read.private
    assert read.players["bob"].body == (
        '{"id":"bob","name":"Bob","score":3,"rank":2,"of":2,"around":['
        '{"id":"ann","name":"Ann","score":5,"rank":1},{"id":"bob","name":"Bob","score":3,"rank":2}'
        '],"exact":false,"bound":4}'
    )
    assert json.loads(read.players["eve"].body)["around"] == []
