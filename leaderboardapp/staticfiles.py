"""Which static files are collected."""

from django.contrib.staticfiles import apps


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
