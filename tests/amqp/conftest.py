# Nothing of the service is imported before there are settings, which it reads on being imported.
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import override_settings

from tests.support.programs import WAIT_SECONDS
from tests.support.servers import RabbitServer

Consume = Callable[..., threading.Thread]


@pytest.fixture
def broker(rabbit: RabbitServer) -> Iterator[Any]:
    """A client of the broker; deletes afterwards what the test left there."""
    from tests.amqp.broker import broker_at

    with broker_at(rabbit.url) as broker, override_settings(AMQP_URL=rabbit.url):
        yield broker
        broker.delete_queues()


@pytest.fixture
def consume(store: object, broker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Consume]:
    """consume(handler): start a thread that consumes the handler's queue, and return it. It soon
    notices the end of the test."""
    from leaderboardapp.rabbitmq import consumer
    from leaderboardapp.rabbitmq.consumer import Consumer, QueueHandler

    monkeypatch.setattr(consumer, "IDLE_SECONDS", 0.05)
    stop, threads = threading.Event(), []

    def consume(handler: QueueHandler) -> threading.Thread:
        thread = threading.Thread(target=Consumer(handler, stop).run)
        threads.append(thread)
        thread.start()
        broker.wait_for_consumer(handler.queue)
        return thread

    yield consume
    stop.set()
    for thread in threads:
        thread.join(WAIT_SECONDS)
        assert not thread.is_alive()


@pytest.fixture
def board(store: object, board_id: str) -> Any:
    """A board with a player alice."""
    from leaderboardapp.models import Board, Player

    board = Board(board_id).save()
    Player(board, "alice", "Alice").save()
    return board
