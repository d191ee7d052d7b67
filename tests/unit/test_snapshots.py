import json

from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.domain.types import BOARD_DEFAULTS
from leaderboardapp.snapshots import Snapshot

players = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.text("abc-_", min_size=1),
            "name": st.text(),
            "score": st.integers(),
            "scored": st.booleans(),
        }
    ),
    max_size=4,
)
text = st.text(st.characters(exclude_categories=["Cs"]))


@given(text, players)
def test_the_body_is_one_line_of_json_that_says_it_all(
    name: str, rows: list[dict[str, object]]
) -> None:
    snapshot = Snapshot.from_rows({**BOARD_DEFAULTS, "id": "b", "name": name}, rows)
    assert not set("\r\n") & set(snapshot.body)
    shown = json.loads(snapshot.body)
    assert shown["name"] == name
    fields = [{name: row[name] for name in ("id", "name", "score")} for row in rows]
    assert shown["players"] == [{**row, "rank": rank} for rank, row in enumerate(fields, start=1)]
    assert snapshot.leader == (rows[0] if rows and rows[0]["scored"] else None)


@given(players, players)
def test_fingerprints_are_equal_exactly_when_bodies_are(
    one: list[dict[str, object]], two: list[dict[str, object]]
) -> None:
    board = {**BOARD_DEFAULTS, "id": "b", "name": "B"}
    first, second = Snapshot.from_rows(board, one), Snapshot.from_rows(board, two)
    assert (first.fingerprint == second.fingerprint) == (first.body == second.body)
    assert Snapshot.from_rows(board, one) == first
