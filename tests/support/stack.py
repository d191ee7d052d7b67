"""The whole service on free ports: web processes, listener, Pushpin, and perhaps a worker."""

import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil

from tests.support.forks import run
from tests.support.programs import (
    START_SECONDS,
    Program,
    ProgramEnded,
    free_ports,
    is_ready,
    program_environment,
    stop,
    wait_until,
)

EMPTY_FILE: list[bytes] = []  # an SQLite database without boards, once there is one


class Stack:
    """Pushpin, web and listener on a store, as a deployment has them.

    With `websockets`, another Pushpin holds WebSockets on `ws_port`. Streams may be held by more
    `pushpins`. With `amqp_url`, there is an amqplistener.py, too. `listener_url` is the listener's
    own way to the store. `publish_by` has the way of each Pushpin, or of all: "tcp" for ZeroMQ, or
    "http". `env` has further variables for all programs."""

    def __init__(
        self,
        database_url: str,
        folder: Path,
        listener_url: str | None = None,
        websockets: bool = False,
        amqp_url: str = "",
        amqp_routes: str = "",
        publish_by: str = "tcp",
        pushpins: int = 1,
        pushpin_options: Sequence[str] = (),
        **env: str,
    ) -> None:
        self.port, self.web_port, self.ws_port, *control_ports = free_ports(3 + 1 + pushpins)
        if not websockets:
            del control_ports[1]
        ways = itertools.cycle(publish_by.split())
        addresses = [
            f"{way}://localhost:{port}?iss=pushpin&key=base64:{'a' * 44}"
            for way, port in zip(ways, control_ports, strict=False)
        ]
        self.folder, self.pushpin_options = folder, pushpin_options
        # Of its own, because the path of a socket may not be long.
        self.run_dir = Path(tempfile.mkdtemp(prefix="run-"))
        self.repeats = 1 if publish_by == "http" else 0  # of a snapshot, to streams
        self.env = {
            "DATABASE_URL": database_url,
            "GRIP_URL": " ".join(addresses),
            "PUSHPIN_RUN_DIR": str(self.run_dir),
            "AMQP_URL": amqp_url,
            "AMQP_ROUTES": amqp_routes,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **env,
        }
        self._ensure_store(database_url)
        self.programs: list[Program] = []
        try:
            self._start(listener_url or database_url, websockets, control_ports)
        except BaseException:  # the caller has no stack to end yet
            self.__exit__()
            raise

    def _ensure_store(self, database_url: str) -> None:
        """Make the tables, as a deployment does. All new SQLite files are copies of the first one:
        to make the tables takes as long as most else of a start."""
        file = Path(database_url.partition(":///")[2])
        is_new = database_url.startswith("sqlite:") and not file.exists()
        if is_new and EMPTY_FILE:
            file.write_bytes(EMPTY_FILE[0])
            return
        self.manage("ensure_store")
        if is_new:
            EMPTY_FILE.append(file.read_bytes())

    def _start(self, listener_url: str, websockets: bool, control_ports: list[int]) -> None:
        # By its path, as a Procfile runs it: "python -m gunicorn" does not survive SIGUSR2.
        gunicorn = [str(Path(sys.executable).with_name("gunicorn")), "leaderboard_project.wsgi"]
        pushpin = [sys.executable, "script/pushpin"]
        route = f"--route=* localhost:{self.web_port}"
        self.options = [route, *self.pushpin_options]
        self.pushpin = self.program(
            "pushpin", [*pushpin, f"--port=127.0.0.1:{self.port}", *self.options]
        )
        self.programs.append(self.pushpin)
        if websockets:
            pushpin += ["--websockets", f"--port=127.0.0.1:{self.ws_port}", f"{route},over_http"]
            self.websockets = self.program("websockets", pushpin)
            self.programs.append(self.websockets)
        self.web = self.program(
            "web", [*gunicorn, "--bind", f"localhost:{self.web_port}", "--workers", "2"]
        )
        self.programs.append(self.web)
        self.listener = self.program(
            "listener", [sys.executable, "dblistener.py"], DATABASE_URL=listener_url
        )
        self.programs.append(self.listener)
        if self.env["AMQP_URL"]:
            self.amqp = self.program("amqp", [sys.executable, "amqplistener.py"])
            self.programs.append(self.amqp)
        self.pushpin_ports = [self.port, self.ws_port] if websockets else [self.port]
        self.ports = [(self.web, self.web_port)]
        self.ports += [(self.pushpin, port) for port in (self.port, control_ports[0])]
        if websockets:
            self.ports += [(self.websockets, port) for port in (self.ws_port, control_ports[1])]
        for address in self.env["GRIP_URL"].split()[1 + websockets :]:
            self.add_pushpin(address)
        self._wait_until_ready()

    def add_pushpin(self, address: str) -> int:
        """Start one more Pushpin for streams, with this address in GRIP_URL; return its port."""
        [port], number = free_ports(1), len(self.pushpin_ports)
        program = self.program(
            f"pushpin{number}",
            [sys.executable, "script/pushpin", f"--port=127.0.0.1:{port}", *self.options],
            GRIP_URL=address,
            PUSHPIN_RUN_DIR=str(self.run_dir / str(number)),
        )
        self.programs.append(program)
        self.pushpin_ports.append(port)
        self.ports.append((program, port))
        return port

    def _wait_until_ready(self) -> None:
        for program, port in self.ports:
            program.wait_for_port(port)
        if self.env["AMQP_URL"]:
            wait_until(self.takes_messages, "the worker", START_SECONDS)
        wait_until(self.works, "the web processes", START_SECONDS)
        wait_until(self.listens, "the listener", START_SECONDS)
        wait_until(self.answers, "an answer through Pushpin", START_SECONDS)

    def repair(self) -> None:
        """Start again what has ended or was replaced, let go on what was stopped; return when all
        is ready."""
        self._restart_ended()
        try:
            self._wait_until_ready()
        except ProgramEnded:  # a Pushpin ends some time after the part of it that has failed
            self._restart_ended()
            self._wait_until_ready()

    def _restart_ended(self) -> None:
        for program in self.programs:
            if program.process.poll() is not None:
                program.restart()
            program.signal_all(signal.SIGCONT)

    def works(self) -> bool:
        """Return whether all web processes that were begun take requests, as far as their log
        says."""
        log = self.web.output()
        return 0 < log.count("Booting worker") == log.count("takes requests")

    def listens(self) -> bool:
        """Return whether the listener is active, as far as its log says."""
        log = self.listener.output()
        return log.rfind("listening to") > max(log.rfind("standing by"), log.rfind("lease is"))

    def takes_messages(self) -> bool:
        """Return whether the worker consumes its queues, as far as its log says: that of scores,
        and with routes one for each Pushpin."""
        queues = 1 + (len(self.env["GRIP_URL"].split()) if self.env["AMQP_ROUTES"] else 0)
        return len({*re.findall(r"taking messages from (\S+)", self.amqp.output())}) == queues

    def program(self, name: str, command: list[str], **env: str) -> Program:
        """Start a program with the stack's environment; return it. Its log is named like it."""
        return Program(command, self.folder / f"{name}.log", {**self.env, **env})

    def memory(self) -> dict[str, int]:
        """Return the bytes in use by each program with all its processes, by name."""
        sizes = {}
        for name in ("pushpin", "web", "listener"):
            sizes[name] = 0
            for process in getattr(self, name).processes():
                with suppress(psutil.NoSuchProcess):
                    sizes[name] += process.memory_info().rss
        return sizes

    def manage(
        self, *arguments: str, stdin: str = "", **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a management command on the stack's store; return its output and exit status."""
        command = [sys.executable, "manage.py", *arguments]
        return run(command, program_environment({**self.env, **env}), stdin)

    def answers(self) -> bool:
        """Return whether the service is ready, asked through each Pushpin.

        What is asked of a Pushpin right after its start may get lost, and is never answered."""
        return all(map(is_ready, self.pushpin_ports))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        stop(self.programs)
        shutil.rmtree(self.run_dir, ignore_errors=True)
