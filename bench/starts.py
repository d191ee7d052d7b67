"""Measure how long it takes to import the package, and until a listener is live."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figure import Figure, at_most
from bench.service import Options, service
from tests.support.programs import PROJECT, Program, wait_until

IMPORT = "import leaderboard_project.wsgi"


def wait_for_line(log: Path, text: str) -> None:
    wait_until(lambda: text in log.read_text(), f"{text!r} in {log}", 60)


def measure(options: Options) -> Iterator[Figure]:
    boards = options.pick(100, 10_000, 100_000)
    with service(options.store) as stack:
        env = {**os.environ, **stack.env}
        fill = [sys.executable, "-m", "bench.fill", "boards", str(boards)]
        subprocess.run(fill, cwd=PROJECT, env=env, check=True)
        stack.listener.stop()
        import_seconds, live_seconds = [], []
        for number in range(options.runs):
            began = time.monotonic()
            subprocess.run([sys.executable, "-c", IMPORT], cwd=PROJECT, env=env, check=True)
            import_seconds.append(time.monotonic() - began)
            log = stack.folder / f"listener-{number}.log"
            began = time.monotonic()
            listener = Program([sys.executable, "dblistener.py"], log, stack.env)
            try:
                wait_for_line(log, "listening")
                live_seconds.append(time.monotonic() - began)
            finally:
                listener.stop()
    for name, runs, most in (
        ("import of the package", import_seconds, 1),
        (f"listener live, {boards:,} boards", live_seconds, 3),
    ):
        yield Figure(name, options.store, "s", runs, targets=(at_most(most, "value"),))
