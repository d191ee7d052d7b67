"""A local run ends as one, whatever ends it: no process and no port is left, and the next start
works. Each test starts one where the last one has ended."""

import re
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.local_run.copies import (
    ENDING_SECONDS,
    SERVER,
    START_SECONDS,
    ProjectCopy,
    Terminal,
    live,
)
from tests.support.programs import wait_until

pytestmark = pytest.mark.processes


def press_twice(terminal: Terminal) -> None:
    terminal.type(b"\x03")
    terminal.wait_for("SIGTERM")  # which the parts are sent
    with suppress(OSError):
        terminal.type(b"\x03")


ENDINGS: dict[str, Callable[[Terminal], None]] = {
    "the terminal is closed": lambda terminal: terminal.close(),
    "SIGHUP": lambda terminal: terminal.signal(signal.SIGHUP),
    "SIGTERM": lambda terminal: terminal.signal(signal.SIGTERM),
    "SIGQUIT": lambda terminal: terminal.signal(signal.SIGQUIT),
    "SIGKILL": lambda terminal: terminal.signal(signal.SIGKILL),
    "Ctrl-C": lambda terminal: terminal.type(b"\x03"),
    "Ctrl-C twice": press_twice,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_left_after(ending: str, project: ProjectCopy) -> None:
    with live(project) as terminal:
        ENDINGS[ending](terminal)
        terminal.process.wait(ENDING_SECONDS)
        project.wait_for_end()


@pytest.mark.parametrize("job", ["script/server", "script/server &", "script/server | cat"])
def test_nothing_is_left_after_the_shell_was_killed(job: str, project: ProjectCopy) -> None:
    """A job in the background is told nothing. It sees that its terminal has gone."""
    with live_in_shell(project, job) as terminal:
        terminal.signal(signal.SIGKILL)
        terminal.process.wait()
        terminal.close()
        project.wait_for_end()


@contextmanager
def live_in_shell(project: ProjectCopy, job: str) -> Iterator[Terminal]:
    command = ("bash", "--norc", "-i", "-c", f"set -m; {job}\nsleep 1000")
    with live(project, *command) as terminal:
        yield terminal


def test_nothing_is_left_after_its_process_group_was_killed(project: ProjectCopy) -> None:
    with live(project) as terminal:
        subprocess.run(["kill", "-9", "--", f"-{terminal.process.pid}"], check=True)
        project.wait_for_end()


def test_nothing_is_left_after_its_window_in_tmux_was_killed(project: ProjectCopy) -> None:
    assert shutil.which("tmux"), "script/test installs tmux"
    tmux = ["tmux", "-L", uuid.uuid4().hex, "-f", "/dev/null"]
    start = [*tmux, "new-session", "-d", SERVER]
    subprocess.run(start, cwd=project.folder, env=project.environment(), check=True)
    wait_until(project.is_live, "the service", START_SECONDS)
    subprocess.run([*tmux, "kill-window"], check=True)
    project.wait_for_end()


def test_nothing_is_left_after_its_reader_has_gone(project: ProjectCopy, log: Path) -> None:
    with live(project, "bash", "-c", f"{SERVER} 2>&1 | tee {log}") as terminal:
        project.part("tee", str(log)).kill()
        project.part("gunicorn").send_signal(signal.SIGHUP)  # which it logs
        terminal.process.wait(ENDING_SECONDS)
        project.wait_for_end()


def test_nothing_is_left_when_it_is_ended_while_it_starts(project: ProjectCopy) -> None:
    terminal = Terminal(project, SERVER)
    wait_until(lambda: find_local_run(project), "the first process", START_SECONDS)
    terminal.signal(signal.SIGHUP)
    terminal.process.wait(ENDING_SECONDS)
    project.wait_for_end()
    terminal.close()


def find_local_run(project: ProjectCopy) -> psutil.Process | None:
    with suppress(AssertionError):
        return project.part("local_run.watchdog")
    return None


def test_with_nohup_it_outlives_its_terminal(project: ProjectCopy, log: Path) -> None:
    with live(project, "bash", "-c", f"trap '' HUP; {SERVER} 2>&1 | tee {log}") as terminal:
        server = project.part("-m local_run")
        terminal.close()
        time.sleep(1.5)  # longer than it takes to notice that a terminal has gone
        wait_until(project.is_live, "the service")
        server.terminate()
        project.wait_for_end()


# For each part, what the command line of its first process has.
PARTS = {
    "web": "gunicorn",
    "listener": "dblistener.py",
    "pushpin": "pushpin --merge-output --config=pushpin.conf --port=127.0.0.1:{pushpin}",
    "websockets": "pushpin --merge-output --config=pushpin.conf --port=127.0.0.1:{websockets}",
    "front": "haproxy",
}


@pytest.mark.parametrize("part", PARTS)
def test_the_last_line_says_which_part_ended_and_how(part: str, project: ProjectCopy) -> None:
    with live(project) as terminal:
        _, pushpin, websockets, *_ = project.ports
        project.part(PARTS[part].format(pushpin=pushpin, websockets=websockets)).kill()
        assert terminal.process.wait(ENDING_SECONDS) == 1
        project.wait_for_end()
        wait_until(lambda: "All other parts were ended" in terminal.lines()[-1], "the last line")
        assert re.match(rf"server: {part} ended by SIGKILL", terminal.lines()[-1])


def test_a_service_of_pushpins_that_ends_ends_the_run(project: ProjectCopy) -> None:
    with live(project) as terminal:
        project.part("pushpin-proxy").kill()
        assert terminal.process.wait(ENDING_SECONDS) == 1
        project.wait_for_end()
        wait_until(lambda: "All other parts were ended" in terminal.lines()[-1], "the last line")
        assert re.match(r"server: (pushpin|websockets) ended", terminal.lines()[-1])
