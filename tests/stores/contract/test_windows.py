"""Windows, in every store, against a small model: scores by board and window.

The model knows of no store: a board is a dictionary of players, and so is each of its windows."""

import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboardapp.domain.archive import is_erased
from leaderboardapp.domain.exceptions import BoardNotFound, PlayerNotFound
from leaderboardapp.domain.schedule import now
from leaderboardapp.domain.types import MAX_SCORE, WINDOWS, Amount, Import, Increment
from leaderboardapp.stores.base import Store

PLAYERS = ("a", "b", "c")
Scores = dict[str, int]


class Model:
    """What a board and its windows ought to be."""

    def __init__(self, order: str) -> None:
        self.order = order
        self.own: Scores = {}
        self.windows: dict[str, Scores] = {}
        self.names: dict[str, str] = {}
        self.hidden: set[str] = set()
        self.counted: set[tuple[str, str]] = set()  # players and keys
        self.ended: dict[str, list[Scores]] = {}  # by window

    def write(self, player: str, change: Any) -> None:
        """Apply a change to the score on the board and in each window."""
        for scores in (self.own, *self.windows.values()):
            scores[player] = change(scores.get(player), self.order)

    def get_shown(self, scores: Scores) -> list[tuple[str, int]]:
        """Return who is shown, by id: ties are another test's affair."""
        return sorted((id, score) for id, score in scores.items() if id not in self.hidden)


def add(amount: int) -> Any:
    return lambda old, order: (old or 0) + amount


def put(score: int) -> Any:
    return lambda old, order: score


def keep_best(score: int) -> Any:
    def change(old: int | None, order: str) -> int:
        if order == "asc":
            return score if old is None else min(old, score)
        return max(old or 0, score)

    return change


player = st.sampled_from(PLAYERS)
number = st.integers(-3, 9)
window = st.sampled_from(WINDOWS)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), player, number),
        st.tuples(st.just("add with key"), player, number, st.sampled_from(["k1", "k2"])),
        st.tuples(st.just("bulk"), st.lists(st.tuples(player, number), min_size=1, max_size=4)),
        st.tuples(st.just("import"), st.dictionaries(player, number, min_size=1)),
        st.tuples(st.just("set"), player, number),
        st.tuples(st.just("best"), player, number),
        st.tuples(st.just("hide"), player, st.booleans()),
        st.tuples(st.just("rename"), player, st.sampled_from(["A", "B"])),
        st.tuples(st.just("delete"), player),
        st.tuples(st.just("end"), window),
        st.tuples(st.just("end in two steps"), window, player, number),
        st.tuples(st.just("reset")),
        st.tuples(st.just("windows"), st.lists(window, unique=True)),
    ),
    max_size=14,
)


class Run:
    """The steps, in a store and in the model."""

    def __init__(self, store: Store, order: str) -> None:
        self.store, self.model = store, Model(order)
        self.board = f"windows-{uuid.uuid4().hex[:12]}"
        store.create_board({"id": self.board, "order": order, "size": 10, "windows": ["week"]})
        self.model.windows["week"] = {}

    def step(self, kind: str, *values: Any) -> None:
        getattr(self, kind.replace(" ", "_"))(*values)

    def name(self, player: str) -> str:
        return self.model.names.setdefault(player, player)

    def add(self, player: str, amount: int) -> None:
        self.store.add_score(self.board, player, amount, name=self.name(player))
        self.model.write(player, add(amount))

    def add_with_key(self, player: str, amount: int, key: str) -> None:
        self.store.add_score(self.board, player, amount, key, name=self.name(player))
        if (player, key) not in self.model.counted:
            self.model.counted.add((player, key))
            self.model.write(player, add(amount))

    def bulk(self, amounts: list[tuple[str, int]]) -> None:
        increments = [
            Increment(player, amount, name=self.name(player)) for player, amount in amounts
        ]
        self.store.add_scores(self.board, increments)
        for player, amount in amounts:
            self.model.write(player, add(amount))

    def import_(self, amounts: dict[str, int]) -> None:
        done = self.store.get_import(self.board, "i")
        upto = Import(done.line, done.line + 1, "digest")
        rows = [Amount(player, self.name(player), (n,)) for player, n in amounts.items()]
        self.store.import_batch(self.board, "i", upto, rows)
        for player, amount in amounts.items():
            self.model.write(player, add(amount))

    def set(self, player: str, score: int) -> None:
        self.store.set_score(self.board, player, score, False, name=self.name(player))
        self.model.write(player, put(score))

    def best(self, player: str, score: int) -> None:
        self.store.set_score(self.board, player, score, True, name=self.name(player))
        self.model.write(player, keep_best(score))

    def hide(self, player: str, hidden: bool) -> None:
        if player in self.model.own:
            self.store.update_player(self.board, player, {"hidden": hidden})
            (self.model.hidden.add if hidden else self.model.hidden.discard)(player)

    def rename(self, player: str, name: str) -> None:
        if player in self.model.own:
            self.store.update_player(self.board, player, {"name": name})
            self.model.names[player] = name

    def delete(self, player: str) -> None:
        if player not in self.model.own:
            return
        self.store.delete_player(self.board, player)
        model = self.model
        ended = [scores for seasons in model.ended.values() for scores in seasons]
        for scores in (model.own, *model.windows.values(), *ended):
            scores.pop(player, None)
        model.names.pop(player)
        model.hidden.discard(player)
        model.counted = {known for known in model.counted if known[0] != player}

    def end(self, window: str) -> None:
        if window in self.model.windows:
            id = f"{self.board}~{window}"
            row = self.store.start_next_season(id, self.store.get_board(id)["season"], now())
            assert row["ends_at"] > now()
            past = dict(self.model.get_shown(self.model.windows[window]))
            self.model.ended.setdefault(window, []).append(past)
            self.model.windows[window] = {}

    def end_in_two_steps(self, window: str, player: str, amount: int) -> None:
        """Somebody scores after the end, before those who were in the window are deleted."""
        maintenance = "leaderboardapp.stores.sql.maintenance.carry_over"
        with pytest.MonkeyPatch.context() as patched:
            if seasons := getattr(self.store, "seasons", None):  # RethinkDB's
                patched.setattr(seasons, "run_maintenance", lambda board: None)
            else:
                patched.setattr(maintenance, lambda board: None)
            self.end(window)
            self.check()
            self.add(player, amount)
            self.check()
        if window in self.model.windows:
            while self.store.run_maintenance(f"{self.board}~{window}"):
                pass

    def reset(self) -> None:
        season = self.store.get_board(self.board)["season"]
        self.store.start_next_season(self.board, season, now())
        self.model.own = dict.fromkeys(self.model.own, 0)

    def windows(self, windows: list[str]) -> None:
        row = self.store.update_board(self.board, {"windows": windows})
        assert row["windows"] == [window for window in WINDOWS if window in windows]
        self.model.windows = {name: self.model.windows.get(name, {}) for name in windows}
        self.model.ended = {
            name: seasons for name, seasons in self.model.ended.items() if name in windows
        }

    def check(self) -> None:
        """Compare what the store has with the model."""
        for window in WINDOWS:
            id = f"{self.board}~{window}"
            if window not in self.model.windows:
                assert id not in self.store.get_top_players([id])
                with pytest.raises(BoardNotFound):
                    self.store.get_board(id)
                continue
            scores = self.model.windows[window]
            [(board, top)] = self.store.get_top_players([id]).values()
            assert sorted((row["id"], row["score"]) for row in top) == self.model.get_shown(scores)
            self.check_players(id, scores)
            self.check_seasons(id, self.model.ended.get(window, []))
        listed = self.store.list_boards(self.board[:-1], 5)
        assert [row["id"] for row in listed if row["id"].startswith(self.board)] == [self.board]

    def check_players(self, id: str, scores: Scores) -> None:
        names = {player: self.model.names[player] for player in scores}
        selection = self.store.get_selection(id, PLAYERS)
        rows = selection.rows + selection.unranked
        assert {row["id"]: row["name"] for row in rows} == names
        assert {row["id"]: row["score"] for row in rows} == scores
        hidden = self.store.list_hidden(id, "", 10).rows
        assert {row["id"] for row in hidden} == self.model.hidden & scores.keys()
        for player in PLAYERS:
            around = self.store.get_ranking_window(id, 1, around=player).player
            assert (around is not None) == (player in scores)
            if player in scores:
                assert self.store.get_player(id, player)["score"] == scores[player]
            else:
                with pytest.raises(PlayerNotFound):
                    self.store.get_player(id, player)

    def check_seasons(self, id: str, ended: list[Scores]) -> None:
        for number, scores in enumerate(ended, start=1):
            _, board, rows = self.store.get_season(id, number)
            assert board["id"] == id
            kept = {row["id"]: row["score"] for row in rows if not is_erased(row)}
            assert kept == scores


# "import" is a word of Python's.
setattr(Run, "import", Run.import_)


@settings(max_examples=15)
@given(steps, st.sampled_from(["desc", "asc"]))
def test_a_board_and_its_windows_are_as_in_the_model(
    store: Store, steps: list[tuple[Any, ...]], order: str
) -> None:
    run = Run(store, order)
    for step in steps:
        run.step(*(step if isinstance(step, tuple) else (step,)))
        run.check()
    store.delete_board(run.board)
    for window in WINDOWS:
        assert not store.get_top_players([f"{run.board}~{window}"])


def test_scores_of_a_window_stop_at_the_largest(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id})
    store.add_score(board_id, "a", -MAX_SCORE, name="A")
    store.update_board(board_id, {"windows": ["week"]})
    for _ in range(2):
        store.add_score(board_id, "a", MAX_SCORE)
    assert store.get_player(f"{board_id}~week", "a")["score"] == MAX_SCORE
    store.add_score(board_id, "a", -1)
    assert store.get_player(f"{board_id}~week", "a")["score"] == MAX_SCORE - 1


def test_equal_scores_of_a_window_rank_by_who_was_first_in_it(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id, "windows": ["week"]})
    for player, amount in (("a", 1), ("b", 2), ("a", 1)):
        store.add_score(board_id, player, amount, name=player)
    assert [row["id"] for row in store.get_ranking_window(f"{board_id}~week", 5).rows] == ["b", "a"]
    id = f"{board_id}~week"
    store.start_next_season(id, 1, now())
    for player in ("a", "b", "c"):
        store.add_score(board_id, player, 0, name=player)
    assert [row["id"] for row in store.get_ranking_window(id, 5).rows] == ["a", "b", "c"]


def test_a_window_ends_by_schedule_and_others_do_not(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id, "windows": ["day", "month"]})
    day = store.get_board(f"{board_id}~day")
    due = [row["id"] for row in store.list_boards_to_end(day["ends_at"])]
    assert f"{board_id}~day" in due and board_id not in due
    store.start_next_season(day["id"], 1, day["ends_at"], only_if_due=True)
    after = store.get_board(day["id"])
    assert after["season"] == 2 and after["since"] == day["ends_at"] < after["ends_at"]


def test_a_key_counts_once_however_late_it_comes_again(store: Store, board_id: str) -> None:
    """It has counted in the season of the window that was running then, and in no other."""
    store.create_board({"id": board_id, "windows": ["day", "week"]})
    store.add_score(board_id, "a", 5, "k", name="A")
    store.start_next_season(f"{board_id}~day", 1, now())
    store.add_score(board_id, "a", 1, "l")
    assert store.add_score(board_id, "a", 5, "k")["repeated"]
    assert store.get_player(f"{board_id}~day", "a")["score"] == 1
    assert store.get_player(f"{board_id}~week", "a")["score"] == 6


def test_private_boards_have_private_windows(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id, "windows": ["day"], "private": True})
    assert store.get_board(f"{board_id}~day")["private"]
    store.update_board(board_id, {"private": False, "order": "asc", "ranking": "dense"})
    window = store.get_board(f"{board_id}~day")
    assert (window["private"], window["order"], window["ranking"]) == (False, "asc", "dense")


@pytest.mark.stores("sqlite", "postgresql")
def test_a_past_season_of_a_window_has_all_who_scored_in_it(store: Store, board_id: str) -> None:
    store.create_board({"id": board_id, "windows": ["week"], "size": 1})
    id = f"{board_id}~week"
    for player, amount in (("a", 3), ("b", 2), ("c", 1)):
        store.add_score(board_id, player, amount, name=player)

    def read(season: int | None) -> dict[str, int]:
        rows = store.get_ranking_window(id, 10, season=season).rows
        return {row["id"]: row["score"] for row in rows}

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("leaderboardapp.stores.sql.maintenance.carry_over", lambda board: None)
        store.start_next_season(id, 1, now())
    assert read(1) == {"a": 3, "b": 2, "c": 1} and read(None) == {}
    store.add_score(board_id, "a", 5)
    store.update_player(board_id, "b", {"name": "B"})
    assert read(1) == {"a": 3, "b": 2, "c": 1} and read(None) == {"a": 5}
    while store.run_maintenance(id):
        pass
    assert read(1) == {"a": 3, "b": 2, "c": 1} and read(None) == {"a": 5}
    [past] = store.list_player_seasons(id, "c", None, 5)[1]
    assert past.row["score"] == 1
