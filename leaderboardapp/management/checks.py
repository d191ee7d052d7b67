"""Checks of a deployment's settings: `manage.py check --deploy`."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.utils.encoding import force_bytes

MIN_SECRET_BYTES = 32  # as many as the hash of HS256 has (RFC 7518, 3.2)
MIN_DIFFERENT_BYTES = 10  # 32 random bytes have 30 on average, and in hexadecimal digits 14
NEW_SECRET = "Make a new one with: openssl rand -base64 32"  # noqa: S105


@register(Tags.security, deploy=True)
def check_debug(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[CheckMessage]:
    """Return a warning if clients are shown Python's errors."""
    if not settings.DEBUG:
        return []
    text = "DEBUG=1: whoever causes an error is shown the code and the settings around it."
    return [Warning(text, hint="Set DEBUG=0.", id="leaderboard.W001")]


@register(Tags.security, deploy=True)
def check_anonymous_writes(
    app_configs: Sequence[AppConfig] | None, **options: Any
) -> list[CheckMessage]:
    """Return a warning if anybody may write."""
    if not settings.ALLOW_ANONYMOUS_WRITES:
        return []
    text = "ALLOW_ANONYMOUS_WRITES=1: anybody who reaches the service may change and delete boards."
    hint = "Set ALLOW_ANONYMOUS_WRITES=0, and TOKEN_KEYS to the keys that sign tokens."
    return [Warning(text, hint=hint, id="leaderboard.W002")]


@register(Tags.security, deploy=True)
def check_write_rate(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[CheckMessage]:
    """Return a warning if nothing limits the rate of writes."""
    if settings.WRITE_RATE:
        return []
    text = "WRITE_RATE is not set: one client alone may write as fast as the store can."
    hint = "Set WRITE_RATE to writes per second of one token or address, such as 10."
    return [Warning(text, hint=hint, id="leaderboard.W003")]


@register(Tags.security, deploy=True)
def check_secrets(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[CheckMessage]:
    """Return a warning for each secret that can be guessed, or that has two purposes."""
    warnings: list[CheckMessage] = []
    purposes: dict[bytes, str] = {}
    for name, secret in dict.fromkeys(_list_secrets()):  # proxies may share one
        if len(secret) < MIN_SECRET_BYTES or len(set(secret)) < MIN_DIFFERENT_BYTES:
            text = f"{name} can be guessed: it is no {MIN_SECRET_BYTES} random bytes."
            warnings.append(Warning(text, hint=NEW_SECRET, id="leaderboard.W004"))
        if (other := purposes.setdefault(secret, name)) != name:
            text = f"{name} is the same as {other}: who has one of them has both."
            warnings.append(Warning(text, hint=NEW_SECRET, id="leaderboard.W005"))
    return warnings


def _list_secrets() -> Iterator[tuple[str, bytes]]:
    """Yield the secrets that sign tokens and requests, each with what it is; not the public keys.

    For SECRET_KEY Django has a check (security.W009)."""
    for number, (algorithm, key) in enumerate(settings.TOKEN_KEYS, start=1):
        if algorithm == "HS256":
            yield f"Entry {number} of TOKEN_KEYS", force_bytes(key)
    for proxy in settings.GRIP_PROXIES:
        secret = proxy.get("verify_key", proxy["key"])
        if isinstance(secret, str | bytes):
            yield "A key in GRIP_URL", force_bytes(secret)
