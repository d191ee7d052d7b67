# Nothing of the service is imported before there are settings, which it reads on being imported.
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import override_settings

from tests.support.servers import RabbitServer

Take = Callable[..., threading.Thread]


@pytest.fixture
def broker(rabbit: RabbitServer) -> Iterator[Any]:
    """What a test leaves in it, it takes along."""
    from tests.amqp.broker import broker_at

    with broker_at(rabbit.url) as broker, override_settings(AMQP_URL=rabbit.url):
        yield broker
        broker.forget()


@pytest.fixture
def take(store: object, broker: Any) -> Iterator[Take]:
    """take(work): a thread that takes the queue's messages."""
    from leaderboardapp.rabbitmq.consumer import Consumer, QueueHandler

    stop, threads = threading.Event(), []

    def take(work: QueueHandler) -> threading.Thread:
        thread = threading.Thread(target=Consumer(work, stop).run)
        threads.append(thread)
        thread.start()
        broker.wait_for_consumer(work.queue)
        return thread

    yield take
    stop.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def board(store: object, board_id: str) -> Any:
    """With a player alice."""
    from leaderboardapp.models import Board, Player

    board = Board(board_id).save()
    Player(board, "alice", "Alice").save()
    return board
