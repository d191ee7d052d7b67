"""Static files."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # no types
    """Hashed names in the `import` lines of ES modules, too."""

    support_js_module_import_aggregation = True
