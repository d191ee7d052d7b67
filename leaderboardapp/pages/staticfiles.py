"""Static files: which are collected, and under which names."""

from typing import Any

from django.contrib.staticfiles import apps
from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFilesConfig(apps.StaticFilesConfig):
    """Collect all static files, but for those of Swagger UI's package that no page loads."""

    ignore_patterns = [
        *apps.StaticFilesConfig.ignore_patterns,
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
