"""Settings, all of them from the environment (and `.env`, which the environment overrules).

This is the only module that reads the environment, by the parsers in `env`. `.env.example` lists
every variable.
"""

from typing import Any

from django.utils.translation import to_language
from dotenv import load_dotenv

from leaderboard_project import env, ssh_values

BASE_DIR = env.BASE_DIR

load_dotenv(BASE_DIR / ".env")

DEBUG = env.read_switch("DEBUG", False)
SECRET_KEY = env.read_text("SECRET_KEY")
# Any name that reaches us is as good as another, and none is validated. Pages show it to whoever
# used it, in tags that link to the page itself and to its picture.
# No other answer is built from the Host header, nor from X-Forwarded-Proto.
ALLOWED_HOSTS = ["*"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

DATABASE_URL = env.read_store_url("DATABASE_URL", "sqlite:///leaderboard.sqlite3")
GRIP_PROXIES = env.read_proxies("GRIP_URL")
# Where a local run listens. Procfile.dev and script/pushpin have them from the environment.
LOCAL_HTTP_PORT = env.read_port("LOCAL_HTTP_PORT", 7999)
LOCAL_PUSHPIN_PORT = env.read_port("LOCAL_PUSHPIN_PORT", 7997)
LOCAL_WEBSOCKETS_PORT = env.read_port("LOCAL_WEBSOCKETS_PORT", 7998)
LOCAL_WEB_PORT = env.read_port("LOCAL_WEB_PORT", 5000)
PUBLISH_INTERVAL = env.read_seconds("PUBLISH_INTERVAL", 0.1, at_most=60)
LISTENER_PARTS = env.read_parts("LISTENER_PARTS", 16)
TOKEN_KEYS = env.read_token_keys("TOKEN_KEYS")
ALLOW_ANONYMOUS_WRITES = env.read_switch("ALLOW_ANONYMOUS_WRITES", False)
WRITE_RATE = env.read_rate("WRITE_RATE")
TRUSTED_PROXIES = env.read_networks("TRUSTED_PROXIES")
# A hoster's add-on sets CLOUDAMQP_URL.
AMQP_URL = env.read_broker_url("AMQP_URL") or env.read_broker_url("CLOUDAMQP_URL")
AMQP_EXCHANGE = env.read_exchange("AMQP_EXCHANGE", "leaderboard")
AMQP_ROUTES = env.read_routes("AMQP_ROUTES")
# The tunnel of script/tunnel. Nothing else uses them.
SSH_TUNNEL_TARGET = env.read_parsed("SSH_TUNNEL_TARGET", ssh_values.parse_target)
SSH_TUNNEL_KEY = env.read_parsed("SSH_TUNNEL_KEY", ssh_values.parse_private_key)
SSH_TUNNEL_HOST_KEY = env.read_parsed("SSH_TUNNEL_HOST_KEY", ssh_values.parse_host_keys)
SSH_TUNNEL_FORWARDS = env.read_parsed("SSH_TUNNEL_FORWARDS", ssh_values.parse_forwards)
LIMITS_FILE = BASE_DIR / ".run" / "limits"
METRICS_WEB = env.read_address("METRICS_WEB")
METRICS_LISTENER = env.read_address("METRICS_LISTENER")
METRICS_AMQP = env.read_address("METRICS_AMQP")
# script/pushpin has these two from the environment.
METRICS_PUSHPIN = env.read_addresses("METRICS_PUSHPIN")
PUSHPIN_RUN_DIR = BASE_DIR / env.read_text("PUSHPIN_RUN_DIR", ".run")
METRICS_FOLDER = BASE_DIR / ".run" / "metrics"
REQUEST_LOG = env.read_choice("REQUEST_LOG", "text", "json")

CORS_ALLOWED_ORIGINS = env.read_origins("CORS_ALLOWED_ORIGINS")
CORS_ALLOW_ALL_ORIGINS = "*" in CORS_ALLOWED_ORIGINS
if CORS_ALLOW_ALL_ORIGINS:
    CORS_ALLOWED_ORIGINS = []
CORS_ALLOW_HEADERS = [
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "prefer",
]
CORS_EXPOSE_HEADERS = ["etag", "location", "preference-applied", "retry-after"]

INSTALLED_APPS = [
    "leaderboardapp",
    "corsheaders",
    "drf_spectacular_sidecar",  # Swagger UI's files
    "leaderboardapp.pages.staticfiles.StaticFilesConfig",
]
DATABASES: dict[str, dict[str, Any]] = {}
if not DATABASE_URL.startswith("rethinkdb:"):
    INSTALLED_APPS.append("leaderboardapp.stores.sql")
    DATABASES["default"] = env.build_database("DATABASE_URL", DATABASE_URL)
if DATABASE_URL.startswith("postgres"):
    # The listener's one connection, where DATABASE_URL leads to a pool that cannot listen.
    feed_url = env.read_store_url("DATABASE_FEED_URL", DATABASE_URL, ("postgresql", "postgres"))
    DATABASES["feed"] = env.build_database("DATABASE_FEED_URL", feed_url)
    DATABASES["feed"]["OPTIONS"].setdefault("application_name", "leaderboard feed")

# A page may have a token in its address. Nobody is told more of that than the origin: neither other
# sites, nor a log of our own requests.
SECURE_REFERRER_POLICY = "strict-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = None  # pages of other sites may open ours
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "leaderboardapp.web.caching.CacheControlMiddleware",
    "leaderboardapp.web.content_length.ContentLengthMiddleware",
    "leaderboardapp.pages.staticfiles.StaticFilesMiddleware",
    "leaderboardapp.web.security_headers.SecurityHeadersMiddleware",
    "leaderboardapp.web.cross_site.CrossOriginMiddleware",
    "leaderboardapp.pages.problem_pages.ProblemPageMiddleware",
    "leaderboardapp.web.problems.ProblemMiddleware",
    "leaderboardapp.web.proxy.GripMiddleware",
]
# Outermost, and not there at all if nobody wants them.
if METRICS_WEB:
    MIDDLEWARE.insert(0, "leaderboardapp.web.measuring.MetricsMiddleware")
if REQUEST_LOG:
    MIDDLEWARE.insert(0, "leaderboardapp.web.request_log.RequestLogMiddleware")
# What does not apply, of `manage.py check --deploy`:
SILENCED_SYSTEM_CHECKS = [
    "security.W002",  # X-Frame-Options: frame-ancestors says it, and ?embed is for all sites
    "security.W003",  # CSRF: there are no cookies; web/cross_site.py refuses other sites' writes
    "security.W004",  # HSTS: the front has the certificate, and says for how long there will be one
    "security.W008",  # a redirect to TLS: the front's, for the same reason
    "security.W018",  # DEBUG: leaderboard.W001 says the same, with the way out
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"libraries": {"numbers": "leaderboardapp.pages.numbers"}},
    }
]
STATIC_URL = "/static/"
# The JavaScript client, beside the pages' own scripts, which import it.
STATICFILES_DIRS = [("leaderboardapp", BASE_DIR / "clients" / "js" / "dist")]
STATIC_ROOT = BASE_DIR / ".run" / "static"
STORAGES = {
    # Names with a hash of the content, so that browsers may keep them for good.
    "staticfiles": {"BACKEND": "leaderboardapp.pages.staticfiles.StaticStorage"},
}
ROOT_URLCONF = "leaderboard_project.urls"
WSGI_APPLICATION = "leaderboard_project.wsgi.application"
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TIME_ZONE = "UTC"
USE_TZ = True
# English, and each language that has a folder: docs/adr/0054.
LANGUAGE_CODE = "en"
CATALOGUES = sorted((BASE_DIR / "leaderboardapp" / "locale").glob("*/LC_MESSAGES/django.po"))
CODES = ["en", *(to_language(path.parts[-3]) for path in CATALOGUES)]
LANGUAGES = [(code, code) for code in CODES]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "leaderboardapp.domain.log_lines.make_formatter",
            "as_json": REQUEST_LOG == "json",
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # Client mistakes are answered, not logged; server errors are.
        "django.request": {"level": "ERROR"},
        # All it has to say is that a lost connection could not be closed politely.
        "rethinkdb.logger": {"level": "CRITICAL"},
        # It tells of each step of a failure that is logged as one.
        "pika": {"level": "CRITICAL"},
        # It tells of each thread that it ends.
        "pyvips": {"level": "WARNING"},
    },
}
