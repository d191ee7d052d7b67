"""Fuzz the parsers: `python -m tests.fuzz [--seconds 60] [PARSER ...]`, one after the other.

It needs atheris (requirements.txt beside this file). Inputs that take new branches are kept in
.run/fuzz for the next run, and so is an input that makes a parser fail, which ends its run.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("atheris is missing: .venv/bin/python -m pip install -r tests/fuzz/requirements.txt")

os.environ.update(
    DJANGO_SETTINGS_MODULE="leaderboard_project.settings",
    SECRET_KEY="a key for the fuzzers only",
    DATABASE_URL="sqlite:///:memory:",
    GRIP_URL="http://localhost:9?iss=pushpin&key=a-key-of-32-bytes-or-more-for-the-fuzzers",
)
# atheris sees which branches an input takes only in what is imported here.
with atheris.instrument_imports(include=["leaderboardapp", "leaderboard_project"]):
    import django

    django.setup()
    from tests.fuzz.parsers import PARSERS

FOLDER = Path(".run/fuzz")
MAX_BYTES = 4096  # of an input


def fuzz(name: str, seconds: int) -> None:
    """Give a parser inputs for so long. Does not return: libFuzzer ends the process."""
    corpus = FOLDER / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, sample in enumerate(PARSERS[name].samples):
        (corpus / f"sample-{number}").write_text(sample, newline="")
    options = [f"-max_total_time={seconds}", f"-max_len={MAX_BYTES}"]
    options += ["-print_final_stats=1", f"-artifact_prefix={FOLDER}/{name}-"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], PARSERS[name].fuzz)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("parsers", nargs="*", metavar="PARSER", help=", ".join(PARSERS))
    parser.add_argument("--seconds", type=int, default=60, help="for each parser; default: 60")
    options = parser.parse_args()
    names = options.parsers or [*PARSERS]
    if options.seconds < 1:
        parser.error(f"--seconds {options.seconds}: must be at least 1")
    if unknown := {*names} - {*PARSERS}:
        parser.error(f"no parser {', '.join(unknown)}; there are {', '.join(PARSERS)}")
    if len(names) == 1:
        fuzz(names[0], options.seconds)
    command = [sys.executable, "-m", "tests.fuzz", "--seconds", str(options.seconds)]
    failed = [name for name in names if subprocess.run([*command, name]).returncode]
    sys.exit(f"failed: {', '.join(failed)}; see {FOLDER}" if failed else 0)


if __name__ == "__main__":
    main()
