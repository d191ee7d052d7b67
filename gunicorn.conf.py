"""gunicorn's settings, wherever it runs.

gunicorn itself reads WEB_CONCURRENCY (the number of processes) from the environment, where
platforms with a Procfile set it and PORT.
"""

import logging
import os
import sys
from typing import Any

from gunicorn import glogging, util
from gunicorn.workers.base import Worker

# By itself gunicorn takes PORT for a port of all addresses, where requests come past the proxy.
host, port = os.environ.get("WEB_HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"
if not port.isdecimal() or not 0 < int(port) <= 65_535:
    sys.exit(f"PORT={port!r} is no port: set it to a number from 1 to 65535.")
if ":" in host and not (host.startswith("[") and host.endswith("]")):
    sys.exit(f"WEB_HOST={host!r} is no address: PORT has the port, and IPv6 is written like [::].")
bind = f"{host}:{port}"
# gunicorn itself would listen and never answer.
if (processes := int(os.environ.get("WEB_CONCURRENCY", "1"))) < 1:
    sys.exit(f"WEB_CONCURRENCY='{processes}' starts no web process: set it to a number from 1.")

# The proxy hands a client's headers on, so none may move the path, or fail for being at odds with
# another one. By default, SCRIPT_NAME and three headers with the scheme are believed from here.
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}

worker_class = "leaderboard_project.threaded_worker.ThreadedWorker"
threads = 16  # many of them wait for the same coalesced read or write (docs/adr/0015)
# This worker keeps no connection alive. Who takes gunicorn's own one needs to say so: with them
# gthread of gunicorn 27.0 left 3 of 5,000 requests through Pushpin unanswered (a 502 after 60 s).
keepalive = 0
limit_request_field_size = 16_384  # bytes of one header: a token with hundreds of boards
graceful_timeout = 30
timeout = 60
# All projects of a user share the socket's path, and nothing of this service uses the socket.
control_socket_disable = True


# Without query and referrer, which may have tokens. It is off until --access-logfile names a file.
access_log_format = '%(h)s %(t)s "%(m)s %(U)s" %(s)s %(b)s %(M)s ms'


class Logger(glogging.Logger):  # type: ignore[misc]  # it has no types
    """Masks tokens: gunicorn quotes requests that it cannot read."""

    def setup(self, cfg: Any) -> None:
        """Set up the handlers, as the configuration says."""
        from leaderboardapp.domain.masking import mask_handlers

        super().setup(cfg)
        # The root's handlers, too: with --log-config they write what the others hand on.
        mask_handlers(self.error_log, self.access_log, logging.getLogger())


logger_class = Logger


def post_worker_init(worker: Worker) -> None:
    """Have this worker answer problems where gunicorn itself refuses a request, and say that it is
    ready, some seconds after it has said that it begins.

    Imported here, because what the first process imports, SIGHUP does not renew."""
    from leaderboardapp.web.bad_requests import write_problem

    util.write_error = write_problem
    # What benchmarks serve has no settings of the service.
    if worker.app.app_uri.startswith("leaderboard_project."):
        from leaderboardapp.exporter import export_together
        from leaderboardapp.stores import get_store

        export_together("METRICS_WEB")
        get_store()  # with metrics, if there are any; no request waits for it to be made
        if worker.age == 1:  # it speaks for all
            warn()
    worker.log.info("Worker %d takes requests", worker.pid)


def warn() -> None:
    """Log what is missing, and what is better not so."""
    from leaderboardapp.pages.picture import warn_of_missing_library
    from leaderboardapp.web.auth import warn_of_anonymous_writes

    warn_of_anonymous_writes()
    warn_of_missing_library()
