#!/usr/bin/env python3
"""The worker that takes a RabbitMQ broker's messages: scores to the store, notifications to the
proxies."""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leaderboard_project.settings")
    try:
        django.setup()
        from leaderboardapp.concurrency.endings import stop_on_signals
        from leaderboardapp.exporter import export
        from leaderboardapp.rabbitmq.worker import run

        export("METRICS_AMQP")
        run(stop_on_signals())
    except ImproperlyConfigured as error:
        sys.exit(f"amqplistener.py: {error}")
