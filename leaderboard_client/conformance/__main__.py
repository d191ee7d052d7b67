"""Make the checks from the command line."""

import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

from leaderboard_client.conformance import contract, fronts, live, ranks  # noqa: F401
from leaderboard_client.conformance.arguments import read_arguments
from leaderboard_client.conformance.checks import CHECKS
from leaderboard_client.conformance.report import Report
from leaderboard_client.conformance.run import make_checks
from leaderboard_client.conformance.service import Service, UnusableService

PASSED, FAILED, UNUSABLE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the checks and report; return the exit status."""
    options = read_arguments(arguments, [check.name for check in CHECKS])
    service = Service(options.url, options.token, options.origin, options.patience, options.storm)
    report, began = Report(options.url, sys.stdout), time.monotonic()
    checks = [check for check in CHECKS if check.name in options.only]
    report.write(f"{len(checks)} checks of {options.url}")
    status = UNUSABLE
    try:
        make_checks(service, checks, report)
        if report.has_checked:
            status = FAILED if report.failures else PASSED
    except UnusableService as error:
        report.write(f"{options.url} cannot be checked: {error}")
    except KeyboardInterrupt:
        status = INTERRUPTED
        report.write("Interrupted: the boards of the checks are being deleted")
    with suppress(KeyboardInterrupt):  # of who does not want to wait for it
        service.delete_boards()
    report.write_failures()
    report.write_sum(time.monotonic() - began)
    if service.made:
        report.write(f"Delete these boards, which are still there: {', '.join(service.made)}")
    if options.junit:
        report.save_junit(options.junit)
    return status or (FAILED if service.made else PASSED)


def interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)  # as Ctrl-C, so that boards are deleted
    sys.exit(main())
