"""The contract that every store passes: players are found by the beginning of a name or an id."""

from collections.abc import Callable

import pytest

from leaderboardapp.domain.exceptions import BoardNotFound
from leaderboardapp.domain.searching import SearchPosition, choose_matches, fold
from leaderboardapp.domain.types import Amount, Import, Increment
from leaderboardapp.stores.base import Store
from tests.stores.contract.helpers import add_player


def search(
    store: Store, board: str, text: str, *, hidden: bool = False, size: int = 3
) -> list[str]:
    """Return the ids of all who are found, in pages of this size."""
    found: list[str] = []
    after: SearchPosition | None = SearchPosition()
    while after is not None:
        page = store.search_players(board, fold(text), size, after, hidden)
        found += [row["id"] for row in choose_matches(page, fold(text))]
        after = page.last
    return found


def create(store: Store, board: str, **names: str) -> None:
    for id, name in names.items():
        store.create_player(board, {"id": id, "name": name})


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("ada", ["p1", "p2", "Ada-3"]),
        ("ADA L", ["p1"]),
        ("P", ["p1", "p2", "p4", "p5"]),
        ("strasse", ["p4"]),
        ("STRASSE 9", ["p4"]),
        ("İ", ["p5"]),
        ("%", ["w1"]),
        ("_", ["w2"]),
        ("100\\", ["w3"]),
        ("ab", []),
        ("da", []),
    ],
)
def test_a_beginning_finds_names_and_ids_without_case_and_letter_by_letter(
    store: Store, board: str, text: str, ids: list[str]
) -> None:
    create(store, board, p1="Ada Lovelace", p2="  ADAM", p4="Straße 9", p5="İlker", w1="% off")
    create(store, board, w2="_under", w3="100\\", w4="100 percent")
    store.create_player(board, {"id": "Ada-3", "name": "Ada Three"})
    for size in (1, 2, 9):
        assert sorted(search(store, board, text, size=size)) == sorted(ids)


def test_pages_go_on_in_the_order_of_the_texts_even_of_the_longest(
    store: Store, board: str
) -> None:
    """RethinkDB cuts keys of an index off; of these, more than it compares is the same."""
    other = f"{board}-2"
    store.create_board({"id": other})
    names = [f"{'Ж' * 90}{number:02}" for number in range(12)]
    for number in (7, 2, 11, 0, 5, 9, 1, 10, 4, 8, 3, 6):
        create(store, board, **{f"p{number}": names[number]})
        create(store, other, **{f"q{number}": names[number]})
    after, pages = SearchPosition(), []
    for _ in range(3):
        page = store.search_players(board, fold("ж"), 4, after)
        pages.append([row["id"] for row in choose_matches(page, fold("ж"))])
        after = page.last or after
    assert page.last is None
    assert pages == [[f"p{number}" for number in range(n, n + 4)] for n in (0, 4, 8)]
    assert len(search(store, board, "ж" * 100)) == 0
    assert search(store, board, "ж" * 90 + "07") == ["p7"]


def test_who_is_found_comes_with_score_rank_and_address(store: Store, board: str) -> None:
    store.update_board(board, {"ask_email": True})
    for number in range(3):
        id = f"p{number}"
        email = f"{id}@example.com"
        store.create_player(board, {"id": id, "name": id, "score": number, "email": email})
    _, selection, last = store.search_players(board, "p1", 9, SearchPosition(), False, True)
    [row] = selection.rows
    assert (row["id"], row["score"], row["rank"], selection.of, last) == ("p1", 1, 2, 3, None)
    assert selection.emails == {"p1": "p1@example.com"}


def test_hidden_players_are_found_among_themselves(store: Store, board: str) -> None:
    create(store, board, p1="Ada", p2="Adam")
    store.update_player(board, "p1", {"hidden": True})
    assert (search(store, board, "ad"), search(store, board, "ad", hidden=True)) == (["p2"], ["p1"])
    store.update_player(board, "p1", {"hidden": False, "name": "Zoe"})
    assert (search(store, board, "ad"), search(store, board, "z")) == (["p2"], ["p1"])
    assert search(store, board, "ad", hidden=True) == search(store, board, "z", hidden=True) == []


@pytest.mark.parametrize(
    "join",
    [
        lambda store, board: store.add_scores(
            board, [Increment("p1", 1, name="Ada"), Increment("p1", 1, "key", name="Adam")]
        ),
        lambda store, board: store.set_score(board, "p1", 1, only_better=False, name="Ada"),
        lambda store, board: store.import_batch(
            board, "file", Import(0, 2, "x"), [Amount("p1", "Ada", (1,))]
        ),
    ],
    ids=["increment", "score", "import"],
)
def test_who_joins_with_a_score_is_found(
    store: Store, board: str, join: Callable[[Store, str], object]
) -> None:
    store.update_board(board, {"windows": ["day"]})
    join(store, board)
    assert search(store, board, "ada") == search(store, board, "p") == ["p1"]
    store.add_score(board, "p1", 1, name="Zoe")  # the name stays
    store.start_next_season(board, 1, "2026-01-01T00:00:00Z")
    assert search(store, board, "ada") == ["p1"]
    assert search(store, board, "z") == []


def test_who_is_deleted_is_found_no_more(store: Store, board: str) -> None:
    add_player(store, board, "ada")
    add_player(store, board, "adam")
    store.delete_player(board, "ada")
    assert search(store, board, "a") == ["adam"]
    store.delete_board(board)
    with pytest.raises(BoardNotFound):
        search(store, board, "a")
    store.create_board({"id": board})
    assert search(store, board, "a") == []


def list_boards(
    store: Store, order: str, text: str = "", *, private: bool = False, size: int = 2
) -> list[str]:
    """Return the ids of all boards of these tests, in pages of this size."""
    ids: list[str] = []
    after, is_last = None, False
    while not is_last:
        page = store.find_boards(order, fold(text), size, after, private)
        ids += [row["id"] for row in page.rows]
        after, is_last = page.last, page.last is None
    return ids


def test_boards_are_listed_by_age_and_by_name_and_found_by_name_or_id(
    store: Store, board_id: str
) -> None:
    mark = board_id[-8:]
    names = {"b": f"Zoo {mark}", "a": f"\u00c4pfel {mark}", "d": "", "c": f"zoo {mark} 2"}
    for id, name in names.items():
        store.create_board({"id": f"{id}-{mark}", "name": name, "windows": ["day"]})
    store.update_board(f"c-{mark}", {"private": True})
    store.update_board(f"b-{mark}", {"name": f"Yak {mark}"})

    def own(*arguments: str, private: bool = False) -> str:
        ids = list_boards(store, *arguments, private=private)
        return "".join(id[0] for id in ids if id.endswith(mark))

    assert (own("newest"), own("newest", private=True)) == ("dab", "cdab")
    assert (own("name"), own("name", private=True)) == ("dba", "dbca")
    assert own("name", f"Zoo {mark}") == ""
    assert own("name", f"ZOO {mark}", private=True) == "c"
    assert own("newest", f"Yak {mark}") == "b"
    assert own("name", f"D-{mark}") == "d"
    store.delete_board(f"b-{mark}")
    assert own("newest") == "da"
    for id in "acd":
        store.delete_board(f"{id}-{mark}")
    assert own("newest", private=True) == own("name", private=True) == ""
