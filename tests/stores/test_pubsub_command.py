"""manage.py pubsub, in two processes."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import example, given
from hypothesis import strategies as st

from leaderboardapp.management.commands.pubsub import parse_or_text
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


@given(
    st.decimals(allow_nan=False, allow_infinity=False)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers()
)
@example(Decimal("0.1000000000000000000000000000001"))
@example(Decimal("1e400"))
@example(Decimal("1e-400"))
@example(10**299)
@example(10**301)
def test_a_number_is_published_as_it_is_written_or_refused(number: Any) -> None:
    exact = Decimal(str(number))
    try:
        published = json.dumps(parse_or_text(f'{{"n": [{number}]}}'))
    except ValueError as error:
        assert "write it in quotes" in str(error)
        assert Decimal(repr(float(exact))) != exact
    else:
        assert json.loads(published, parse_float=Decimal) == {"n": [exact]}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("NaN", "NaN is not a JSON number"),
        ('{"a": [-Infinity]}', "-Infinity is not a JSON number"),
        ('{"a": 1, "a": 2}', "a: is there twice"),
        ('[{"b": {"a": 1, "a": 1}}]', "a: is there twice"),
        ("9" * 5000, "write it in quotes"),
        ("1e99999999999999999999", "write it in quotes"),
    ],
)
def test_what_only_some_take_for_json_is_refused(text: str, why: str) -> None:
    for words in (("e", "t", text), ("e", text if text[0] in "[{" else f'{{"a": {text}}}', "x")):
        with pytest.raises(CommandError, match=why):
            call_command("pubsub", "publish", *words)


@pytest.mark.parametrize(
    "text", ["", "hello", "Infinity and beyond", "NaN?", '{"a": 1', "[" * 99_999]
)
def test_what_is_no_json_is_a_text(text: str) -> None:
    assert parse_or_text(text) == text
