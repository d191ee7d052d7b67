"""What the doctor says of a listener that gives no sign of life in the store."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.test import override_settings

from leaderboardapp.doctor import listener as doctor
from leaderboardapp.doctor.findings import Finding
from leaderboardapp.domain.addresses import Address
from leaderboardapp.listener.division import Division, Heartbeat, Part


class Metrics(BaseHTTPRequestHandler):
    """A listener's metrics."""

    age = 0.0  # of its lease

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        text = (
            f"# TYPE leaderboard_lease_age_seconds gauge\nleaderboard_lease_age_seconds {self.age}"
        )
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(params=[{}, {"gone": Heartbeat(7, 9)}], ids=["an empty store", "an old one"])
def division(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store in which no heartbeat goes on."""
    division = Division(request.param, [Part("", 0)])
    monkeypatch.setattr(doctor, "read_division", lambda: division)
    monkeypatch.setattr(doctor, "TAKEOVER_SECONDS", 0.1)


@pytest.fixture
def metrics() -> Iterator[Address]:
    """The address of METRICS_LISTENER."""
    with HTTPServer(("127.0.0.1", 0), Metrics) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Address("127.0.0.1", server.server_port)
        server.shutdown()
        thread.join()


def examine(metrics: Address | None) -> Finding:
    with override_settings(METRICS_LISTENER=metrics):
        [finding] = doctor.examine_listener()
    return finding


def test_one_whose_own_lease_is_fresh_has_another_store(division: None, metrics: Address) -> None:
    finding = examine(metrics)
    assert f"METRICS_LISTENER={metrics}" in finding.text and "another store" in finding.text
    assert "DATABASE_URL" in finding.remedy


def test_one_whose_own_lease_is_old_has_this_store(
    division: None, metrics: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Metrics, "age", 23.0)
    assert "another store" not in examine(metrics).text


def test_without_metrics_nobody_is_asked(division: None) -> None:
    assert "dblistener.py" in examine(None).remedy
