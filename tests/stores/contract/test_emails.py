"""The contract that every store passes: email addresses, each one player's of a board."""

import threading

import pytest
from django.core.exceptions import ObjectDoesNotExist

from leaderboardapp.domain.exceptions import AlreadyExists, EmailTaken
from leaderboardapp.stores.base import Store
from tests.stores.contract.helpers import (
    add_player,
    emails_of,
    join,
)


@pytest.fixture
def board(store: Store, board_id: str) -> str:
    store.create_board({"id": board_id, "ask_email": True})
    return board_id


class TestEmails:
    def test_an_address_is_one_players_of_a_board(self, store: Store, board: str) -> None:
        join(store, board, "alice", "a@example.com")
        with pytest.raises(EmailTaken):
            join(store, board, "bob", "a@example.com")
        with pytest.raises(ObjectDoesNotExist):
            store.get_player(board, "bob")
        join(store, board, "bob", "b@example.com")
        emails = {"alice": "a@example.com", "bob": "b@example.com"}
        store.update_board(board, {"ask_email": False})
        add_player(store, board, "carol")
        assert emails_of(store, board) == emails
        for player in ("alice", "carol"):
            window = store.get_ranking_window(board, 1, around=player, with_emails=True)
            assert window.emails == {id: emails[id] for id in emails if id == player}
        store.update_player(board, "bob", {"hidden": True})
        assert store.list_hidden(board, "", 5, with_emails=True).emails == {"bob": "b@example.com"}
        assert store.list_hidden(board, "", 5).emails == {}
        assert store.get_ranking_window(board, 5).emails == {}

    def test_another_board_may_have_the_same(self, store: Store, board: str) -> None:
        store.create_board({"id": f"{board}-2", "ask_email": True})
        join(store, board, "alice", "a@example.com")
        join(store, f"{board}-2", "alice", "a@example.com")

    def test_no_row_of_a_player_has_it(self, store: Store, board: str) -> None:
        row = store.create_player(board, {"id": "alice", "name": "A", "email": "a@example.com"})
        rows = [row, store.get_player(board, "alice"), store.add_score(board, "alice", 1)]
        rows += store.get_ranking_window(board, 10).rows + store.get_top_players([board])[board][1]
        rows += [store.update_player(board, "alice", {"name": "B"})]
        assert not any("example.com" in str(row) for row in rows)

    def test_it_is_erased_with_the_player(self, store: Store, board: str) -> None:
        join(store, board, "alice", "a@example.com")
        store.delete_player(board, "alice")
        assert emails_of(store, board) == {}
        join(store, board, "bob", "a@example.com")

    def test_it_is_erased_with_the_board(self, store: Store, board: str) -> None:
        join(store, board, "alice", "a@example.com")
        store.delete_board(board)
        store.create_board({"id": board, "ask_email": True})
        join(store, board, "bob", "a@example.com")

    def test_whoever_comes_with_a_taken_id_leaves_the_address_free(
        self, store: Store, board: str
    ) -> None:
        join(store, board, "alice", "b@example.com")
        with pytest.raises(AlreadyExists):
            join(store, board, "alice", "a@example.com")
        join(store, board, "bob", "a@example.com")

    def test_of_many_at_the_same_moment_one_gets_it(self, store: Store, board: str) -> None:
        outcomes: list[str] = []

        def run(player: str) -> None:
            try:
                join(store, board, player, "a@example.com")
                outcomes.append(player)
            except EmailTaken:
                pass
            finally:
                store.close()

        threads = [threading.Thread(target=run, args=[f"p{number}"]) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        [winner] = outcomes
        assert emails_of(store, board) == {winner: "a@example.com"}
