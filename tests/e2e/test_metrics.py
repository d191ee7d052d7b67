"""What Prometheus is shown of real programs, and what they log of requests."""

import json
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.viewers import Api, Viewer
from tests.support.metrics import Scrape
from tests.support.programs import PROJECT, Program, free_ports, stop, wait_until
from tests.support.stack import Stack

JOBS = ("WEB", "LISTENER", "AMQP", "PUSHPIN")
BOARD = "boards/<key:board_id>/"
WEB_PROCESSES = 2


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """Where each kind of program shows its metrics."""
    return dict(zip(JOBS, free_ports(len(JOBS)), strict=True))


@pytest.fixture(scope="module")
def stack(
    new_database: Callable[[str], str],
    ports: dict[str, int],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """The service with metrics and a log of requests, on a store with a circuit breaker. Who asks
    Pushpin is taken for the front proxy."""
    with Stack(
        new_database("postgresql"),
        tmp_path_factory.mktemp("stack"),
        REQUEST_LOG="json",
        TRUSTED_PROXIES="127.0.0.1",
        METRICS_WEB=f"127.0.0.1:{ports['WEB']}",
        METRICS_LISTENER=f"127.0.0.1:{ports['LISTENER']}",
        METRICS_AMQP=f"127.0.0.1:{ports['AMQP']}",
        METRICS_PUSHPIN=f"127.0.0.1:{ports['PUSHPIN']}",
    ) as stack:
        yield stack
    shutil.rmtree(PROJECT / ".run" / "metrics" / str(ports["WEB"]))


@contextmanager
def worker(stack: Stack) -> Iterator[Program]:
    """The worker, whose broker does not answer."""
    program = stack.program(
        "amqp", [sys.executable, "amqplistener.py"], AMQP_URL="amqp://localhost:9/"
    )
    try:
        yield program
    finally:
        stop([program])


def requests_counted(port: int) -> float:
    return Scrape(port).sum("leaderboard_requests_total", route=BOARD, method="GET", status="200")


def logged(stack: Stack, id: str) -> list[Any]:
    """Return the lines of the web processes' log that are about a request."""
    return [json.loads(line) for line in stack.web.output().splitlines() if id in line]


def test_all_web_processes_are_shown_as_one(
    stack: Stack, board: str, ports: dict[str, int]
) -> None:
    api, before = Api(stack.port), requests_counted(ports["WEB"])
    for _ in range(20):
        assert api("GET", board).status == 200
    # Whichever of them answers.
    assert {requests_counted(ports["WEB"]) - before for _ in range(10)} == {20.0}
    scraped = Scrape(ports["WEB"])
    count = scraped.sum("leaderboard_request_seconds_count", route=BOARD, method="GET")
    assert count >= 20

    def count_calls(name: str) -> float:
        return scraped.sum("leaderboard_store_call_seconds_count", call=name)

    batches = scraped.sum("leaderboard_coalesced_batches_total", of="snapshots")
    assert 0 < count_calls("get_top_players") <= count_calls("read_change_numbers") == batches
    assert batches <= scraped.sum("leaderboard_coalesced_calls_total", of="snapshots")
    assert "metrics at" not in stack.web.output(), "they share the address"


def test_what_a_killed_process_has_counted_stays(
    stack: Stack, board: str, ports: dict[str, int]
) -> None:
    folder = PROJECT / ".run" / "metrics" / str(ports["WEB"])
    assert Api(stack.port)("GET", board).status == 200
    before = requests_counted(ports["WEB"])
    victim = max(
        process.pid for process in stack.web.processes() if process.pid != stack.web.process.pid
    )
    started = stack.web.output().count("takes requests")
    os.kill(victim, signal.SIGKILL)
    wait_until(
        lambda: stack.web.output().count("takes requests") > started, "the process that follows"
    )
    assert {requests_counted(ports["WEB"]) for _ in range(10)} == {before}
    assert len([*folder.glob("*.db")]) == 2 * WEB_PROCESSES


def test_the_dashboard_and_the_alerts_use_metrics_that_there_are(
    stack: Stack, board: str, ports: dict[str, int]
) -> None:
    with worker(stack), Viewer(stack.port, board):
        wait_until(
            lambda: Scrape(ports["LISTENER"]).sum("leaderboard_publish_seconds_count"),
            "a snapshot that was published",
        )
        wait_until(lambda: can_scrape(ports["AMQP"]), "the worker's metrics")
        there_are = set[str]().union(*(Scrape(port).names() for port in ports.values()))
    assert used_in("grafana.json") > {"leaderboard_requests_total", "leaderboard_feed_age_seconds"}
    assert used_in("grafana.json") | used_in("alerts.yml") <= there_are


def used_in(file: str) -> set[str]:
    """Return the names of metrics in a file of deploy/."""
    text = (PROJECT / "deploy" / file).read_text()
    return set(re.findall(r"\b(?:leaderboard|pushpin)_\w+", text))


def can_scrape(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_viewers_are_counted_by_pushpin_and_by_the_listener(
    stack: Stack, board: str, ports: dict[str, int]
) -> None:
    with Viewer(stack.port, board), Viewer(stack.port, board):
        wait_until(
            lambda: Scrape(ports["LISTENER"]).sum("leaderboard_held_channels") >= 3,
            "the board's GRIP channel, and one of each viewer",
        )
        wait_until(
            lambda: Scrape(ports["PUSHPIN"]).sum("pushpin_connection_connected") >= 2,
            "two connections in Pushpin's own metrics",
        )
    [connected] = Scrape(ports["LISTENER"]).values("leaderboard_proxy_connected")
    assert connected == 1


def test_a_listener_shows_its_lease_and_its_feed(stack: Stack, ports: dict[str, int]) -> None:
    wait_until(
        lambda: Scrape(ports["LISTENER"]).sum("leaderboard_listeners") == 1,
        "the second heartbeat, before which a listener sees nobody, not even itself",
    )
    scraped = Scrape(ports["LISTENER"])
    assert scraped.sum("leaderboard_parts") == scraped.sum("leaderboard_all_parts") == 16
    assert 0 <= scraped.sum("leaderboard_lease_age_seconds") < 10
    assert 0 <= scraped.sum("leaderboard_feed_age_seconds") < 10


def test_strangers_are_shown_no_metrics(stack: Stack) -> None:
    assert Api(stack.port)("GET", "/metrics").status == 404
    assert Api(stack.web_port)("GET", "/metrics").status == 404


def test_while_its_address_is_taken_a_program_works_and_takes_it_later(
    stack: Stack, ports: dict[str, int]
) -> None:
    with socket.create_server(("127.0.0.1", ports["AMQP"])) as other, worker(stack) as program:
        wait_until(
            lambda: f"metrics at 127.0.0.1:{ports['AMQP']} (METRICS_AMQP)" in program.output(),
            "what stands in the way",
        )
        other.close()
        wait_until(lambda: can_scrape(ports["AMQP"]), "the metrics")
        assert "leaderboard_messages_total" in Scrape(ports["AMQP"]).names()


def test_an_id_that_the_front_gives_a_request_is_logged_and_answered(
    stack: Stack, board: str
) -> None:
    id = "0123456789-from-the-front"
    answer = Api(stack.port)("GET", f"{board}?token=secret", headers={"X-Request-ID": id})
    assert answer.headers["X-Request-ID"] == id
    [line] = wait_until(lambda: logged(stack, id), "the request in the log")
    assert line["ms"] > 0
    assert line["time"]
    expected = {"method": "GET", "path": board, "route": BOARD, "status": 200, "request": id}
    assert {name: line[name] for name in expected} == expected


def test_each_request_is_one_line(stack: Stack, board: str) -> None:
    ids = [Api(stack.port)("GET", path).headers["X-Request-ID"] for path in (board, "/x") * 3]
    assert len({*ids}) == len(ids)
    wait_until(lambda: logged(stack, ids[-1]), "the last request in the log")
    assert [len(logged(stack, id)) for id in ids] == [1] * len(ids)


def test_an_id_of_a_stranger_is_replaced(stack: Stack, board: str) -> None:
    headers = {"X-Request-ID": "0123456789-of-a-stranger"}
    answer = Api(stack.web_port)("GET", board, headers=headers)
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])
