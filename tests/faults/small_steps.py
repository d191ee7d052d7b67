"""dblistener.py, which moves players to past seasons in small pieces and takes the lease soon.

So a season of few players takes many steps to be moved, between which tests can kill programs."""

import os
import runpy

import django

PIECE = 500  # players
TAKEOVER_SECONDS = 0.5

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "leaderboard_project.settings"
    django.setup()
    from leaderboardapp.listener import lease
    from leaderboardapp.stores.rethinkdb import archives
    from leaderboardapp.stores.sql import maintenance

    lease.TAKEOVER_SECONDS = TAKEOVER_SECONDS
    archives.CARRY_OVER_ROWS = maintenance.CARRY_OVER_ROWS = PIECE
    runpy.run_path("dblistener.py", run_name="__main__")
