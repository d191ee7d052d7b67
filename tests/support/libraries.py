"""Imports the libraries of our programs as soon as it is imported itself, and nothing of ours.

It is imported by the process that programs of the tests are copies of: see forks.py."""

import gc
import importlib
import os
import subprocess
import sys
from contextlib import suppress

from django.core.exceptions import ImproperlyConfigured

from tests.support.forks import PROJECT

OURS = ("__main__", "leaderboard_project", "leaderboardapp")
LIST = """
import sys
import django
django.setup()
import django.db.backends.postgresql.base, django.db.backends.sqlite3.base, gunicorn.app.wsgiapp
import leaderboard_project.threaded_worker, leaderboard_project.wsgi
import leaderboardapp.doctor, leaderboardapp.listener.worker, leaderboardapp.rabbitmq.worker
print(*sys.modules)
"""


def list_libraries() -> list[str]:
    """Return the names of the libraries' modules, in the order in which they were imported.

    A process of its own finds them: what is ours reads the settings when it is imported, which
    each program has to do by itself."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "leaderboard_project.settings"}
    command = [sys.executable, "-c", LIST]
    names = subprocess.check_output(command, cwd=PROJECT, env=env, text=True)
    return [name for name in names.split() if name.partition(".")[0] not in OURS]


libraries = list_libraries()
os.environ.pop("DJANGO_SETTINGS_MODULE", None)  # nothing may read settings here
for library in libraries:
    # Names that are no modules of their own, and modules that read the settings.
    with suppress(ImportError, ImproperlyConfigured):
        importlib.import_module(library)
gc.freeze()  # so that no copy writes to the memory of what it shares
