"""Prepare the store and the static files, in one process: a start takes longer than either of them.

usage: python -m local_run.prepare
"""

import os

from django.core.management import execute_from_command_line

COMMANDS = (["ensure_store"], ["collectstatic", "--noinput", "--verbosity", "0"])


def main() -> None:
    """Run the commands. Exits with the status of the first one that fails."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leaderboard_project.settings")
    for command in COMMANDS:
        execute_from_command_line(["manage.py", *command])


if __name__ == "__main__":
    main()
