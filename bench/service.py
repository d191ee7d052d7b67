"""The programs that are measured, and the generator of requests.

The programs are the whole service on a store, a process that has only the store, or another
application in the service's place.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from http.client import HTTPConnection, HTTPResponse
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import django
import psutil

from bench.figure import STORE_NAMES, Target, at_least
from bench.fill import add_players_redis
from tests.support.programs import PROJECT, START_SECONDS, Program, free_ports, wait_until
from tests.support.servers import PostgresServer, RedisServer, RethinkServer
from tests.support.stack import Stack

STORES = tuple(STORE_NAMES)
SERVERS = ("rethinkdb", "postgres")  # their programs
PUBLISH_INTERVAL = "0.1"
SETTINGS = {"SECRET_KEY": "bench", "PUBLISH_INTERVAL": PUBLISH_INTERVAL}
CONNECTIONS = 32  # of the generator
PROCESSES = 2  # of gunicorn
# What gunicorn serves: the service, or a baseline or comparison.
SERVICE, BARE = "leaderboard_project.wsgi", "bench.bare:application"
EVENTSTREAM, REDIS = "bench.eventstream:application", "bench.plain_redis:application"
SINGLE_THREADED = ("--worker-class=sync", "--threads=1")
REDIS_VIEW = "Redis, plain view"  # the name of the comparison
# What Python runs as the listener.
LISTENER, ARTICLE_LISTENER = ("dblistener.py",), ("-m", "bench.article_listener")
T = TypeVar("T")


class Options(NamedTuple):
    store: str
    runs: int
    size: Literal["short", "quick", "full"]
    players: int  # of a large board; 0 for what the size has

    @property
    def long_runs(self) -> int:
        """Return how often to measure what takes long: once, if the whole has to be quick."""
        return self.pick(self.runs, 1, self.runs)

    def pick(self, short: T, quick: T, full: T) -> T:
        """Return the value for a run of this size."""
        return {"short": short, "quick": quick, "full": full}[self.size]


class Peers(NamedTuple):
    """The ports of what answers the same requests beside the service."""

    bare: int
    redis: int


@contextmanager
def databases(store: str) -> Iterator[Callable[[str], str]]:
    """Start the store's server; yield a function from a database's name to its address."""
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory()))
        if store == "rethinkdb":
            yield exits.enter_context(RethinkServer(folder)).database
        elif store == "postgresql":
            yield exits.enter_context(PostgresServer()).database
        else:
            yield lambda name: f"sqlite:///{folder}/{name}.sqlite3"


@contextmanager
def service(store: str, publish_by: str = "http") -> Iterator[Stack]:
    """Run Pushpin, web processes and listener on a new database of this store.

    Baselines that publish without the service need Pushpin's HTTP port."""
    os.environ.update(SETTINGS, ALLOW_ANONYMOUS_WRITES="1")
    with (
        databases(store) as url,
        tempfile.TemporaryDirectory() as folder,
        Stack(url("bench"), Path(folder), publish_by=publish_by) as stack,
    ):
        yield stack


def process(url: str, bare: bool = False) -> ProcessPoolExecutor:
    """Return an executor of one process, which has this database.

    Its settings are those of the service, or with `bare` those of bench.bare.
    """
    return ProcessPoolExecutor(1, get_context("spawn"), initializer=_begin, initargs=(url, bare))


def _begin(url: str, bare: bool) -> None:
    os.environ.update(SETTINGS, DATABASE_URL=url)
    os.environ.setdefault("GRIP_URL", "http://localhost:5561?key=a-key-that-nobody-checks-here")
    if bare:
        import_module("bench.bare")
    else:
        os.environ["DJANGO_SETTINGS_MODULE"] = "leaderboard_project.settings"
        django.setup()


def serve(stack: Stack, application: str, *options: str) -> None:
    """Have gunicorn run this application behind Pushpin, by default with the service's options."""
    if stack.web.command[1] == application:
        return
    stack.web.stop()
    stack.web = start_web(stack, application, stack.web_port, *options)
    stack.programs = [stack.pushpin, stack.listener, stack.web]


@contextmanager
def beside(stack: Stack, application: str, *options: str, **env: str) -> Iterator[int]:
    """Run an application beside the stack's own, idle until it is asked; yield its port."""
    [port] = free_ports(1)
    web = start_web(stack, application, port, *options, **env)
    try:
        yield port
    finally:
        web.stop()


@contextmanager
def service_and_peers(store: str, players: int) -> Iterator[tuple[Stack, Peers]]:
    """Run the service with so many players on the board b, and beside it what requests to it are
    compared with, on as many players."""
    with ExitStack() as exits:
        stack = exits.enter_context(service(store))
        post(stack, "/boards/", {"id": "b"})
        fill(stack, "b", players)
        redis = exits.enter_context(RedisServer(stack.folder))
        add_players_redis(redis.url, "b", players)
        bare = exits.enter_context(beside(stack, BARE))
        view = exits.enter_context(beside(stack, REDIS, *SINGLE_THREADED, REDIS_URL=redis.url))
        yield stack, Peers(bare, view)


def article(stack: Stack) -> AbstractContextManager[int]:
    """Run the article's views; yield their port. They are for one load: at its end they may have
    seconds of work left, which would slow the next one."""
    return beside(stack, BARE, *SINGLE_THREADED)


def redis_target(options: Options, bound: float) -> tuple[Target, ...]:
    """Return a target of the ratio to Redis. RethinkDB, which writes to a disk first, has none."""
    return () if options.store == "rethinkdb" else (at_least(bound, REDIS_VIEW),)


def start_web(stack: Stack, application: str, port: int, *options: str, **env: str) -> Program:
    """Start gunicorn with an application; return it when its processes take requests."""
    gunicorn, bind = stack.web.command[0], f"--bind=localhost:{port}"
    command = [gunicorn, application, bind, f"--workers={PROCESSES}", *options]
    web = Program(command, stack.folder / f"web-{port}.log", {**stack.env, **env})

    def takes_requests() -> bool:
        assert web.process.poll() is None, web.output()
        return web.output().count("takes requests") == PROCESSES

    try:
        wait_until(takes_requests, application, START_SECONDS)
    except BaseException:  # the caller has no program to end yet
        web.stop()
        raise
    return web


def listen(stack: Stack, listener: Sequence[str]) -> None:
    """Replace the listener; return when the new one listens."""
    stack.listener.stop()
    stack.listener.log.unlink()  # which says that the old one is listening
    stack.listener = stack.program("listener", [sys.executable, *listener])
    stack.programs = [stack.pushpin, stack.listener, stack.web]
    wait_until(lambda: "listening" in stack.listener.log.read_text(), "the listener", START_SECONDS)


def processor_seconds(stack: Stack) -> dict[str, float]:
    """Return the seconds of each part of the service. This process counts as the viewers."""
    children = psutil.Process().children(recursive=True)
    parts = {
        "web processes": stack.web.processes(),
        "listener": stack.listener.processes(),
        "Pushpin": stack.pushpin.processes(),
        "viewers": [psutil.Process()],
        "store's server": [child for child in children if child.name() in SERVERS],
    }
    return {
        name: sum(sum(program.cpu_times()[:2]) for program in programs)
        for name, programs in parts.items()
    }


def get(port: int, path: str) -> HTTPResponse:
    connection = HTTPConnection("localhost", port)
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def fill(stack: Stack, board: str, players: int) -> None:
    """Add players p0, p1, … with random scores to a board of the store, and to bare's table."""
    env = {**os.environ, **stack.env}
    for arguments in (["bench.fill", "players", board, str(players)], ["bench.bare", str(players)]):
        subprocess.run([sys.executable, "-m", *arguments], cwd=PROJECT, env=env, check=True)


def etag(stack: Stack, path: str) -> str:
    return get(stack.web_port, path).headers["ETag"]


def post(stack: Stack, path: str, body: Any) -> None:
    connection = HTTPConnection("localhost", stack.web_port)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", path, json.dumps(body), headers)
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    assert response.status == 201, answer


def requests_per_second(
    port: int,
    path: str,
    seconds: float,
    *headers: str,
    method: str = "GET",
    players: int = 1,
    connections: int = CONNECTIONS,
) -> float:
    """Return how many requests a second wrk makes, each of which must succeed.

    PLAYER in the path stands for a random player, and NUMBER for a random number below theirs. If
    nothing was answered, four times as many seconds are tried, with a connection for each process:
    requests on more connections would wait for longer than wrk does.
    """
    script = Path(__file__).with_name("requests.lua")
    command = ["wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s"]
    command += ["--timeout=100s", f"--script={script}"]
    command += [f"--header={header}" for header in headers]
    command += [f"http://127.0.0.1:{port}{path}", "--", method, str(players)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    counts = json.loads(re.findall(r"^\{.*\}$", printed, re.MULTILINE)[-1])
    assert not counts["refused"] and not counts["broken"], f"{method} {path}: {counts}"
    if not counts["requests"]:
        assert seconds < 100, printed
        return requests_per_second(
            port,
            path,
            4 * seconds,
            *headers,
            method=method,
            players=players,
            connections=PROCESSES,
        )
    return float(counts["requests"] / counts["microseconds"] * 1e6)
