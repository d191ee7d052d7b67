#!/usr/bin/env python3
"""The listener: reads the store's feed and publishes snapshots and events to the proxies."""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leaderboard_project.settings")
    try:
        django.setup()
    except ImproperlyConfigured as error:
        sys.exit(f"dblistener.py: {error}")

    from leaderboardapp.concurrency.endings import stop_on_signals
    from leaderboardapp.exporter import export
    from leaderboardapp.listener.worker import run_listener

    export("METRICS_LISTENER")
    run_listener(stop_on_signals())
