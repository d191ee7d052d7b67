"""leaderboard_client.conformance on broken deployments, which fail, and it says why."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from leaderboard_client.conformance import fronts, live
from leaderboard_client.conformance.__main__ import FAILED, INTERRUPTED, PASSED, UNUSABLE, main
from tests.e2e.faulty_front import Fault, FaultyFront
from tests.e2e.viewers import Api, token
from tests.support.programs import PROJECT, free_ports, wait_until
from tests.support.stack import Stack

ORIGIN = "https://game.example"
ANY_ORIGIN = ("Access-Control-Allow-Origin", "*")
FRONT_FAULTS = {  # by what the report says of each failure: the fault, and checks that fail
    "A front buffers the stream": (
        Fault(buffers=True),
        ["A stream begins with the snapshot", "Each change is sent at once"],
    ),
    "The header Accept has not arrived": (
        Fault(drops="Accept"),
        ["A stream begins with the snapshot", "Accept chooses JSON or the page"],
    ),
    "A front takes the header ETag away": (
        Fault(strips="ETag"),
        ["A poll has an ETag", "Preconditions hold writes back"],
    ),
    "A cache answers polls": (Fault(caches_polls=True), ["A poll shows each write at once"]),
    "Something between ends connections that are silent": (
        Fault(cuts_idle_after=2.0),
        ["A quiet stream", "A quiet WebSocket", "A long-poll is over"],
    ),
    "of equal scores the one that was reached first": (
        Fault(misranks_ties=True),
        ["Equal scores are ranked"],
    ),
    "A front drops Idempotency-Key": (
        Fault(drops="Idempotency-Key"),
        ["An idempotency key counts once"],
    ),
    "CORS_ALLOWED_ORIGINS has to name the origin": (
        Fault(strips="Access-Control"),
        ["Pages of the allowed origin"],
    ),
    "A front adds Access-Control-Allow-Origin": (
        Fault(adds=ANY_ORIGIN),
        ["Pages of other sites"],
    ),
    "A front drops the header Last-Event-ID": (
        Fault(drops="Last-Event-ID"),
        ["Whoever comes back"],
    ),
    "A front does not pass on Upgrade": (
        Fault(drops="Upgrade"),
        ["A WebSocket begins", "Pings are answered", "A WebSocket of no board"],
    ),
    "The long-poll was not held": (
        Fault(drops="Prefer"),
        ["A long-poll is held", "A long-poll is over"],
    ),
    "A front puts pages of its own": (
        Fault(has_own_error_pages=True),
        ["Failures are problems", "Bodies that are not accepted"],
    ),
    "A front does not pass on the header Host": (
        Fault(replaces_host=True),
        ["Pages of the service's own address"],
    ),
}
Run = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def stack(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The service on one store: faults in front of it know of none."""
    folder = tmp_path_factory.mktemp("stack")
    with Stack(
        new_database("sqlite"),
        folder,
        websockets=True,
        ALLOW_ANONYMOUS_WRITES="0",
        CORS_ALLOWED_ORIGINS=ORIGIN,
    ) as stack:
        yield stack


@pytest.fixture
def admin() -> str:
    """A token for the boards of the checks only."""
    return token("admin", "conformance-*")


@pytest.fixture
def find_failures(admin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """find_failures(port, text, …): make these checks; return of each that failed what JUnit's
    file says, by its title."""
    monkeypatch.setattr(live, "QUIET_SECONDS", 0.5)  # published over ZeroMQ: nothing is repeated

    def run(port: int, *arguments: str) -> dict[str, str]:
        file = tmp_path / "junit.xml"
        options = ["--token", admin, "--origin", ORIGIN, "--patience", "2", "--junit", str(file)]
        status = main([f"http://localhost:{port}", *options, "--only", *arguments])
        failures = {
            case.attrib["name"]: f"{failure.get('message')} {failure.text}"
            for case in ElementTree.parse(file).getroot()
            if (failure := case.find("failure")) is not None
        }
        assert status == (FAILED if failures else PASSED)
        return failures

    return run


def require_cause(failures: dict[str, str], cause: str, *checks: str) -> None:
    """Assert that all of these checks have failed, each with this cause."""
    for text in checks:
        assert [name for name in failures if text in name], f"{text} has passed: {failures}"
    assert not [failure for failure in failures.values() if cause not in failure]


@pytest.mark.parametrize("cause", FRONT_FAULTS)
def test_what_a_front_does_wrong_is_named(stack: Stack, find_failures: Run, cause: str) -> None:
    fault, checks = FRONT_FAULTS[cause]
    with FaultyFront(stack.port, stack.ws_port, fault) as front:
        require_cause(find_failures(front.port, *checks), cause, *checks)


def test_pages_of_other_sites_may_write_where_all_may(
    stack: Stack, find_failures: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    # As with CORS_ALLOWED_ORIGINS=*: the service is not told of the page's origin.
    with FaultyFront(stack.port, stack.ws_port, Fault(drops="Origin", adds=ANY_ORIGIN)) as front:
        assert find_failures(front.port, "Pages of other sites", "Accept chooses") == {}
    assert "CORS_ALLOWED_ORIGINS=* lets pages of all sites write" in capsys.readouterr().out


def test_a_missing_proxy_is_named(stack: Stack, find_failures: Run) -> None:
    checks = ("A stream begins", "Each change", "Whoever comes back", "A long-poll is held")
    require_cause(find_failures(stack.web_port, *checks), "o GRIP proxy is between", *checks)


def test_a_missing_listener_is_named(
    stack: Stack, find_failures: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fronts, "STORM_SECONDS", 2.0)
    checks = ("Each change is sent at once", "A WebSocket begins")
    stack.listener.signal_all(signal.SIGSTOP)
    try:
        with FaultyFront(stack.port, stack.ws_port) as front:
            failures = find_failures(front.port, *checks, "storm", "--storm", "3")
    finally:
        stack.listener.signal_all(signal.SIGCONT)
    storm = failures.pop("All viewers of a storm are shown the snapshot and a change")
    assert "the change for all viewers; came 3 of 3 without it" in storm
    require_cause(failures, "is a listener running", *checks)


def test_a_token_for_the_boards_of_the_checks_suffices(
    stack: Stack, find_failures: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with FaultyFront(stack.port, stack.ws_port) as front:
        assert find_failures(front.port, "contract:", "ranks:", "fronts:") == {}
    assert " 0 left out" in capsys.readouterr().out


def test_without_the_right_to_make_boards_it_reads_a_public_one(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    with FaultyFront(stack.port, stack.ws_port) as front:
        arguments = [f"http://localhost:{front.port}", "--only", "contract:", "streams:"]
        assert main(arguments) == PASSED
        output = capsys.readouterr().out
        assert "No boards may be made: " in output
        assert "Each change is sent at once, and no front buffers  (it needs boards" in output
        assert "A stream begins with the snapshot of a poll  (it needs a board" in output
        headers = {"Authorization": f"Bearer {token('admin', '*')}"}
        api = Api(front.port)
        assert api("POST", "/boards/", {"id": "theirs"}, headers).status == 201
        before = api("GET", "/boards/theirs/")
        assert main(arguments) == PASSED
        assert "A stream begins with the snapshot of a poll  (after" in capsys.readouterr().out
        assert api("GET", "/boards/theirs/").text == before.text
        assert api("DELETE", "/boards/theirs/", headers=headers).status == 204


def test_a_token_that_is_not_valid_does_not_pass(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = f"{token('admin', '*')}x"
    assert main([f"http://localhost:{stack.port}", "--token", forged]) == UNUSABLE
    expected = "cannot be checked: the token is refused: The token is not valid"
    assert expected in capsys.readouterr().out


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_deletes_its_boards(
    stack: Stack, admin: str, signum: signal.Signals
) -> None:
    def list_boards() -> int:
        return len(Api(stack.port)("GET", "/boards/").json["boards"])

    command = [sys.executable, "-m", "leaderboard_client.conformance"]
    command += [f"http://localhost:{stack.port}", "--only", "quiet:"]
    with subprocess.Popen(
        command,
        cwd=PROJECT,
        env={**os.environ, "LEADERBOARD_TOKEN": admin},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until(list_boards, "boards of the checks")
        process.send_signal(signum)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, output
    assert "Interrupted" in output
    assert list_boards() == 0


def test_no_service_no_checks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"http://localhost:{free_ports(1)[0]}"]) == UNUSABLE
    expected = "cannot be checked: expected an answer to GET /healthz; came ConnectError"
    assert expected in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["localhost:7999"],
        ["http://"],
        ["http://x/?a=b"],
        ["http://x", "--token", "a b"],
        ["http://x", "--storm", "many"],
        ["http://x", "--patience", "0"],
        ["http://x", "--only", "everything"],
        ["http://x", "--junit", "/no/such/folder/file.xml"],
    ],
)
def test_arguments_that_are_not_accepted_are_named(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage:" in (said := capsys.readouterr().err)
    assert "must be" in said or "must have" in said
