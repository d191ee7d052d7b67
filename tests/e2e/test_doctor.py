"""The doctor finds nothing wrong with the service as it is run here, on every store."""

import os

from tests.support.stack import Stack


def test_a_service_that_works_has_no_finding_and_its_boards_are_as_before(stack: Stack) -> None:
    boards = stack.manage("shell", "-c", LIST_BOARDS).stdout
    files = [stack.run_dir / name / "pushpin.conf" for name in ("pushpin", "websockets")]
    options = [option for file in files for option in ("--pushpin-conf", str(file))]
    url = f"http://localhost:{stack.port}"
    doctor = stack.manage("doctor", "--url", url, *options, PATH=os.environ["PATH"])
    lines = [line for line in doctor.stdout.splitlines() if not line.startswith("warning settings")]
    bad = [line for line in lines if line.startswith(("warning", "error"))]
    assert (doctor.returncode, bad) == (0, []), doctor.stdout + doctor.stderr
    for seen in ("store: ", "listener: 1 alive", "a change is shown after", "scores: 1 workers"):
        assert seen in doctor.stdout
    assert stack.manage("shell", "-c", LIST_BOARDS).stdout == boards


LIST_BOARDS = """
from leaderboardapp.stores import get_store
print([board["id"] for board in get_store().list_boards("", 10000, private=True)])
"""
