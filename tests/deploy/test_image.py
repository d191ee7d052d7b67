"""deploy/Dockerfile, whose lines tests/fresh/image.py runs, and what hosters of a Procfile read."""

import json
import re

from tests.support.dockerfile import read_dockerfile
from tests.support.programs import PROJECT

INSTRUCTIONS = read_dockerfile()


def test_its_processes_are_no_root_and_have_a_health_check() -> None:
    names = [name for name, _ in INSTRUCTIONS]
    assert dict(INSTRUCTIONS)["USER"] == "service"
    assert names.index("USER") > max(place for place, name in enumerate(names) if name == "RUN")
    assert "/healthz" in dict(INSTRUCTIONS)["HEALTHCHECK"]


def test_it_copies_what_there_is_and_no_secrets() -> None:
    copied = [path for name, text in INSTRUCTIONS if name == "COPY" for path in text.split()[:-1]]
    assert all((PROJECT / path).exists() for path in copied)
    ignored = (PROJECT / ".dockerignore").read_text().splitlines()
    assert {".env", ".git", ".run", ".venv", "*.sqlite3*"} <= set(ignored)


def test_it_runs_the_web_processes_of_the_procfile() -> None:
    procfile = dict(re.findall(r"^(\w+): (.+)$", (PROJECT / "Procfile").read_text(), re.M))
    assert " ".join(json.loads(dict(INSTRUCTIONS)["CMD"])) == procfile["web"]


def test_platforms_are_given_variables_and_processes_that_there_are() -> None:
    app = json.loads((PROJECT / "app.json").read_text())
    procfile = set(re.findall(r"^(\w+):", (PROJECT / "Procfile").read_text(), re.M))
    assert app["formation"].keys() == procfile - {"release"}
    described = (PROJECT / "docs/configuration.md").read_text()
    assert all(f"| `{name}` |" in described for name in app["env"])
    assert app["env"]["WEB_HOST"]["value"] == "0.0.0.0"


def test_the_version_of_python_is_that_of_the_image() -> None:
    # Debian 13 has 3.13.
    assert dict(INSTRUCTIONS)["FROM"] == "debian:trixie-slim"
    assert (PROJECT / ".python-version").read_text() == "3.13\n"
