"""manage.py doctor: look at a running deployment, and say what is wrong and what to do."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.management.base import BaseCommand

from leaderboardapp.doctor.broker import examine_broker
from leaderboardapp.doctor.findings import Finding, Level, error, warning
from leaderboardapp.doctor.listener import examine_listener
from leaderboardapp.doctor.pushpin import examine_addresses, examine_files, examine_release
from leaderboardapp.doctor.service import examine_service
from leaderboardapp.doctor.store import examine_store
from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.domain.masking import mask_secrets

LEVELS = {level.name: level for level in (Level.WARNING, Level.ERROR)}


def parse_url(text: str) -> str:
    """Return an address without its last slash. Raises ArgumentTypeError."""
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.netloc:
        raise ArgumentTypeError(f"{text!r} is no address, such as https://scores.example")
    if url.username is not None:
        raise ArgumentTypeError("an address has no user or password here: tokens say who asks")
    return text.rstrip("/")


class Command(BaseCommand):
    help = "Look at the running service: settings, store, Pushpin, listener, broker, and a stream."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--url",
            type=parse_url,
            default=f"http://localhost:{settings.LOCAL_HTTP_PORT}",
            help="where viewers find the service; default: %(default)s",
        )
        parser.add_argument(
            "--pushpin-conf",
            action="append",
            type=Path,
            default=[],
            metavar="FILE",
            help="Pushpin's configuration; repeatable, in the order of GRIP_URL. "
            "Default: those of script/pushpin",
        )
        parser.add_argument(
            "--fail-level",
            choices=LEVELS,
            default="ERROR",
            help="the least level that ends with the exit status 1; default: %(default)s",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print each finding as it comes; exit with 1 if any has the level."""
        worst = Level.OK
        for finding in examine(options["url"], options["pushpin_conf"]):
            self.print_finding(finding)
            worst = max(worst, finding.level)
        if worst >= LEVELS[options["fail_level"]]:
            sys.exit(1)

    def print_finding(self, finding: Finding) -> None:
        """Print a finding, and what to do on a line of its own."""
        style = {Level.WARNING: self.style.WARNING, Level.ERROR: self.style.ERROR}
        level = style.get(finding.level, str)(f"{finding.level.name.lower():8}")
        # One line, whatever the text quotes.
        self.stdout.write(" ".join(f"{level}{finding.part}: {finding.text}".splitlines()))
        if finding.remedy:
            self.stdout.write(f"{'':8}→ {finding.remedy}")
        self.stdout.flush()


def examine(url: str, pushpin_files: list[Path]) -> Iterator[Finding]:
    """Yield the findings of all parts, in the order in which to mend them."""
    for message in checks.run_checks(include_deployment_checks=True):
        if not message.is_silenced():
            yield warning("settings", message.msg, message.hint or "")
    takes_writes = yield from examine_store()
    yield from examine_release()
    yield from examine_files(pushpin_files)
    yield from examine_addresses()
    if takes_writes:
        yield from examine_way(url)
    else:
        text = "neither the listener nor a stream was looked at, because the store fails"
        yield warning("service", text, "Mend the store, and run the doctor again.")
    yield from examine_broker()


def examine_way(url: str) -> Iterator[Finding]:
    """Yield the findings of what a change passes on its way from the store to viewers."""
    try:
        yield from examine_listener()
        yield from examine_service(url)
    except StoreUnavailable as failure:
        text = f"it failed after it had answered: {mask_secrets(str(failure))}"
        yield error("store", text, "Mend what it says, and run the doctor again.")
