#!/usr/bin/env python3
"""How long a viewer's board stands still when something fails: the fault tests, many times.

usage: bench/recovery.py [--runs 10] [pytest arguments, such as -k listener]

Prints the median and the worst of what each test recorded, as rows for docs/reliability.md.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

PROJECT = Path(__file__).resolve().parent.parent


def run_once(arguments: list[str]) -> dict[str, float]:
    """Each test that recorded a recovery → its seconds. A test that fails ends the program."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "tests/faults", f"--junitxml={report}"]
        command += ["-o", "junit_family=xunit1"]  # the one that has room for properties
        done = subprocess.run([*command, *arguments], cwd=PROJECT, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stdout)
        return {
            case.attrib["name"]: float(found.attrib["value"])
            for case in ElementTree.parse(report).iter("testcase")
            for found in case.iter("property")
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    options, arguments = parser.parse_known_args()
    seconds = defaultdict(list)
    for number in range(options.runs):
        print(f"run {number + 1} of {options.runs}", file=sys.stderr)
        for test, recovery in run_once(arguments).items():
            seconds[test].append(recovery)
    for test, measured in sorted(seconds.items()):
        print(f"| `{test}` | {statistics.median(measured):.1f} s | {max(measured):.1f} s |")


if __name__ == "__main__":
    main()
