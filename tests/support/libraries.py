"""Imports the libraries of our programs as soon as it is imported itself, and nothing of ours.

It is imported by the process that programs of the tests are copies of: see forks.py."""

import gc
import importlib
import os
import sys
from contextlib import suppress

import django
from django.core.exceptions import ImproperlyConfigured

OURS = ("__main__", "leaderboard_project", "leaderboardapp", "tests")
PROGRAMS = (
    "django.db.backends.postgresql.base",
    "django.db.backends.sqlite3.base",
    "gunicorn.app.wsgiapp",
    "leaderboard_project.threaded_worker",
    "leaderboard_project.wsgi",
    "leaderboardapp.doctor",
    "leaderboardapp.listener.worker",
    "leaderboardapp.rabbitmq.worker",
)


def import_programs() -> None:
    """Import what our programs import."""
    django.setup()
    for name in PROGRAMS:
        importlib.import_module(name)


def list_libraries() -> list[str]:
    """Return the names of the libraries' modules, in the order in which they were imported.

    A process of its own finds them: what is ours reads the settings when it is imported, which
    each program has to do by itself."""
    reader, writer = os.pipe()
    if child := os.fork():
        os.close(writer)
        with open(reader) as file:
            names = file.read().split()
        os.waitpid(child, 0)
        return [name for name in names if name.partition(".")[0] not in OURS]
    try:
        import_programs()
        with open(writer, "w") as file:
            file.write(" ".join(sys.modules))
    finally:
        os._exit(0)


libraries = list_libraries()
del os.environ["DJANGO_SETTINGS_MODULE"]  # nothing may read settings: programs have their own
for library in libraries:
    # Names that are no modules of their own, and modules that read the settings.
    with suppress(ImportError, ImproperlyConfigured):
        importlib.import_module(library)
gc.freeze()  # so that no copy writes to the memory of what it shares
