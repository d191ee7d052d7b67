"""Metrics: those that a program shows, and those of this process."""

import functools
import re
from collections.abc import Iterator
from http.client import HTTPConnection

import prometheus_client
import pytest
from prometheus_client.parser import text_string_to_metric_families

from leaderboardapp.metrics import Metric


def turn_on(monkeypatch: pytest.MonkeyPatch, *which: Metric) -> None:
    """Have these metrics of this process count until the end of the test."""
    for kind in ("Counter", "Histogram", "Gauge"):
        unregistered = functools.partial(getattr(prometheus_client, kind), registry=None)
        monkeypatch.setattr(prometheus_client, kind, unregistered)
    for metric in which:
        monkeypatch.setattr(metric, "child", None)
        metric.begin()


def count_of(metric: Metric, *values: str) -> float:
    """Return the number of a counter or gauge that is on, or how many times a histogram has."""
    assert metric.child
    samples = {sample.name: sample.value for sample in metric.child(*values)._child_samples()}
    return float(samples[next(name for name in ("_total", "_count", "") if name in samples)])


class Scrape:
    """The samples that a program shows at a moment."""

    def __init__(self, port: int) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        assert response.status == 200
        self.text = response.read().decode()
        families = text_string_to_metric_families(self.text)
        self.samples = [sample for family in families for sample in family.samples]
        connection.close()

    def names(self) -> set[str]:
        """Return the names that a query may have. The client library's parser changes some."""
        return set(re.findall(r"^[a-z_]+", self.text, re.MULTILINE))

    def values(self, name: str, **labels: str) -> Iterator[float]:
        """Yield the values of the samples that have these labels."""
        for sample in self.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                yield sample.value

    def sum(self, name: str, **labels: str) -> float:
        """Return the sum of the samples that have these labels."""
        return sum(self.values(name, **labels))
