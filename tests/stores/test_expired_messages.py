"""Old messages of publish-subscribe are deleted, and who missed them is told; on each store."""

from typing import Any

import pytest

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.pubsub import Exchange, Message
from leaderboardapp.pubsub import exchange as exchange_module
from leaderboardapp.stores.base import Store
from leaderboardapp.stores.rethinkdb.connection import r
from leaderboardapp.stores.sql import message_stream as sql_messages
from leaderboardapp.stores.sql.models import MessageRow
from leaderboardapp.stores.sql.store import SqlStore
from leaderboardapp.stores.streams import EXPIRED_AT_ONCE, KEPT_SECONDS, EncodedMessage
from tests.stores.test_pubsub import take
from tests.support.programs import wait_until


@pytest.fixture
def exchange(store: Store, board_id: str) -> Exchange:
    return Exchange(board_id)


def count_stored(store: Any, exchange: Exchange) -> int:
    """Count the exchange's messages (in SQL) or topics (in RethinkDB) that the store still has."""
    if isinstance(store, SqlStore):
        return MessageRow.objects.filter(exchange=exchange.name).count()
    return int(store.db.run(r.table("topics").filter({"exchange": exchange.name}).count()))


@pytest.mark.stores("sqlite", "postgresql")
def test_messages_that_expired_unread_are_announced(
    exchange: Exchange, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_messages, "KEPT_SECONDS", -1)
    stream = store.open_message_stream()
    subscription = exchange.queue().subscription
    stream.subscribe(subscription)
    for number in range(EXPIRED_AT_ONCE):
        exchange.topic("t").publish(number)
    while count_stored(store, exchange) > 1:
        store.expire_messages(-1)
    lost, last = stream.poll(1)
    assert lost == (subscription, None)
    assert last == (subscription, EncodedMessage('"t"', str(EXPIRED_AT_ONCE - 1)))
    stream.close()
    store.close()


def test_publishing_expires_old_messages_and_survives_a_failure_of_that(
    exchange: Exchange, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(older: float) -> None:
        calls.append(older)
        raise StoreUnavailable("busy")

    calls: list[float] = []
    monkeypatch.setattr(store, "expire_messages", fail)
    for _ in range(20 * exchange_module.EXPIRE_EVERY):
        exchange.topic("t").publish(1)
    assert calls and {*calls} == {KEPT_SECONDS}
    assert EXPIRED_AT_ONCE > exchange_module.EXPIRE_EVERY, "or the log would grow"


def test_old_messages_expire_and_others_do_not(exchange: Exchange, store: Store) -> None:
    with exchange.queue() as queue:
        for number in range(20):
            exchange.topic(f"t{number}").publish(number)
        assert len(take(queue, 20)) == 20
    store.expire_messages(KEPT_SECONDS)
    assert count_stored(store, exchange) == 20

    def delete() -> bool:
        store.expire_messages(-1)
        return count_stored(store, exchange) <= 1  # SQL keeps the newest

    wait_until(delete, "their deletion")
    with exchange.queue() as queue:
        exchange.topic("t1").publish("again")
        assert take(queue, 1) == [Message("t1", "again")]
