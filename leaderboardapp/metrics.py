"""Metrics: what is counted and timed, for Prometheus. Off until `begin` is called.

A module defines its metrics beside the code that counts, so a process has those of the modules that
it uses. Without `begin` nothing is counted, and Prometheus's client library is not imported.
docs/monitoring.md describes each metric.
"""

import functools
from collections.abc import Callable
from typing import Any

# Bounds of what is timed, in seconds. Our targets are among them: 5 ms for a rank or a change,
# 20 ms for one change in a hundred, 0.3 s on a hot board, 2 s until all is shown. A store's call is
# given up after 2.5 s, and another listener has taken over after 5 s.
BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1.0, 2.0, 2.5, 5.0)

_metrics: list["Metric"] = []
_are_on = False


def begin() -> None:
    """Count from now on, in this process."""
    import prometheus_client

    global _are_on
    _are_on = True
    # Without them each counter would have a second number.
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
    for metric in _metrics:
        metric.begin()


def are_on() -> bool:
    """Return whether this process counts."""
    return _are_on


class Metric:
    """A metric of the service. Its methods do nothing while metrics are off."""

    kind: str  # the class of the client library
    options: dict[str, Any] = {}

    def __init__(self, name: str, text: str, *labels: str) -> None:
        """Define it: a counter's name is without `_total`, which Prometheus is shown as well."""
        self.name, self.text, self.labels = name, text, labels
        self.child: Callable[..., Any] | None = None  # that of these values of the labels
        _metrics.append(self)
        if _are_on:
            self.begin()

    def begin(self) -> None:
        """Make the client library's metric."""
        import prometheus_client

        kind = getattr(prometheus_client, self.kind)
        metric = kind(self.name, self.text, self.labels, **self.options)
        self.child = functools.cache(lambda *values: metric.labels(*values) if values else metric)


class Counter(Metric):
    """A number that only grows."""

    kind = "Counter"

    def count(self, *values: str, by: float = 1) -> None:
        """Add to the number that has these values of the labels. `by=0` has it shown as 0."""
        if self.child:
            self.child(*values).inc(by)


class Histogram(Metric):
    """Times, each counted in one of BUCKETS."""

    kind = "Histogram"
    options = {"buckets": BUCKETS}

    def observe(self, seconds: float, *values: str) -> None:
        """Add a time to those that have these values of the labels."""
        if self.child:
            self.child(*values).observe(seconds)


class Gauge(Metric):
    """A number that is read when Prometheus asks. Not for web processes, which are shown as one."""

    kind = "Gauge"

    def follow(self, read: Callable[[], float], *values: str) -> None:
        """Show what `read` returns, which any thread may call; NaN stands for nothing."""
        if self.child:
            self.child(*values).set_function(read)
