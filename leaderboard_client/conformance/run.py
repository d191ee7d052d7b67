"""Making the checks, the slow ones beside the others."""

import itertools
import queue
import time
from collections.abc import Sequence
from functools import partial

from leaderboard_client.conformance.checks import Check
from leaderboard_client.conformance.expect import CheckFailed, LeftOut
from leaderboard_client.conformance.report import Report, Result
from leaderboard_client.conformance.service import Interrupted, Service, in_background


def make_checks(service: Service, checks: Sequence[Check], report: Report) -> None:
    """Make the checks; report each when its result is there. Raises UnusableService.

    They run in threads, so that an interruption of this one comes between no request and its
    answer."""
    results: queue.SimpleQueue[Result] = queue.SimpleQueue()

    def work(batch: Sequence[Check]) -> None:
        for check in batch:
            results.put(make_check(service, check))

    in_background(service.prepare).result()
    if service.refusal:
        report.write(f"No boards may be made: {service.refusal}")
    batches = [[check for check in checks if check.pace == "quick"]]
    batches += [[check] for check in checks if check.pace == "slow"]
    last = [check for check in checks if check.pace == "last"]
    for together in (batches, [last]):
        for batch in together:
            in_background(partial(work, batch))
        for _ in itertools.chain(*together):
            report.add(results.get())


def make_check(service: Service, check: Check) -> Result:
    """Make a check; return its result."""
    began = time.monotonic()
    note, reason, failure = "", why_left_out(service, check), None
    try:
        if not reason:
            note = check.run(service) or ""
    except CheckFailed as error:
        failure = error
    except LeftOut as error:
        reason = str(error)
    except Interrupted:
        reason = "the run was interrupted"
    except Exception as error:  # such as an answer without a field
        failure = CheckFailed(
            "answers as in the API's description", f"{type(error).__name__} {error}"
        )
    return Result(check, time.monotonic() - began, note, failure, reason)


def why_left_out(service: Service, check: Check) -> str:
    """Return why the check cannot be made here; "" if it can."""
    if check.needs == "boards of its own" and service.refusal:
        return "it needs boards of its own"
    if check.needs == "a board" and service.board is None:
        return "it needs a board, and there is no public one to read"
    return ""
