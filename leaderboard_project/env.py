"""Read settings from the environment.

environs reads a variable and converts its text. This module adds what the service accepts, and the
message for any other value: the variable, its value without secrets, what is accepted, the way out.
"""

import ipaddress
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import dj_database_url
from cryptography.exceptions import UnsupportedAlgorithm
from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvValidationError, validate

from leaderboard_project.proxy_urls import parse_proxy
from leaderboard_project.token_keys import parse_token_key
from leaderboardapp.domain.addresses import Address
from leaderboardapp.domain.parts import MAX_PARTS
from leaderboardapp.rabbitmq import notification_routes as routes
from leaderboardapp.stores.rethinkdb.address import parse_url as parse_rethinkdb_url
from leaderboardapp.web.headers import normalize_origin

T = TypeVar("T")

BASE_DIR = Path(__file__).resolve().parent.parent
STORE_SCHEMES = ("sqlite", "rethinkdb", "postgresql", "postgres")

SQLITE_OPTIONS = {
    "timeout": 2.5,  # seconds to wait for another process's lock
    # A commit that has returned is on disk.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
}
POSTGRESQL_OPTIONS = {
    "connect_timeout": 2,
    # A dead link is noticed within twenty seconds, though nothing is being sent.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,
}

_env = Env()


def read_text(name: str, default: str | None = None) -> str:
    """Read a text; return the default where the variable is unset or empty."""
    value = _env.str(name, "") or default
    if value is None:
        raise ImproperlyConfigured(
            f"{name} is not set. Set it in the environment or in .env; .env.example shows how, "
            "and script/bootstrap writes a .env with fresh keys."
        )
    return value


def read_switch(name: str, default: bool) -> bool:
    """Read a switch; return whether it is on."""
    accepted = validate.OneOf(("0", "1"))
    rejection = "is not a switch: set it to 0 or 1."
    return _read(_env.str, name, "1" if default else "0", accepted, rejection) == "1"


def read_seconds(name: str, default: float, at_most: float) -> float:
    """Read a time; return its seconds."""
    accepted = validate.Range(0, at_most)
    rejection = f"is not a time: set it to seconds from 0 to {at_most:g}."
    return _read(_env.float, name, default, accepted, rejection)


def read_rate(name: str) -> float:
    """Read the rate of one token's or address's writes; return it per second, or 0 for no limit."""
    return _read(
        _env.float,
        name,
        0.0,
        _validate_rate,
        "is not a rate: set it to writes per second, from 0.001 to 1000000, or to 0 for no limit.",
    )


def read_port(name: str, default: int) -> int:
    """Read a TCP port; return its number."""
    accepted = validate.Range(1, 65_535)
    rejection = "is no port: set it to a number from 1 to 65535."
    return _read(_env.int, name, default, accepted, rejection)


def read_parts(name: str, default: int) -> int:
    """Read how many parts the boards are divided into; return their number."""
    accepted = validate.Range(1, MAX_PARTS)
    rejection = f"is no number of parts: set it to a number from 1 to {MAX_PARTS}."
    return _read(_env.int, name, default, accepted, rejection)


def read_exchange(name: str, default: str) -> str:
    """Read the name of a topic exchange; return it."""
    return _read(
        _env.str,
        name,
        default,
        validate.Regexp(r"[A-Za-z0-9_.:-]{1,127}\Z"),
        "is not the name of a topic exchange: 1 to 127 of the characters A-Z, a-z, 0-9, _, -, . "
        "and :",
    )


def read_store_url(name: str, default: str, schemes: tuple[str, ...] = STORE_SCHEMES) -> str:
    """Read a store's URL; return it as it stands."""
    url = read_text(name, default)
    scheme = url.partition(":")[0]
    if scheme not in schemes:
        valid = ", ".join(f"{scheme}://" for scheme in schemes)
        shown = scheme if "://" in url else _hide_secrets(scheme)  # which may be all of it
        raise ImproperlyConfigured(f"{name} has the unknown scheme {shown!r}: use one of {valid}.")
    try:
        _check_store_url(url)
    except ValueError as error:
        raise _reject_store_url(name, url, str(error)) from None
    return url


def read_broker_url(name: str) -> str:
    """Read a RabbitMQ broker's URL; return it as it stands, or "" where there is no broker."""
    url = read_text(name, "")
    if url and not _names_broker(url):
        raise ImproperlyConfigured(
            f"{name}={_hide_secrets(url)!r} names no broker: write it like "
            "amqp://user:password@host:5672/vhost or, with TLS, "
            "amqps://user:password@host:5671/vhost?cacertfile=/path/to/ca.pem (its only option, "
            "for a certificate that the system does not trust by itself)."
        )
    return url


def read_proxies(name: str) -> list[dict[str, object]]:
    """Read the proxies' URLs; return one entry for each, as gripcontrol has it."""
    read_text(name)  # it has no default
    return _read_entries(
        name,
        parse_proxy,
        "names the proxy {shown!r} {error}: write it like "
        "tcp://localhost:5561?iss=pushpin&key=base64:... or, for Fastly Fanout, "
        "https://api.fastly.com/service/<id>?key=<token>&verify-key=base64:... (several: separate "
        "them by spaces).",
    )


def read_token_keys(name: str) -> list[tuple[str, str | bytes]]:
    """Read the keys that verify tokens; return (algorithm, key) for each."""
    # The message is without the entry, which may be a secret.
    return _read_entries(
        name,
        parse_token_key,
        "has no usable key in entry {number} ({error}): write entries like "
        "HS256:<base64 of at least 32 bytes>, ES256:/path/to/public.pem or "
        "EdDSA:/path/to/public.pem, separated by spaces.",
    )


def read_routes(name: str) -> list[routes.Route]:
    """Read the broker's routes; return them parsed."""
    return _read_entries(
        name,
        routes.parse,
        "has the entry {entry!r} ({error}): write routes like "
        "invoice.*=/events/invoices/ or match.{{board}}.goal=/boards/{{board}}/, separated by "
        "spaces.",
    )


def read_parsed(name: str, parse: Callable[[str], T]) -> T | None:
    """Read a text; return what `parse` makes of it, or None where it is unset or empty.

    `parse` raises ValueError, whose text goes on after the variable's name."""
    text = read_text(name, "")
    try:
        return parse(text) if text else None
    except ValueError as error:
        # Without its cause, whose text may have a secret.
        raise ImproperlyConfigured(f"{name} {error}") from None


def read_origins(name: str) -> list[str]:
    """Read the origins whose pages may use the API; return them as browsers write them."""
    return _read_entries(
        name,
        _parse_origin,
        "has the entry {entry!r}, which is no origin: write * for any, or origins like "
        "https://game.example, separated by spaces.",
    )


def read_networks(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Read addresses and networks; return them as networks."""
    return _read_entries(
        name,
        ipaddress.ip_network,
        "has the entry {entry!r}, which is no address: write addresses like 127.0.0.1 or networks "
        "like 10.0.0.0/8, separated by spaces.",
    )


def read_addresses(name: str) -> list[Address]:
    """Read addresses of this machine at which metrics are served; return them."""
    return _read_entries(
        name,
        _parse_address,
        "has the entry {entry!r}, which is no address: write addresses of this machine like "
        "127.0.0.1:9101, separated by spaces.",
    )


def read_address(name: str) -> Address | None:
    """Read the address of this machine at which metrics are served; return it, if there is one."""
    addresses = read_addresses(name)
    if len(addresses) > 1:
        raise ImproperlyConfigured(f"{name} has more than one address: write one.")
    return addresses[0] if addresses else None


def read_choice(name: str, *choices: str) -> str:
    """Read one of these words; return it, or "" where the variable is unset or empty."""
    accepted = validate.OneOf(choices)
    rejection = f"is not accepted: set it to {' or '.join(choices)}, or to nothing."
    return _read(_env.str, name, "", accepted, rejection)


def build_database(name: str, url: str) -> dict[str, Any]:
    """Build Django's settings for a SQL store; `name` is the variable that has its URL."""
    try:
        database: dict[str, Any] = {**dj_database_url.parse(url, conn_max_age=None)}
    except ValueError:  # an option's value that is neither text nor a number
        raise _reject_store_url(name, url, "an option of it is malformed") from None
    if url.startswith("sqlite:"):
        database["ENGINE"] = "leaderboardapp.stores.sql.sqlite.backend"
        return {**database, "NAME": str(BASE_DIR / database["NAME"]), "OPTIONS": {**SQLITE_OPTIONS}}
    database["ENGINE"] = "leaderboardapp.stores.sql.postgresql.backend"
    database["DISABLE_SERVER_SIDE_CURSORS"] = True  # a pool may run each transaction elsewhere
    database["OPTIONS"] = {**POSTGRESQL_OPTIONS, **database.get("OPTIONS", {})}
    _check_options(name, database["OPTIONS"])
    return database


def _check_options(name: str, options: dict[str, Any]) -> None:
    """Raise ImproperlyConfigured if libpq does not know one of the options."""
    # Here, because no other store needs the driver, which is a tenth of a program's start.
    from psycopg import ProgrammingError
    from psycopg.conninfo import make_conninfo

    try:
        make_conninfo(**options)
    except ProgrammingError as error:
        raise ImproperlyConfigured(
            f"{name} has an option that PostgreSQL does not know ({str(error).strip()}): "
            "what follows the ? is libpq's, such as sslmode=verify-full."
        ) from error


def _hide_secrets(url: str) -> str:
    """Return the URL without the parts that may be a secret: user, password and query."""
    if "@" in url.partition("?")[2]:  # in the query, or a password has a "?": nobody can tell
        return re.split("[:?@]", url)[0] + ":..."
    return url.rpartition("@")[2].partition("?")[0]


def _read(
    convert: Callable[..., T],
    name: str,
    default: T,
    accepted: Callable[[Any], object],
    rejection: str,
) -> T:
    """Read a value with a method of environs; return the default where it is unset or empty."""
    text = _env.str(name, "")
    if not text:
        return default
    try:
        return convert(name, validate=accepted)
    except EnvValidationError:
        raise ImproperlyConfigured(f"{name}={text!r} {rejection}") from None


def _read_entries(name: str, parse: Callable[[str], T], rejection: str) -> list[T]:
    """Read what stands between spaces; return each entry as `parse` makes it."""
    entries: list[str] = _env.list(name, [], delimiter=None)
    parsed = []
    for number, entry in enumerate(entries, start=1):
        try:
            parsed.append(parse(entry))
        except (ValueError, OSError, UnsupportedAlgorithm) as error:
            reason = rejection.format(
                number=number, entry=entry, shown=_hide_secrets(entry), error=error
            )
            # Without its cause, whose text may have a secret.
            raise ImproperlyConfigured(f"{name} {reason}") from None
    return parsed


def _validate_rate(rate: float) -> None:
    if rate:
        validate.Range(0.001, 1_000_000)(rate)


def _check_store_url(url: str) -> None:
    """Raise ValueError unless the URL can be read and names a database."""
    if url.startswith("rethinkdb:"):
        if authority := parse_rethinkdb_url(url).login["ssl"].get("ca_certs"):
            _check_authority(authority)
        return
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("its host or its port cannot be read") from None
    if not url.partition(":")[2].startswith("//"):
        raise ValueError("it has no // before the host")
    if port == 0:
        raise ValueError("its port is not from 1 to 65535")
    if not parts.path.strip("/"):
        raise ValueError("it names no database")


def _check_authority(path: str) -> None:
    """Raise ValueError unless the file has certificates."""
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        raise ValueError(f"{path}, its ssl_ca, has no certificate as PEM") from None
    except OSError as error:
        raise ValueError(f"{path}, its ssl_ca, cannot be read ({error.strerror})") from None


def _reject_store_url(name: str, url: str, reason: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"{name}={_hide_secrets(url)!r} does not name a store, because {reason}: "
        "write it like sqlite:///leaderboard.sqlite3, "
        "rethinkdb://user:password@localhost:28015/leaderboard (a cluster: "
        "a:28015,b:28015,c:28015/leaderboard?replicas=3) or "
        "postgresql://user:password@localhost:5432/leaderboard."
    )


def _names_broker(url: str) -> bool:
    """Return whether the URL can be read and names a broker, with no option but its one."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # a port or a host that is none
        return False
    options = {option.partition("=")[0] for option in parts.query.split("&")} - {""}
    is_amqp = parts.scheme in ("amqp", "amqps") and bool(parts.hostname) and port != 0
    return is_amqp and options <= {"cacertfile"}


def _parse_origin(origin: str) -> str:
    if origin != "*" and not re.fullmatch(r"https?://[^/?#\s]+", origin):
        raise ValueError("no origin")
    return normalize_origin(origin)


def _parse_address(text: str) -> Address:
    parts = urlsplit(f"//{text}")
    if not parts.hostname or not parts.port or parts.netloc != text or "@" in text:
        raise ValueError("no address")
    return Address(parts.hostname, parts.port)
