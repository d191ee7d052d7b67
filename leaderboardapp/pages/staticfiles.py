"""Storage of static files."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # no types
    """WhiteNoise's storage, which gives hashed names to the imports of ES modules, too."""

    support_js_module_import_aggregation = True
