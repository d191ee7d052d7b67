"""The whole service in one file: what export_service writes, and import_service makes of it."""

import io
import json
import shutil
import stat
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboardapp import copies
from leaderboardapp.copies import Chain, CopyError, DamagedCopy, read_whole, write_copy
from leaderboardapp.domain.exceptions import AlreadyExists, PlayerRefused
from leaderboardapp.domain.fields import InvalidInput
from leaderboardapp.domain.types import BOARD_DEFAULTS, Amount, Import, Increment
from leaderboardapp.listener.lease import Lease
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.streams import Feed
from tests.stores.copies import (
    ENDED_AT,
    copy_of,
    fill_service,
    restore,
    restore_with_failures,
    see_service,
)
from tests.support.programs import wait_until
from tests.support.store import store_at

NewDatabase = Callable[[str], str]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "RECORDS_AT_ONCE", 5)


@pytest.mark.processes
def test_a_service_is_the_same_in_every_store_however_often_its_import_fails(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    with store_at(new_database("sqlite")) as store:
        store.ensure()
        fill_service(store)
        before = see_service(store)
        path = copy_of(store, tmp_path)
    for name in ("postgresql", "rethinkdb", "sqlite"):
        with store_at(new_database(name)) as store:
            store.ensure()
            with closing(store.open_feed()) as feed:
                assert restore_with_failures(store, path) > 3
                wait_for_boards(feed, {row["id"] for row in before["board"]})
            assert see_service(store) == before, name
            path = copy_of(store, tmp_path)
            assert store.add_score("plain", "p09", 1, key="key 3 p09")["repeated"]


def wait_for_boards(feed: Feed, unseen: set[str]) -> None:
    """Wait until the feed has had all these boards."""

    def has_all() -> bool:
        unseen.difference_update(feed.poll(timeout=0.1))
        return not unseen

    wait_until(has_all, "all boards in the feed")


@pytest.fixture(scope="module")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with all tables, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "empty.sqlite3"
    with store_at(f"sqlite:///{path}") as store:
        store.ensure()
    return path


@pytest.fixture(scope="module")
def filled_file(empty_file: Path) -> Path:
    """The same with a service."""
    path = empty_file.with_name("filled.sqlite3")
    with store_of(empty_file, path) as store:
        fill_service(store)
    return path


@contextmanager
def store_of(template: Path, path: Path) -> Iterator[Any]:
    """The store in a new file, which is a copy of this one."""
    shutil.copy(template, path)
    with store_at(f"sqlite:///{path}") as store:
        yield store


@pytest.fixture
def new_service(empty_file: Path, tmp_path: Path) -> Callable[[], Any]:
    """new_service(): an empty store in a context of its own."""
    return lambda: store_of(empty_file, tmp_path / f"{uuid.uuid4().hex}.sqlite3")


@pytest.fixture
def filled(filled_file: Path, tmp_path: Path) -> Iterator[Store]:
    """A store with a service, which this process uses."""
    with store_of(filled_file, tmp_path / "filled.sqlite3") as store:
        yield store


BOARDS, PLAYERS = st.sampled_from(["one", "two"]), st.sampled_from(["a", "b", "c", "d"])
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "order": st.sampled_from(["desc", "asc"]),
        "ranking": st.sampled_from(["ordinal", "competition", "dense"]),
        "size": st.integers(1, 3),
        "show": st.just(["k"]),
        "windows": st.just(["day", "week"]),
        "keep_seasons": st.sampled_from([None, 1, 2]),
        "private": st.booleans(),
    },
)
WRITES = st.one_of(
    st.tuples(st.just("update_board"), BOARDS, SETTINGS),
    st.tuples(
        st.just("create_player"), BOARDS, PLAYERS, st.text("ab<\u2028\U0001f600", min_size=1)
    ),
    st.tuples(st.just("add"), BOARDS, PLAYERS, st.integers(-2, 2), st.sampled_from([None, "k"])),
    st.tuples(st.just("hide"), BOARDS, PLAYERS, st.booleans()),
    st.tuples(st.just("delete_player"), BOARDS, PLAYERS),
    st.tuples(st.just("import"), BOARDS, PLAYERS, st.integers(-2, 2)),
    st.tuples(st.just("end"), BOARDS, st.sampled_from(["", "~day"])),
)


def make_write(store: Store, write: tuple[Any, ...]) -> None:
    name, board, *rest = write
    if name == "update_board":
        store.update_board(board, rest[0])
    elif name == "create_player":
        store.create_player(board, {"id": rest[0], "name": rest[1], "data": {"k": rest[1]}})
    elif name == "add":
        player, amount, key = rest
        store.add_scores(board, [Increment(player, amount, key, name="N")])
    elif name == "hide":
        store.update_player(board, rest[0], {"hidden": rest[1]})
    elif name == "delete_player":
        store.delete_player(board, rest[0])
    elif name == "import":
        begin = store.get_import(board, "f").line
        upto = Import(begin, begin + 1, f"digest {begin}")
        store.import_batch(board, "f", upto, [Amount(rest[0], "F", (rest[1],))])
    else:
        ended = board + rest[0]
        store.start_next_season(ended, store.get_board(ended)["season"], ENDED_AT)


@settings(max_examples=15)
@given(writes=st.lists(WRITES, min_size=5, max_size=40))
def test_whatever_is_written_is_in_the_copy(
    new_service: Callable[[], Any], tmp_path: Path, writes: list[tuple[Any, ...]]
) -> None:
    with new_service() as store:
        store.create_board({"id": "one"})
        store.create_board({"id": "two"})
        for write in writes:
            with suppress(ObjectDoesNotExist, AlreadyExists, PlayerRefused, InvalidInput):
                make_write(store, write)
        before, path = see_service(store), copy_of(store, tmp_path)
    with new_service() as store:
        restore(store, path)
        assert see_service(store) == before
        again = copy_of(store, tmp_path)
    assert records_of(again) == records_of(path)


def records_of(path: Path) -> list[Any]:
    """Return the records but for the first, which has an id of its own."""
    with path.open("rb") as file:
        return [line.record for line in read_whole(file)][1:]


@pytest.fixture(scope="module")
def whole_lines(filled_file: Path, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The lines of a copy."""
    folder = tmp_path_factory.mktemp("copy")
    with store_of(filled_file, folder / "filled.sqlite3") as store:
        return copy_of(store, folder).read_bytes().splitlines(keepends=True)


@settings(max_examples=60)
@given(data=st.data())
def test_any_damage_is_found_in_its_line_and_nothing_is_imported(
    whole_lines: list[bytes], data: st.DataObject
) -> None:
    lines = [*whole_lines]
    number = data.draw(st.integers(0, len(lines) - 1))
    column = data.draw(st.integers(0, len(lines[number]) - 1))
    damage = data.draw(st.sampled_from(["change", "cut", "drop", "twice"]))
    line = lines[number]
    if damage == "change":
        lines[number] = line[:column] + bytes([line[column] ^ 1]) + line[column + 1 :]
    elif damage == "cut":
        lines[number:] = [line[:column]] if column else []
    elif damage == "drop":
        del lines[number]
    else:
        lines.insert(number, line)
    with pytest.raises(DamagedCopy) as error:
        for _ in read_whole(io.BytesIO(b"".join(lines))):
            pass
    expected = number + 1 + (damage == "twice")
    assert str(error.value).startswith(f"line {expected}:"), damage


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_the_commands_say_what_they_did(
    filled: Store, new_service: Callable[[], Any], tmp_path: Path
) -> None:
    path = str(tmp_path / "service.jsonl")
    before = see_service(filled)
    out = run("export_service", path)
    counts = "Boards and windows: 6, past seasons: 8, players of past seasons: "
    assert out.startswith(f"{path}: written. {counts}")
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    assert not Path(f"{path}.part").exists()
    with new_service() as store:
        assert "records are imported. " + counts in run("import_service", path)
        assert see_service(store) == before
        assert "of them before" in run("import_service", path)
        assert see_service(store) == before


def test_a_file_that_is_there_is_not_replaced(filled: Store, tmp_path: Path) -> None:
    path = tmp_path / "service.jsonl"
    path.write_text("mine")
    with pytest.raises(CommandError, match="is there already"):
        run("export_service", str(path))
    assert path.read_text() == "mine"


def test_an_unfinished_file_of_another_kind_is_not_gone_on_with(
    filled: Store, tmp_path: Path
) -> None:
    unfinished = tmp_path / "service.jsonl.part"
    unfinished.write_text("notes")
    with pytest.raises(CommandError, match="something else than the beginning of a copy"):
        run("export_service", str(tmp_path / "service.jsonl"))
    assert unfinished.read_text() == "notes"


def test_while_a_listener_runs_nothing_is_imported(
    filled: Store, new_service: Callable[[], Any], tmp_path: Path
) -> None:
    path = str(copy_of(filled, tmp_path))
    with new_service() as store:
        lease, stop = Lease(store), threading.Event()
        lease.look()

        def beat() -> None:
            while not stop.wait(0.2):
                lease.look()
            lease.release()
            store.close()

        listener = threading.Thread(target=beat)
        listener.start()
        try:
            with pytest.raises(CommandError, match="Stop dblistener.py"):
                run("import_service", path)
        finally:
            stop.set()
            listener.join()
        assert store.list_boards("", 1, private=True) == []
        assert "records are imported" in run("import_service", path)


@pytest.mark.parametrize("end", [0, 7, 300, 2_000, -300, -20, -1, 10**9])
def test_an_interrupted_export_goes_on(filled: Store, tmp_path: Path, end: int) -> None:
    whole = copy_of(filled, tmp_path).read_bytes()
    path = tmp_path / "service.jsonl"
    Path(f"{path}.part").write_bytes(whole[:end])
    run("export_service", str(path))
    if end > 300 or end < 0:  # the id of the copy is kept
        assert path.read_bytes() == whole
    with path.open("rb") as file:
        assert len([*read_whole(file)]) == whole.count(b"\n")


def test_an_export_goes_on_after_any_record(filled: Store, tmp_path: Path) -> None:
    whole = copy_of(filled, tmp_path)
    lines = whole.read_bytes().splitlines(keepends=True)
    kinds = [json.loads(line)["kind"] for line in lines]
    # After the first and the last record of each kind, and within a season.
    ends = {kinds.index(kind) for kind in kinds} | {kinds.index("past") + 3}
    ends |= {len(kinds) - kinds[::-1].index(kind) - 1 for kind in kinds}
    for number in sorted({*ends, *(end + 1 for end in ends)} - {0}):
        file = io.BytesIO(b"".join(lines[:number]))
        for _ in write_copy(filled, file):
            pass
        assert file.getvalue() == whole.read_bytes(), lines[number - 1]


@pytest.mark.parametrize("change", ["end", "create", "delete"])
def test_a_season_that_ends_meanwhile_ends_the_export(filled: Store, change: str) -> None:
    with pytest.raises(CopyError, match="season has ended"):
        for number, _ in enumerate(write_copy(filled, io.BytesIO())):
            if number == 30:
                if change == "end":
                    filled.start_next_season("plain", 3, ENDED_AT)
                elif change == "create":
                    filled.create_board({"id": "new"})
                else:
                    filled.delete_board("lap")


def test_a_service_with_boards_of_its_own_is_refused(
    filled: Store, new_service: Callable[[], Any], tmp_path: Path
) -> None:
    path, other = copy_of(filled, tmp_path), copy_of(filled, tmp_path)
    with new_service() as store:
        store.create_board({"id": "mine"})
        before = see_service(store)
        with pytest.raises(CommandError, match="has boards, which are not from this copy"):
            run("import_service", str(path))
        assert see_service(store) == before
        store.delete_board("mine")
        run("import_service", str(path))
        with pytest.raises(CommandError, match="not from this copy"):
            run("import_service", str(other))


def test_a_damaged_file_changes_nothing(
    filled: Store, new_service: Callable[[], Any], tmp_path: Path
) -> None:
    path = copy_of(filled, tmp_path)
    path.write_bytes(path.read_bytes().replace(b"Player 7", b"Player 8", 1))
    with new_service() as store:
        with pytest.raises(CommandError, match=r"line \d+: it was changed.*Nothing was imported"):
            run("import_service", str(path))
        assert store.copies.list_records("board", None, 1) == []


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"kind": "copy", "version": 2, "id": "x", "boards": ""}, "is of version 2, not 1"),
        ({"kind": "end", "records": 0}, "begins with a record 'copy'"),
        ({"kind": "team", "id": "x"}, "knows no record 'team' of kind, id"),
        ({"kind": "end"}, "knows no record 'end' of kind"),
        ([], "it is no line of a copy"),
    ],
)
def test_another_file_is_refused_with_the_reason(record: Any, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    path.write_bytes(Chain().write(record) if record else json.dumps(record).encode())
    with pytest.raises(CommandError, match=f"line 1: .*{reason}"):
        run("import_service", str(path))


def test_a_setting_that_a_copy_lacks_is_as_by_default(
    new_service: Callable[[], Any], tmp_path: Path
) -> None:
    path, chain = tmp_path / "old.jsonl", Chain()
    records: list[dict[str, Any]] = [
        {"kind": "copy", "version": 1, "id": "x", "boards": ""},
        {"kind": "board", "id": "old", "created_at": 5, "name": "Old", "size": 3},
        {"kind": "end", "records": 1},
    ]
    path.write_bytes(b"".join(map(chain.write, records)))
    with new_service() as store:
        restore(store, path)
        assert store.get_board("old") == {**BOARD_DEFAULTS, "id": "old", "name": "Old", "size": 3}
