"""Boards of the doctor's own: whose they are, and who deletes them."""

import time
from types import SimpleNamespace

import pytest

from leaderboardapp.doctor import probe
from leaderboardapp.models import Board, ObjectDoesNotExist
from leaderboardapp.stores.base import Store

pytestmark = pytest.mark.stores("sqlite")


def test_a_doctor_leaves_the_boards_of_another_that_runs(store: Store) -> None:
    first, second = next(probe.name_boards()), next(probe.name_boards())
    with probe.probe_boards([first]):
        with probe.probe_boards([second]):
            Board.get(second)
        assert Board.get(first).private
    for id in (first, second):
        with pytest.raises(ObjectDoesNotExist):
            Board.get(id)


def test_boards_that_an_interruption_has_left_are_deleted_and_no_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = time.time() - probe.RUN_SECONDS - 10
    monkeypatch.setattr(probe, "time", SimpleNamespace(time=lambda: at))
    left, somebodys = next(probe.name_boards()), f"{probe.PREFIX}{int(at):08x}-mine"
    monkeypatch.undo()
    for id in (left, somebodys):
        Board(id=id, private=True).save()
    with probe.probe_boards([next(probe.name_boards())]), pytest.raises(ObjectDoesNotExist):
        Board.get(left)
    Board.get(somebodys).delete()
