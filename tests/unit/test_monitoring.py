"""The files for Prometheus and Grafana, and the page that describes what is shown."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.programs import PROJECT

DEPLOY = PROJECT / "deploy"
CASES = PROJECT / "tests" / "unit" / "alerts_test.yml"
PAGE = (PROJECT / "docs" / "monitoring.md").read_text()
DEFINITION = r'\b(Counter|Histogram|Gauge)\(\s*"(leaderboard_\w+)"'
RULES = (DEPLOY / "alerts.yml").read_text()
ALERTS = re.findall(r"- alert: (\w+)", RULES)


def promtool(*arguments: str, folder: Path = DEPLOY) -> None:
    command = ["promtool", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def list_queries() -> list[str]:
    """Return the queries of the dashboard."""
    dashboard = json.loads((DEPLOY / "grafana.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


@pytest.mark.processes
def test_prometheus_accepts_its_configuration_and_the_alerts() -> None:
    promtool("check", "config", "prometheus.yml")


@pytest.mark.processes
def test_each_alert_fires_when_it_should() -> None:
    promtool("test", "rules", CASES.name, folder=CASES.parent)
    cases = CASES.read_text()
    for alert in ALERTS:
        assert f"alertname: {alert}\n" in cases
        assert re.search(rf"alertname: {alert}\n\s+exp_alerts:\n", cases), f"{alert} never fires"
        assert re.search(rf"alertname: {alert}\n\s+exp_alerts: \[\]", cases), f"{alert} always"


@pytest.mark.processes
def test_the_queries_of_the_dashboard_are_well_formed(tmp_path: Path) -> None:
    queries = [query.replace("$__rate_interval", "1m") for query in list_queries()]
    rules = [{"record": f"panel:{n}", "expr": query} for n, query in enumerate(queries)]
    document = {"groups": [{"name": "dashboard", "rules": rules}]}
    (tmp_path / "rules.yml").write_text(json.dumps(document))
    assert len(rules) > 20
    promtool("check", "rules", "rules.yml", folder=tmp_path)


def test_each_panel_has_a_place_of_its_own() -> None:
    dashboard = json.loads((DEPLOY / "grafana.json").read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [
        (x, y)
        for grid in (panel["gridPos"] for panel in panels)
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    ]
    assert len({*places}) == len(places)


def test_the_page_has_each_metric_and_no_other() -> None:
    sources = "".join(path.read_text() for path in (PROJECT / "leaderboardapp").rglob("*.py"))
    defined = {
        f"{name}_total" if kind == "Counter" else name
        for kind, name in re.findall(DEFINITION, sources)
    }
    assert len(defined) > 20
    assert defined == set(re.findall(r"^\| `(leaderboard_\w+)`", PAGE, re.MULTILINE))


def test_the_page_says_of_each_alert_what_to_do() -> None:
    assert re.findall(r"^\| `([A-Z]\w+)` \|", PAGE, re.MULTILINE) == ALERTS
