#!/usr/bin/env python3
"""Measure how long a viewer's board stands still when something fails: the fault tests, many times.

usage: bench/recovery.py [--runs 10] [pytest arguments, such as -k listener]

Prints the median and the worst of what each test recorded, as rows for docs/reliability.md, and how
often the test failed.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

PROJECT = Path(__file__).resolve().parent.parent


def run_once(arguments: list[str]) -> Iterator[tuple[str, float | None]]:
    """Run the fault tests; yield the name of each test, with that of each figure that it recorded,
    and the figure in seconds, None if it failed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "tests/faults", f"--junitxml={report}"]
        command += ["-o", "junit_family=xunit1"]  # the one that has room for properties
        result = subprocess.run([*command, *arguments], cwd=PROJECT, capture_output=True, text=True)
        if not report.exists():
            sys.exit(result.stdout + result.stderr)
        if result.returncode:
            print(result.stdout, file=sys.stderr)
        for case in ElementTree.parse(report).iter("testcase"):
            failed = case.find("failure") is not None or case.find("error") is not None
            for recorded in case.iter("property"):
                name = f"{case.attrib['name']}, {recorded.attrib['name']}"
                yield name, None if failed else float(recorded.attrib["value"])
            if failed and case.find("properties") is None:
                yield case.attrib["name"], None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    options, arguments = parser.parse_known_args()
    seconds: dict[str, list[float | None]] = defaultdict(list)
    for number in range(options.runs):
        print(f"run {number + 1} of {options.runs}", file=sys.stderr)
        for test, recovery in run_once(arguments):
            seconds[test].append(recovery)
    for test, measured in sorted(seconds.items()):
        known = [value for value in measured if value is not None] or [float("nan")]
        row = f"| `{test}` | {statistics.median(known):.1f} s | {max(known):.1f} s |"
        print(row, f"{len(measured) - len(known)} of {len(measured)} failed")


if __name__ == "__main__":
    main()
