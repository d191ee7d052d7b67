"""Which queries may be sent again after a host has failed."""

from typing import Any

import pytest

from leaderboardapp.stores.rethinkdb.connection import CompiledFunction, r
from leaderboardapp.stores.rethinkdb.wire import are_reads, write_one_document

players = r.table("players")


@pytest.mark.parametrize(
    ("query", "is_read", "is_of_one"),
    [
        (players.get("p"), True, False),
        (players.order_by(index="desc").limit(5)["score"] + 56, True, False),
        (r.expr([56, 53, [56, [1]]]), True, False),  # data, though INSERT is 56
        (r.expr({"update": [53]}).merge({"n": r.add(56, 1)}), True, False),
        (players.get("p").update({"n": 1}), False, True),
        (players.get("p").replace(lambda row: row, return_changes=True)["errors"], False, True),
        (players.get("p").delete(), False, True),
        (players.insert({"id": "p"}), False, True),
        (players.insert([{"id": "p"}]), False, False),
        (players.get_all("p").update({"n": 1}), False, False),
        (players.delete(), False, False),
        (r.expr([1, 2]).for_each(lambda n: players.insert({"id": n})), False, False),
        (r.expr([players.get("p").delete(), players.get("q").delete()]), False, False),
        (r.do(1, CompiledFunction(lambda n: players.get(n).update({"n": n}))), False, True),
        (r.do(1, CompiledFunction(lambda n: players.get_all(n).update({"n": n}))), False, False),
        (r.expr({"answer": {"n": players.get("p").delete()}}), False, True),
    ],
)
def test_writes_are_found_wherever_they_are(query: Any, is_read: bool, is_of_one: bool) -> None:
    assert (are_reads([query]), write_one_document([query])) == (is_read, is_of_one)


def test_two_writes_of_one_query_each_are_two() -> None:
    write = players.get("p").delete()
    assert not write_one_document([write, write])
    assert write_one_document([players.get("p"), write])
