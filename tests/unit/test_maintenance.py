"""Maintenance of boards, on a store that the test holds in its hand."""

import logging
import threading
import time
from types import SimpleNamespace

import pytest

from leaderboardapp.domain.exceptions import StoreUnavailable, WrongSeason
from leaderboardapp.domain.parts import ALL_PARTS
from leaderboardapp.domain.types import Row
from leaderboardapp.listener import maintenance as module
from leaderboardapp.listener.maintenance import Maintenance
from leaderboardapp.web import tickets
from tests.support.metrics import count_of, turn_on
from tests.support.programs import wait_until


class MaintenanceStore:
    """Each board needs so many pieces of work; some cannot be done."""

    def __init__(self, **pieces: int) -> None:
        self.pieces, self.failing = pieces, 0
        self.done: list[str] = []
        self.closed = threading.Event()
        self.expired: list[float] = []  # older than so many seconds

    def list_boards_to_end(self, now: str) -> list[Row]:
        if self.failing:
            self.failing -= 1
            raise StoreUnavailable("away")
        return []

    def list_boards(self, after: str, limit: int, private: bool) -> list[Row]:
        boards = [board for board in sorted(self.pieces) if board > after and "~" not in board]
        return [
            {"id": board, "windows": ["day"] if f"{board}~day" in self.pieces else []}
            for board in boards[:limit]
        ]

    def find_work(self, boards: list[str]) -> list[str]:
        return [board for board in boards if self.pieces.get(board, 1)]

    def run_maintenance(self, board: str) -> bool:
        if board == "broken":
            raise KeyError(board)
        self.pieces[board] -= 1
        self.done.append(board)
        return self.pieces[board] > 0

    def expire_tickets(self, older: float) -> None:
        self.expired.append(older)

    def close(self) -> None:
        self.closed.set()


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIND_WORK_SECONDS", 0.01)


def test_all_pieces_of_all_boards_are_done_those_first_that_have_changed() -> None:
    store = MaintenanceStore(**{"a": 3, "b": 1, "b~day": 2})
    maintenance = Maintenance(store, ALL_PARTS.have)  # type: ignore[arg-type]
    maintenance.enqueue(["a", "a"])
    with maintenance:
        wait_until(lambda: maintenance.scan_cursor is None, "all boards")
    assert store.done[:3] == ["a", "a", "a"]
    assert store.pieces.keys() == set(store.done)
    assert max(store.pieces.values()) <= 0
    assert store.closed.is_set() and not maintenance.thread.is_alive()


def test_a_store_that_is_away_and_a_board_that_fails_keep_no_other_waiting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = MaintenanceStore(a=2)
    store.failing = 1
    with caplog.at_level(logging.ERROR), Maintenance(store, ALL_PARTS.have) as maintenance:  # type: ignore[arg-type]
        maintenance.enqueue(["broken", "a"])
        wait_until(lambda: store.pieces["a"] <= 0, "the other board")
    assert "away" in caplog.text and "KeyError" in caplog.text


def test_a_search_rests_for_longer_than_it_took_but_seasons_end_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(module, "FIND_WORK_SECONDS", 1.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))

    class SlowStore(MaintenanceStore):
        took = 0.0

        def find_work(self, boards: list[str]) -> list[str]:
            now[0] += self.took
            return []

    store = SlowStore()
    maintenance = Maintenance(store, ALL_PARTS.have)  # type: ignore[arg-type]
    maintenance.scan_cursor = None
    for store.took, rest in ((0.01, 1.0), (0.4, 2.0), (60.0, 5.0)):
        now[0] += 100.0
        assert maintenance.maintain_next_board() == pytest.approx(rest)


def test_boards_are_looked_for_only_when_no_season_is_to_end() -> None:
    class SeasonStore(MaintenanceStore):
        def list_boards_to_end(self, now: str) -> list[Row]:
            return [{"id": "b"}]

        def find_work(self, boards: list[str]) -> list[str]:
            raise AssertionError("somebody waits for a season's end")

    maintenance = Maintenance(SeasonStore(), ALL_PARTS.have)  # type: ignore[arg-type]
    maintenance.find_work()
    assert [board["id"] for board in maintenance.ending_seasons] == ["b"]


def test_a_season_that_it_ends_is_counted_and_one_that_another_has_ended_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class SeasonStore(MaintenanceStore):
        def start_next_season(self, board: str, season: int, *_: object, **__: object) -> None:
            if season == 1:
                raise WrongSeason(2)

    turn_on(monkeypatch, module.SEASONS_ENDED)
    monkeypatch.setattr("leaderboardapp.events.announce", lambda *_: None)
    maintenance = Maintenance(SeasonStore(), ALL_PARTS.have)  # type: ignore[arg-type]
    for season in (1, 2):
        maintenance.end_season({"id": "b", "season": season})
    assert count_of(module.SEASONS_ENDED) == 1


def test_a_board_that_changes_all_the_time_is_maintained_once_a_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "FIND_WORK_SECONDS", 60.0)
    store = MaintenanceStore(a=1)
    maintenance = Maintenance(store, ALL_PARTS.have)  # type: ignore[arg-type]
    for _ in range(3):
        maintenance.enqueue(["a"])
        maintenance.run_once()
    assert store.done == ["a"]


def test_boards_of_other_listeners_are_left_to_them_until_they_are_taken() -> None:
    store, own = MaintenanceStore(a=1, b=1), {"a"}
    maintenance = Maintenance(store, own.__contains__)  # type: ignore[arg-type]
    maintenance.enqueue(["a"])
    for _ in range(10):
        maintenance.run_once()
        maintenance.searched_at = float("-inf")
    assert {*store.done} == {"a"}
    own.add("b")
    maintenance.scan()
    for _ in range(10):
        maintenance.run_once()
        maintenance.searched_at = float("-inf")
    assert {*store.done} == {"a", "b"}


def test_the_rest_between_two_pieces_of_a_board_is_as_long_as_its_store_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "FIND_WORK_SECONDS", 60.0)
    store = MaintenanceStore(a=2)
    maintenance = Maintenance(store, ALL_PARTS.have)  # type: ignore[arg-type]
    maintenance.enqueue(["a"])
    now, do_piece = 1000.0, store.run_maintenance

    def take_four_seconds(board: str) -> bool:
        nonlocal now
        now += 4.0
        return do_piece(board)

    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(store, "run_maintenance", take_four_seconds)
    assert maintenance.run_once() == 4.0 * module.PIECE_REST_FACTOR
    assert maintenance.run_once() == 4.0 * module.REST_FACTOR


def test_used_tickets_are_forgotten_now_and_then_when_they_have_long_expired(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MaintenanceStore()
    maintenance = Maintenance(store, ALL_PARTS.have)  # type: ignore[arg-type]
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    for now in (1000.0, 1002.0, 1030.0, 1059.0, 1060.0, 1062.0):  # noqa: B007
        maintenance.run_once()
    assert store.expired == [tickets.KEPT_SECONDS] * 2
    assert tickets.KEPT_SECONDS > 5 * tickets.TICKET_SECONDS


def test_used_tickets_are_forgotten_also_where_boards_always_change() -> None:
    store = MaintenanceStore(a=10**6)
    maintenance = Maintenance(store, ALL_PARTS.have)  # type: ignore[arg-type]
    for _ in range(3):
        maintenance.run_once()
    assert store.done == ["a"] * 3
    assert store.expired == [tickets.KEPT_SECONDS]


def test_tickets_that_cannot_be_forgotten_keep_no_board_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Such as where the store was not prepared since the update."""
    store = MaintenanceStore(a=1, b=3)
    tries = []

    def fail(older: float) -> None:
        tries.append(older)
        raise StoreUnavailable("there is no table tickets")

    monkeypatch.setattr(store, "expire_tickets", fail)
    with Maintenance(store, ALL_PARTS.have) as maintenance:  # type: ignore[arg-type]
        wait_until(lambda: maintenance.scan_cursor is None, "all boards")
    assert max(store.pieces.values()) <= 0
    assert len(tries) == 1, "not each time"
