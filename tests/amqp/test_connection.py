"""The connection to the broker: TLS, a dead link, an end in order, and the broker's patterns."""

import random
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme
from django.test import override_settings

from leaderboardapp.models import Board, Player
from leaderboardapp.rabbitmq import connection, consumer
from leaderboardapp.rabbitmq import notification_routes as routes
from leaderboardapp.rabbitmq.consumer import Consumer
from leaderboardapp.rabbitmq.scores import ScoreHandler
from tests.amqp.broker import EXCHANGE, Broker
from tests.faults.link import Link
from tests.support.programs import START_SECONDS, WAIT_SECONDS, Program, wait_until
from tests.support.servers import RabbitServer


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls_rabbit(
    authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RabbitServer]:
    certificate = authority.issue_cert("localhost")
    files = {
        "cacertfile": authority.cert_pem.bytes(),
        "certfile": b"".join(pem.bytes() for pem in certificate.cert_chain_pems),
        "keyfile": certificate.private_key_pem.bytes(),
    }
    with RabbitServer(tmp_path_factory.mktemp("rabbitmq"), files) as server:
        yield server


@pytest.mark.parametrize("trusted", ["its authority", "another authority", "another name"])
def test_over_tls_the_brokers_certificate_is_verified(
    tls_rabbit: RabbitServer, authority: trustme.CA, tmp_path: Path, trusted: str
) -> None:
    (authority if trusted != "another authority" else trustme.CA()).cert_pem.write_to_path(
        str(tmp_path / "ca.pem")
    )
    url = f"{tls_rabbit.url}?cacertfile={tmp_path}/ca.pem"
    if trusted == "another name":
        url = url.replace("localhost", "127.0.0.1")
    with override_settings(AMQP_URL=url):
        if trusted == "its authority":
            with connection.connect() as opened:
                assert opened.is_open
        else:
            with pytest.raises(consumer.EXPECTED) as raised, connection.connect():
                pass
            assert "certificate verify failed" in str(raised.value)


@pytest.mark.stores("sqlite")
def test_a_silent_link_is_noticed_by_missing_heartbeats(
    rabbit: RabbitServer,
    broker: Broker,
    board: Board,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    for module in (connection, consumer):
        monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 1)
    stop = threading.Event()
    with (
        Link(rabbit.port) as link,
        override_settings(AMQP_URL=rabbit.url.replace(str(rabbit.port), str(link.port))),
    ):
        thread = threading.Thread(target=Consumer(ScoreHandler(), stop).run)
        thread.start()
        try:
            broker.wait_for_consumer()
            broker.publish_score(board.id, "alice", 1)
            wait_until(lambda: Player.get_for_board(board, "alice").score == 1, "the first")
            link.cut()
            begun = caplog.text.count("taking messages")  # more than once if the machine is slow
            broker.publish_score(board.id, "alice", 1)
            wait_until(lambda: Player.get_for_board(board, "alice").score == 2, "the second", 60)
            assert caplog.text.count("taking messages") > begun
        finally:
            stop.set()
            thread.join(WAIT_SECONDS)


def test_a_worker_finishes_its_batch_on_sigterm(
    rabbit: RabbitServer, broker: Broker, board: Board, tmp_path: Path
) -> None:
    """Each message is counted and acknowledged, or neither."""
    from django.conf import settings

    def score() -> int | None:
        return Player.get_for_board(board, "alice").score

    worker = [sys.executable, "amqplistener.py"]
    env = {"AMQP_URL": rabbit.url, "DATABASE_URL": settings.DATABASE_URL}
    program = Program(worker, tmp_path / "log", env)
    with ExitStack() as cleanup:
        cleanup.callback(program.stop)
        wait_until(lambda: "taking" in program.log.read_text(), "the worker", START_SECONDS)
        broker.wait_for_consumer()
        for published in (30, 60, 90):
            for _ in range(30):
                broker.publish_score(board.id, "alice", 1)
            program.process.send_signal(signal.SIGTERM)
            assert program.process.wait(WAIT_SECONDS) == 0
            left = published - (score() or 0)
            wait_until(
                lambda: broker.count_messages(ScoreHandler.queue) == left,  # noqa: B023
                f"{left} messages",
            )
            program.log.unlink()
            program.start()
            wait_until(lambda: "taking" in program.log.read_text(), "the worker", START_SECONDS)
            wait_until(lambda: score() == published, f"a score of {published}")  # noqa: B023


def test_patterns_match_like_those_of_a_topic_exchange(broker: Broker) -> None:
    chance, channel = random.Random(20), broker.channel
    channel.exchange_declare(EXCHANGE, "topic", durable=True)
    for _ in range(40):
        words = [chance.choice(["a", "b", "*", "#"]) for _ in range(chance.randint(1, 4))]
        route = routes.parse(f"{'.'.join(words)}=/events/all/")
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, EXCHANGE, route.binding)
        expected = set()
        for _ in range(20):
            key = ".".join(chance.choice(["a", "b", "c", ""]) for _ in range(chance.randint(0, 5)))
            # Messages that do not match have no queue, which is no failure.
            channel.basic_publish(EXCHANGE, key, key.encode())
            expected |= {key} if route.find_target(key) else set()
        keys = set()
        while (got := channel.basic_get(queue, auto_ack=True))[0]:
            keys.add((got[2] or b"").decode())
        assert keys == expected, route.pattern
        channel.queue_delete(queue)
