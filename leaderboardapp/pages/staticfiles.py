"""Static files: which are collected, under which names, and how they are served."""

from http import HTTPStatus
from typing import Any

from django.contrib.staticfiles import apps
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

from leaderboardapp.web.problem_kinds import ProblemKind
from leaderboardapp.web.problems import SAFE_METHODS, Problem, untyped_problem


class StaticFilesConfig(apps.StaticFilesConfig):
    """Collect all static files, but for those of Swagger UI's package and of the JavaScript client
    that no page loads."""

    ignore_patterns = [
        *apps.StaticFilesConfig.ignore_patterns,
        "*.d.ts",
        "redoc",
        "*.map",
        "oauth2-redirect.*",
        "favicon-*.png",
        "*-standalone-preset.js",
    ]


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # no types
    """Put hashed names in the `import` lines of our ES modules, too. A library's files are stored
    as they are: to search Swagger UI's 1.6 MB of JavaScript for such lines would take seconds."""

    support_js_module_import_aggregation = True
    _patterns: dict[str, Any]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._patterns = {f"leaderboardapp/{name}": each for name, each in self._patterns.items()}


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # no types
    """Serve static files; what cannot be done with one is answered with a problem document."""

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponseBase:
        """Return the file, or that the browser has it, or a problem."""
        if request.method not in SAFE_METHODS:
            allow = ", ".join(SAFE_METHODS)
            detail, headers = f"Accepted here: {allow}.", {"Allow": allow}
            return Problem(ProblemKind.METHOD_NOT_ALLOWED, detail, headers).response()
        response: HttpResponseBase = WhiteNoiseMiddleware.serve(static_file, request)
        if response.status_code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return response
        size = response["Content-Range"]
        detail = f"The file has no such range ({size})."
        problem = untyped_problem(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, detail)
        problem["Content-Range"] = size
        return problem
