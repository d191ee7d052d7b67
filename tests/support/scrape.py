"""What Prometheus is shown."""

import re
from collections.abc import Iterator
from http.client import HTTPConnection

from prometheus_client.parser import text_string_to_metric_families


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
