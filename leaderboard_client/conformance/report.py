"""What came out of the checks: a line each, then each failure in words, and a file for CI."""

from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from xml.etree import ElementTree

from leaderboard_client.conformance.checks import Check
from leaderboard_client.conformance.expect import CheckFailed, clean


@dataclass(frozen=True)
class Result:
    """What came out of a check, after so many seconds."""

    check: Check
    seconds: float
    note: str = ""
    failure: CheckFailed | None = None
    reason: str = ""  # why it was left out

    @property
    def look_at(self) -> str:
        """What to look at, after a failure."""
        return (self.failure and self.failure.look_at) or self.check.look_at


class Report:
    """The results, written as they come."""

    def __init__(self, url: str, output: TextIO) -> None:
        self.url, self.output = url, output
        self.results: list[Result] = []

    def write(self, *lines: str) -> None:
        """Write lines, at once."""
        print(*map(clean, lines), sep="\n", file=self.output, flush=True)

    def add(self, result: Result) -> None:
        """Write the line of a result."""
        self.results.append(result)
        word = "FAIL" if result.failure else "left out" if result.reason else "ok"
        note = f"  ({result.note or result.reason})" if result.note or result.reason else ""
        self.write(f"{word:8}  {result.seconds:5.1f} s  {result.check.name}{note}")

    @property
    def failures(self) -> list[Result]:
        return [result for result in self.results if result.failure]

    @property
    def has_checked(self) -> bool:
        """Whether not all checks were left out."""
        return len(self.left_out) < len(self.results)

    @property
    def left_out(self) -> list[Result]:
        return [result for result in self.results if result.reason]

    def write_failures(self) -> None:
        """Write of each failure what was expected, what came, and what to look at. Failures with
        the same to look at come together."""
        for look_at in dict.fromkeys(result.look_at for result in self.failures):
            self.write("", f"Look at: {look_at}")
            for result in self.failures:
                if result.failure and result.look_at == look_at:
                    self.write(
                        f"  {result.check.name}",
                        f"    expected  {result.failure.expected}",
                        f"    came      {result.failure.came}",
                    )

    def write_sum(self, seconds: float) -> None:
        """Write how many checks have passed, failed, and been left out."""
        failed, left_out = len(self.failures), len(self.left_out)
        passed = len(self.results) - failed - left_out
        self.write("", f"{passed} passed, {failed} failed, {left_out} left out, {seconds:.0f} s")

    def save_junit(self, path: Path) -> None:
        """Write the results as JUnit's XML."""
        suite = ElementTree.Element(
            "testsuite",
            name=f"conformance of {self.url}",
            tests=str(len(self.results)),
            failures=str(len(self.failures)),
            skipped=str(len(self.left_out)),
            errors="0",
            time=f"{sum(result.seconds for result in self.results):.3f}",
        )
        for result in self.results:
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=result.check.group,
                name=result.check.title,
                time=f"{result.seconds:.3f}",
            )
            if result.failure:
                failure = ElementTree.SubElement(case, "failure", message=str(result.failure))
                failure.text = f"look at: {result.look_at}"
            elif result.reason:
                ElementTree.SubElement(case, "skipped", message=result.reason)
        ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
