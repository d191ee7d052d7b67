"""Parts: each board is in one of them, and as many in each."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from leaderboardapp.domain.parts import ALL_PARTS, HASHES, MAX_PARTS, UUID_NAMESPACE, Parts

COUNTS = st.integers(1, MAX_PARTS)


@given(board=st.text(), count=COUNTS)
def test_a_board_is_in_one_part_by_the_uuid_of_its_id(board: str, count: int) -> None:
    parts = [Parts(count, frozenset({number})) for number in range(count)]
    [part] = [part for part in parts if part.have(board)]
    assert uuid.uuid5(UUID_NAMESPACE, board).bytes[0] in part.list_hashes()
    assert ALL_PARTS.have(board) and not Parts(count).have(board)


@given(count=COUNTS)
def test_parts_are_about_as_large(count: int) -> None:
    sizes = [len(Parts(count, frozenset({number})).list_hashes()) for number in range(count)]
    assert sum(sizes) == HASHES and max(sizes) - min(sizes) <= 1
