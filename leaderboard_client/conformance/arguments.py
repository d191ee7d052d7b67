"""The options of the command line."""

import argparse
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx

from leaderboard_client.conformance.service import PREFIX


def read_arguments(arguments: Sequence[str] | None, names: Sequence[str]) -> argparse.Namespace:
    """Return the options, of which `only` has some of the checks' names. Ends the program with a
    message if one is not accepted."""
    parser = argparse.ArgumentParser(
        prog="python -m leaderboard_client.conformance",
        description="Check a deployment of the leaderboard service from outside.",
        epilog=f"Boards of the checks have ids that begin with {PREFIX}, and are deleted at the "
        "end. Exit status: 0 all that was checked has passed, 1 something failed, 2 nothing could "
        "be checked, 130 interrupted.",
    )
    add = parser.add_argument
    add("url", type=read_url, help="the address, such as https://board.example")
    text = f"a token with the scope admin for boards {PREFIX}*; by default $LEADERBOARD_TOKEN"
    add("--token", type=read_token, default=os.environ.get("LEADERBOARD_TOKEN"), help=text)
    text = "an origin whose pages may use the API, to check CORS"
    add("--origin", type=read_url, help=text)
    text = "how many streams to open at once; by default none"
    add("--storm", type=read_count, default=0, metavar="VIEWERS", help=text)
    text = "only checks whose lines have one of these texts, such as streams: or WebSocket"
    add("--only", nargs="+", default=[""], metavar="TEXT", help=text)
    text = "how long an event is waited for; by default %(default)s"
    add("--patience", type=read_seconds, default=10.0, metavar="SECONDS", help=text)
    add("--junit", type=read_file, metavar="FILE", help="write JUnit's XML, too")
    options = parser.parse_args(arguments)
    options.only = [name for name in names if any(text in name for text in options.only)]
    if not options.only:
        lines = "\n".join(names)
        parser.error(f"argument --only: must be a text in these lines:\n{lines}")
    return options


def read_url(text: str) -> str:
    with suppress(httpx.InvalidURL):
        url = httpx.URL(text)
        others = url.query or url.fragment or url.userinfo
        if url.scheme in ("http", "https") and url.host and not others:
            return text.rstrip("/")
    raise argparse.ArgumentTypeError(f"{text!r}: must be such as https://board.example")


def read_token(text: str) -> str:
    if text and not re.fullmatch("[!-~]+", text):
        raise argparse.ArgumentTypeError("must have visible ASCII characters only")
    return text


def read_count(text: str) -> int:
    if re.fullmatch("[0-9]{1,6}", text):
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r}: must be a number of viewers, such as 500")


def read_seconds(text: str) -> float:
    with suppress(ValueError):
        seconds = float(text)
        if 0 < seconds <= 600:
            return seconds
    raise argparse.ArgumentTypeError(f"{text!r}: must be a number of seconds up to 600")


def read_file(text: str) -> Path:
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r}: must be a file in a folder that is there")
    return path
