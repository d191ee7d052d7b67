"""manage.py create_token: print a token, signed with a secret of TOKEN_KEYS."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboardapp.domain.fields import id_field
from leaderboardapp.web.auth import SCOPES, create_token

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> int:
    """Return the seconds of `90s`, `15m`, `12h` or `30d`. Raises ArgumentTypeError."""
    number, unit = text[:-1], text[-1:]
    if unit not in UNITS or not number.isdecimal() or int(number) < 1:
        raise ArgumentTypeError(f"{text!r} is not a time, such as 90s, 15m, 12h or 30d")
    return int(number) * UNITS[unit]


def parse_player(text: str) -> str:
    """Return the id. Raises ArgumentTypeError."""
    try:
        return id_field(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no id: it must be {error}") from error


def parse_board(text: str) -> str:
    """Return the id, or the beginning of ids with a `*`. Raises ArgumentTypeError."""
    try:
        id_field(text.removesuffix("*"))
    except ValueError as error:
        message = f"{text!r} is no id: it must be {error}, and may end in * for all that begin so"
        raise ArgumentTypeError(message) from error
    return text


class Command(BaseCommand):
    help = "Print a token for the Authorization: Bearer header, signed with TOKEN_KEYS' secret."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--scope", choices=SCOPES, default="write", help="default: write")
        parser.add_argument(
            "--player", type=parse_player, help="the player that it is for, with --scope play"
        )
        parser.add_argument(
            "--board",
            action="append",
            type=parse_board,
            help="a board that it is for, or eu-* for all that begin so; repeatable; default: all",
        )
        parser.add_argument(
            "--valid", type=parse_duration, default="1h", help="such as 15m, 12h, 30d; default: 1h"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        scope, player = options["scope"], options["player"]
        if (scope == "play") != (player is not None):
            raise CommandError("--scope play and --player go together: such a token is a player's.")
        try:
            token = create_token([scope], options["board"], options["valid"], player)
        except StopIteration as error:
            raise CommandError(
                "TOKEN_KEYS has no HS256 secret to sign with: add HS256:<base64 of 32 random "
                "bytes>, or sign the token where the private key is."
            ) from error
        self.stdout.write(token)
