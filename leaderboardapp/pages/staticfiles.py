"""Storage of static files."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # no types
    """WhiteNoise's storage, which gives hashed names to the imports of ES modules, too.

    It finds imports by a pattern that begins with the word import or export in any case. So in a
    module no comment above the imports may have one of these words before a space.
    """

    support_js_module_import_aggregation = True
