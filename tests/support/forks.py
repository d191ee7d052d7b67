"""Our Python programs as copies of a process that has imported the libraries.

A program uses 0.4 s of a processor until it has imported the libraries and itself, and tests start
hundreds of programs. A copy uses a tenth of that: what is ours, it imports itself. What a copy does
not show is in docs/adr/0069-tests-start-copies-of-programs.md."""

import atexit
import io
import logging
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
_server = multiprocessing.get_context("forkserver")
# multiprocessing asks for the ends of all its processes whenever it starts one, and two threads may
# not ask for the same one.
_lock = threading.Lock()
_is_on = False


def turn_on() -> None:
    """Have programs begin as copies from now on, in this process."""
    global _is_on
    _is_on = True
    _server.set_forkserver_preload(["tests.support.libraries"])
    atexit.register(kill_all)


def kill_all() -> None:
    """Kill what tests have left behind. Python would wait for it, also if it is stopped."""
    for process in multiprocessing.active_children():
        process.kill()


def arguments_of(command: Sequence[str]) -> list[str]:
    """Return the arguments of a command that may begin as a copy, its own path first; else none."""
    program, *arguments = command
    if not _is_on:
        return []
    if program == str(Path(sys.executable).with_name("gunicorn")):
        return [*command]
    is_file = program == sys.executable and arguments and arguments[0].endswith(".py")
    return arguments if is_file else []


class Fork:
    """A copy that runs a Python program, with as much of subprocess.Popen as tests need."""

    def __init__(
        self,
        arguments: list[str],
        env: Mapping[str, str],
        output: Path,
        errors: Path,
        stdin: Path = Path(os.devnull),
    ) -> None:
        """Begin with these arguments, of which the program's path is the first, and with this
        environment only. Output and errors are added to the files."""
        self.args = arguments
        files = [str(file) for file in (stdin, output, errors)]
        self._process = _server.Process(target=run_program, args=(arguments, dict(env), files))
        with _lock:
            self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Return the exit status, or the negative number of the signal that has ended it; None if
        it runs."""
        with _lock:
            return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; return what poll does. Raises subprocess.TimeoutExpired."""
        if self.poll() is None:
            wait([self._process.sentinel], timeout)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, signum: int) -> None:
        """Send the signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has, and the server is about to say so
                os.kill(self.pid, signum)

    def terminate(self) -> None:
        """Tell it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)


def run(
    command: list[str], env: Mapping[str, str], stdin: str = "", seconds: float = 250
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; return its output and its exit status, as subprocess.run does."""
    if not (arguments := arguments_of(command)):
        return subprocess.run(
            command,
            cwd=PROJECT,
            env=env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    with tempfile.TemporaryDirectory() as folder:
        given, output, errors = (Path(folder, name) for name in ("stdin", "stdout", "stderr"))
        given.write_text(stdin)
        program = Fork(arguments, env, output, errors, given)
        try:
            program.wait(seconds)
        finally:
            program.kill()
        code, texts = program.wait(), (output.read_text(), errors.read_text())
    return subprocess.CompletedProcess(command, code, *texts)


def run_program(arguments: list[str], env: dict[str, str], files: list[str]) -> None:
    """Run the program in this process, which is a new one."""
    for number in map(int, os.listdir("/dev/fd")):
        with suppress(OSError):  # that of the folder itself
            os.set_inheritable(number, False)  # what came from the tests ends with this program
    os.setsid()
    os.chdir(PROJECT)
    for number, file in enumerate(files):
        opened = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT if number else os.O_RDONLY)
        os.dup2(opened, number)
        os.close(opened)
    stdin = io.FileIO(0, closefd=False)
    stdin.name = "<stdin>"
    sys.stdin = io.TextIOWrapper(io.BufferedReader(stdin))
    os.environ.clear()
    os.environ.update(env)
    sys.argv = arguments
    folders = [str((PROJECT / arguments[0]).parent)]
    folders += filter(None, env.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:] = [*folders, *(each for each in sys.path if each not in ("", str(PROJECT)))]
    with suppress(OSError):  # where there is none
        Path("/proc/self/comm").write_text(Path(arguments[0]).stem)
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    finally:
        threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as Python does
        logging.shutdown()
        atexit._run_exitfuncs()
