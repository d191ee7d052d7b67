"""The contract that every store passes: a ticket is used once."""

import threading
import time
import uuid

import pytest

from leaderboardapp.stores.base import Store
from tests.support.programs import wait_until

REDEEMERS = 8


@pytest.fixture
def ticket() -> str:
    return uuid.uuid4().hex


class TestTickets:
    def test_one_is_used_once_and_no_other_with_it(self, store: Store, ticket: str) -> None:
        assert store.use_ticket(ticket)
        assert not store.use_ticket(ticket)
        assert not store.use_ticket(ticket)
        assert store.use_ticket(f"{ticket}-2")

    def test_of_many_at_the_same_moment_one_uses_it(self, store: Store, ticket: str) -> None:
        together, outcomes = threading.Barrier(REDEEMERS), []

        def use() -> None:
            try:
                for turn in range(5):
                    together.wait(30)
                    outcomes.append((turn, store.use_ticket(f"{ticket}-{turn}")))
            finally:
                store.close()

        threads = [threading.Thread(target=use) for _ in range(REDEEMERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(outcomes) == 5 * REDEEMERS
        assert sorted(turn for turn, is_used in outcomes if is_used) == [0, 1, 2, 3, 4]

    def test_it_is_forgotten_only_when_it_is_older(self, store: Store, ticket: str) -> None:
        before = time.monotonic()
        assert store.use_ticket(ticket)
        store.expire_tickets(60)
        assert not store.use_ticket(ticket)

        def is_forgotten() -> bool:
            store.expire_tickets(1)
            return store.use_ticket(ticket)

        wait_until(is_forgotten, "the ticket's end")
        assert time.monotonic() - before > 1

    def test_more_are_forgotten_than_one_statement_deletes(
        self, store: Store, ticket: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from leaderboardapp.stores.rethinkdb import database
        from leaderboardapp.stores.sql import tickets

        monkeypatch.setattr(database, "DELETE_ROWS", 2)
        monkeypatch.setattr(tickets, "EXPIRED_AT_ONCE", 2)
        ids = [f"{ticket}-{number}" for number in range(5)]
        assert all(map(store.use_ticket, ids))
        store.expire_tickets(-1)
        assert all(map(store.use_ticket, ids))
