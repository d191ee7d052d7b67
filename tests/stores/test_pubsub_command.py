"""manage.py pubsub, in two processes."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from leaderboardapp.stores import get_store
from tests.support.programs import PROJECT, START_SECONDS, Program, wait_until


@pytest.fixture(autouse=True)
def ready() -> None:
    get_store().ensure()


def command(*words: str) -> list[str]:
    return [sys.executable, "manage.py", "pubsub", *words]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words), cwd=PROJECT, capture_output=True, text=True, timeout=START_SECONDS
    )


@contextmanager
def running(folder: Path, *words: str) -> Iterator[Path]:
    """Run the command in the background; yield the file of its output, once it has printed."""
    program = Program(command(*words), folder / words[-1])
    try:
        wait_until(
            lambda: re.search("(subscrib|publish)ed", program.log.read_text()),
            "its first line",
            START_SECONDS,
        )
        yield program.log
    finally:
        program.stop()


@pytest.mark.processes
@pytest.mark.parametrize(
    ("wanted", "topic", "other"),
    [
        ([], "t", None),
        (["--regex", "^t"], "t", "another"),
        (["--tags", "a", "b"], ["a", "b", "c"], ["a"]),
        (["--pattern", '{"a": {"b": null}}'], {"a": {"b": 1}}, {"a": 1}),
    ],
)
def test_published_messages_are_printed(
    tmp_path: Path, board_id: str, wanted: list[str], topic: Any, other: Any
) -> None:
    def words(topic: Any) -> str:
        return topic if isinstance(topic, str) else json.dumps(topic)

    with running(tmp_path, "subscribe", board_id, *wanted) as log:
        if other is not None:
            assert run("publish", board_id, words(other), "not for it").returncode == 0
        assert run("publish", board_id, words(topic), '{"x": 1}').returncode == 0
        line = json.dumps({"topic": topic, "payload": {"x": 1}})
        wait_until(lambda: line in log.read_text(), "the message")
        assert "not for it" not in log.read_text()


@pytest.mark.processes
@pytest.mark.parametrize("kind", ["regex", "tags", "hierarchy"])
def test_the_demo_runs_in_two_terminals(tmp_path: Path, kind: str) -> None:
    with (
        running(tmp_path, "demo", kind, "subscribe") as received,
        running(tmp_path, "demo", kind, "publish") as published,
    ):
        wait_until(lambda: '"payload"' in received.read_text(), "a message", 30)
        wait_until(lambda: "published to" in published.read_text(), "its own line")


@pytest.mark.processes
@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["publish", "a b", "t", "x"], "the name of an exchange is"),
        (["publish", "e", "{}", "x"], "a topic is"),
        (["subscribe", "e", "--regex", "("], "not a regular expression"),
        (["subscribe", "e", "--pattern", "[1]"], "--pattern is a JSON object"),
        (["demo", "nothing", "publish"], "regex, tags, hierarchy|'regex', 'tags', 'hierarchy'"),
    ],
)
def test_a_mistake_is_reported_in_one_line(words: list[str], why: str) -> None:
    done = run(*words)
    assert done.returncode
    assert re.search(why, done.stderr) and "Traceback" not in done.stderr
