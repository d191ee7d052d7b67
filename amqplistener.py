#!/usr/bin/env python3
"""The worker that takes a RabbitMQ broker's messages: scores to the store, notifications to the
proxies."""

import os
import signal
import sys
import threading

import django
from django.core.exceptions import ImproperlyConfigured

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leaderboard_project.settings")
    try:
        django.setup()
        from leaderboardapp.exporter import export
        from leaderboardapp.rabbitmq.worker import run

        export("METRICS_AMQP")
        stop = threading.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: stop.set())
        run(stop)
    except ImproperlyConfigured as error:
        sys.exit(f"amqplistener.py: {error}")
