"""Settings, all of them from the environment (and `.env`, which the environment overrules).

This is the only module that reads the environment. `.env.example` lists every variable.
"""

import base64
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv
from gripcontrol import parse_grip_uri
from psycopg import ProgrammingError
from psycopg.conninfo import make_conninfo

from leaderboardapp import routing

BASE_DIR = Path(__file__).resolve().parent.parent
STORE_SCHEMES = ("sqlite", "rethinkdb", "postgresql", "postgres")

load_dotenv(BASE_DIR / ".env")


def env_str(name: str, default: str | None = None) -> str:
    value = os.environ.get(name) or default
    if value is None:
        raise ImproperlyConfigured(
            f"{name} is not set. Set it in the environment or in .env; .env.example shows how, "
            "and script/bootstrap writes a .env with fresh keys."
        )
    return value


def env_bool(name: str, default: bool) -> bool:
    value = env_str(name, "1" if default else "0")
    if value not in ("0", "1"):
        raise ImproperlyConfigured(f"{name}={value!r} is not a switch: set it to 0 or 1.")
    return value == "1"


def env_seconds(name: str, default: float, at_most: float) -> float:
    value = env_str(name, str(default))
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= at_most:
        raise ImproperlyConfigured(
            f"{name}={value!r} is not a time: set it to seconds from 0 to {at_most:g}."
        )
    return seconds


def write_rate() -> float:
    """Writes per second of one token or address; 0: as many as it likes."""
    value = env_str("WRITE_RATE", "0")
    try:
        rate = float(value)
    except ValueError:
        rate = -1
    if rate != 0 and not 0.001 <= rate <= 1_000_000:
        raise ImproperlyConfigured(
            f"WRITE_RATE={value!r} is not a rate: set it to writes per second, from 0.001 to "
            "1000000, or to 0 for no limit."
        )
    return rate


def store_url(name: str, default: str, schemes: tuple[str, ...] = STORE_SCHEMES) -> str:
    url = env_str(name, default)
    scheme, _, rest = url.partition(":")
    if scheme not in schemes:
        valid = ", ".join(f"{scheme}://" for scheme in schemes)
        raise ImproperlyConfigured(f"{name} has the unknown scheme {scheme!r}: use one of {valid}.")
    try:
        parts = urlsplit(url)
        readable = rest.startswith("//") and parts.port != 0 and bool(parts.path.strip("/"))
    except ValueError:  # a port that is none
        readable = False
    if not readable:
        shown = url.rpartition("@")[2].partition("?")[0]  # without what may be a secret
        raise ImproperlyConfigured(
            f"{name}={shown!r} does not name a host, a port and a database: "
            "write it like sqlite:///leaderboard.sqlite3, "
            "rethinkdb://user:password@localhost:28015/leaderboard or "
            "postgresql://user:password@localhost:5432/leaderboard."
        )
    return url


def database(name: str, url: str) -> dict[str, Any]:
    """Django's settings for a SQL store, whose URL the variable `name` has."""
    found: dict[str, Any] = {**dj_database_url.parse(url, conn_max_age=None)}
    if url.startswith("sqlite:"):
        found["NAME"] = str(BASE_DIR / found["NAME"])
        found["OPTIONS"] = {
            # Writers queue for the lock instead of failing half way, and a commit that has
            # returned is on disk.
            "transaction_mode": "IMMEDIATE",
            "timeout": 2.5,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
        return found
    found["DISABLE_SERVER_SIDE_CURSORS"] = True  # a pool may run each transaction elsewhere
    # A dead link is noticed within twenty seconds, though nothing is being sent.
    alive = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2}
    limits = {"connect_timeout": 2, "tcp_user_timeout": 20_000}
    found["OPTIONS"] = {**alive, **limits, **found.get("OPTIONS", {})}
    found["ENGINE"] = "leaderboardapp.stores.sql.postgresql_backend"
    try:
        make_conninfo(**found["OPTIONS"])
    except ProgrammingError as error:
        raise ImproperlyConfigured(
            f"{name} has an option that PostgreSQL does not know ({str(error).strip()}): "
            "what follows the ? is libpq's, such as sslmode=verify-full."
        ) from error
    return found


def grip_proxies() -> list[dict[str, object]]:
    """One entry for each URL in GRIP_URL. Every proxy needs a key: without one, anybody could
    claim to be that proxy."""
    proxies = []
    for url in env_str("GRIP_URL").split():
        entry = parse_grip_uri(url)
        if not url.startswith(("http://", "https://")) or "key" not in entry:
            raise ImproperlyConfigured(
                f"GRIP_URL names the proxy {url.partition('?')[0]!r} without http(s):// or without "
                "a key: write it like http://localhost:5561?iss=pushpin&key=base64:... "
                "(several proxies: separate them by spaces)."
            )
        proxies.append(entry)
    return proxies


def amqp_url() -> str:
    """The broker's, or nothing if there is none. CLOUDAMQP_URL is what a hoster's add-on sets."""
    url = env_str("AMQP_URL", "") or env_str("CLOUDAMQP_URL", "")
    name = "AMQP_URL" if url == os.environ.get("AMQP_URL") else "CLOUDAMQP_URL"
    try:
        parts = urlsplit(url)
        options = {option.partition("=")[0] for option in parts.query.split("&")} - {""}
        readable = parts.scheme in ("amqp", "amqps") and parts.hostname and parts.port != 0
        readable = readable and options <= {"cacertfile"}
    except ValueError:  # a port that is none
        readable = False
    if url and not readable:
        shown = url.rpartition("@")[2].partition("?")[0]  # without what may be a secret
        raise ImproperlyConfigured(
            f"{name}={shown!r} names no broker: write it like amqp://user:password@host:5672/vhost "
            "or, with TLS, amqps://user:password@host:5671/vhost?cacertfile=/path/to/ca.pem (its "
            "only option, for a certificate that the system does not trust by itself)."
        )
    return url


def amqp_exchange() -> str:
    name = env_str("AMQP_EXCHANGE", "leaderboard")
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,127}", name):
        raise ImproperlyConfigured(
            f"AMQP_EXCHANGE={name!r} is not the name of a topic exchange: 1 to 127 of the "
            "characters A-Z, a-z, 0-9, _, -, . and :"
        )
    return name


def amqp_routes() -> list[routing.Route]:
    routes = []
    for entry in env_str("AMQP_ROUTES", "").split():
        try:
            routes.append(routing.parse(entry))
        except ValueError as error:
            raise ImproperlyConfigured(
                f"AMQP_ROUTES has the entry {entry!r}, of which {error}: write routes like "
                "invoice.*=/events/invoices/ or match.{board}.goal=/boards/{board}/, separated by "
                "spaces."
            ) from error
    return routes


def token_keys() -> list[tuple[str, str | bytes]]:
    """(algorithm, key) for each entry in TOKEN_KEYS."""
    keys: list[tuple[str, str | bytes]] = []
    for number, entry in enumerate(env_str("TOKEN_KEYS", "").split(), start=1):
        algorithm, _, value = entry.partition(":")
        try:
            keys.append((algorithm, TOKEN_ALGORITHMS[algorithm](value)))
        except (KeyError, ValueError, OSError) as error:
            # Without the value, which may be a secret.
            raise ImproperlyConfigured(
                f"TOKEN_KEYS has no usable key in entry {number} ({error}): write entries like "
                "HS256:<base64 of at least 32 bytes>, ES256:/path/to/public.pem or "
                "EdDSA:/path/to/public.pem, separated by spaces."
            ) from error
    return keys


def cors_origins() -> list[str]:
    origins = env_str("CORS_ALLOWED_ORIGINS", "").split()
    for origin in origins:
        if origin != "*" and not re.fullmatch(r"https?://[^/?#\s]+", origin):
            raise ImproperlyConfigured(
                f"CORS_ALLOWED_ORIGINS has the entry {origin!r}, which is no origin: write * for "
                "any, or origins like https://game.example, separated by spaces."
            )
    return origins


def _secret(text: str) -> bytes:
    secret = base64.b64decode(text, validate=True)
    if len(secret) < 32:
        raise ValueError("shorter than 32 bytes")
    return secret


def _es256_key(path: str) -> str:
    key = load_pem_public_key(Path(path).read_bytes())
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise ValueError(f"{path} is a key for another algorithm")
    return Path(path).read_text()


def _eddsa_key(path: str) -> str:
    key = load_pem_public_key(Path(path).read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError(f"{path} is a key for another algorithm")
    return Path(path).read_text()


TOKEN_ALGORITHMS: dict[str, Callable[[str], str | bytes]] = {
    "HS256": _secret,
    "ES256": _es256_key,
    "EdDSA": _eddsa_key,
}


DEBUG = env_bool("DEBUG", False)
SECRET_KEY = env_str("SECRET_KEY")
# Any name that reaches us is as good as another: the list of boards shows it, in an example of a
# request, to whoever used it; no other answer is built from the Host header.
ALLOWED_HOSTS = ["*"]

DATABASE_URL = store_url("DATABASE_URL", "sqlite:///leaderboard.sqlite3")
GRIP_PROXIES = grip_proxies()
PUBLISH_INTERVAL = env_seconds("PUBLISH_INTERVAL", 0.1, at_most=60)
TOKEN_KEYS = token_keys()
ALLOW_ANONYMOUS_WRITES = env_bool("ALLOW_ANONYMOUS_WRITES", False)
WRITE_RATE = write_rate()
AMQP_URL = amqp_url()
AMQP_EXCHANGE = amqp_exchange()
AMQP_ROUTES = amqp_routes()
LIMITS_FILE = BASE_DIR / ".run" / "limits"

CORS_ALLOWED_ORIGINS = cors_origins()
CORS_ALLOW_ALL_ORIGINS = "*" in CORS_ALLOWED_ORIGINS
if CORS_ALLOW_ALL_ORIGINS:
    CORS_ALLOWED_ORIGINS = []
CORS_ALLOW_HEADERS = [
    "authorization",
    "content-type",
    "idempotency-key",
    "if-none-match",
    "last-event-id",
    "prefer",
]
CORS_EXPOSE_HEADERS = ["etag", "location", "preference-applied", "retry-after"]

INSTALLED_APPS = [
    "leaderboardapp",
    "corsheaders",
    "drf_spectacular_sidecar",  # Swagger UI's files
    "leaderboardapp.staticfiles.StaticFilesConfig",
]
DATABASES = {}
if not DATABASE_URL.startswith("rethinkdb:"):
    INSTALLED_APPS.append("leaderboardapp.stores.sql")
    DATABASES["default"] = database("DATABASE_URL", DATABASE_URL)
if DATABASE_URL.startswith("postgres"):
    # The listener's one connection, where DATABASE_URL leads to a pool that cannot listen.
    feed_url = store_url("DATABASE_FEED_URL", DATABASE_URL, ("postgresql", "postgres"))
    DATABASES["feed"] = database("DATABASE_FEED_URL", feed_url)
    DATABASES["feed"]["OPTIONS"].setdefault("application_name", "leaderboard feed")

MIDDLEWARE = [
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.common.CommonMiddleware",  # for Content-Length
    "leaderboardapp.pages.ProblemPageMiddleware",
    "leaderboardapp.problems.ProblemMiddleware",
    "leaderboardapp.holds.GripMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / ".run" / "static"
STORAGES = {
    # Names with a hash of the content, so that browsers may keep them for good.
    "staticfiles": {"BACKEND": "leaderboardapp.pages.StaticStorage"},
}
ROOT_URLCONF = "leaderboard_project.urls"
WSGI_APPLICATION = "leaderboard_project.wsgi.application"
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # Client mistakes are answered, not logged; server errors are.
        "django.request": {"level": "ERROR"},
        # All it has to say is that a lost connection could not be closed politely.
        "rethinkdb.logger": {"level": "CRITICAL"},
        # It tells of each step of a failure that is logged as one.
        "pika": {"level": "CRITICAL"},
    },
}
