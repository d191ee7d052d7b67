"""The compose files: of the specification's form, closed to strangers, and with settings that are
accepted. Nothing here starts a container."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from dotenv import dotenv_values

from tests.support.programs import PROJECT, program_environment

FILES = ("compose.yaml", "deploy/compose.three-nodes.yaml")
SCHEMA = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
VARIABLE = re.compile(r"\$\{(\w+)(?::[-?]([^}]*))?\}")
needs_each_file = pytest.mark.parametrize("file", FILES)


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What somebody has in .env who does what docs/containers.md says."""
    page = (PROJECT / "docs/containers.md").read_text()
    [script] = re.findall(r"^```sh\n(.*?)^```", page, re.M | re.S)
    folder = tmp_path_factory.mktemp("project")
    subprocess.run(["sh", "-ec", script], cwd=folder, check=True)
    assert (folder / ".env").stat().st_mode & 0o077 == 0
    return {name: value or "" for name, value in dotenv_values(folder / ".env").items()}


def fill_in(text: str, env: dict[str, str]) -> str:
    """Return the text with variables replaced by their values, or defaults."""
    return VARIABLE.sub(lambda variable: env.get(variable[1]) or variable[2], text)


def read(file: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((PROJECT / file).read_text())
    return content


SERVICES: dict[str, dict[str, Any]] = read(FILES[0])["services"]
OURS = {name for name, service in SERVICES.items() if service.get("image") == "leaderboard"}


@needs_each_file
def test_it_has_the_form_of_the_specification(file: str) -> None:
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text()))
    assert [str(error) for error in validator.iter_errors(read(file))] == []


@needs_each_file
def test_every_variable_stands_in_the_example(file: str) -> None:
    named = {name for name, _ in VARIABLE.findall((PROJECT / file).read_text())}
    assert named
    assert named <= set(re.findall(r"^(\w+)=", (PROJECT / ".env.example").read_text(), re.M))


@needs_each_file
def test_every_service_that_is_waited_for_and_every_volume_is_there(file: str) -> None:
    services = {**SERVICES, **read(file)["services"]}
    volumes = read(file)["volumes"]
    for service in read(file)["services"].values():
        assert set(service.get("depends_on", ())) <= services.keys()
        named = [volume.split(":")[0] for volume in service.get("volumes", ())]
        assert {name for name in named if not name.startswith(".")} <= set(volumes)
        for name in named:
            assert not name.startswith(".") or (PROJECT / name).exists()


@needs_each_file
def test_only_the_network_of_the_front_is_reached_from_outside(file: str) -> None:
    services = read(file)["services"]
    assert {name for name, service in services.items() if "ports" in service} <= {"pod"}
    assert SERVICES["front"]["network_mode"] == "service:pod"
    assert SERVICES["pod"]["ports"] == ["80:80", "443:443"]
    addresses = re.findall(r"--port=(\S+):\d+", str(services)) + ["127.0.0.1"]
    assert set(addresses) == {"127.0.0.1"}


def test_every_service_is_started_again_and_its_health_is_known_or_not_asked_for() -> None:
    for name, service in SERVICES.items():
        assert service["restart"] == ("no" if name == "release" else "unless-stopped"), name
        assert "healthcheck" in service or name in ("pod", "web"), name  # the image's is web's


def test_processes_are_those_of_the_procfile() -> None:
    procfile = dict(re.findall(r"^(\w+): (.+)$", (PROJECT / "Procfile").read_text(), re.M))
    assert {name: SERVICES[name]["command"] for name in procfile} == procfile
    assert SERVICES["tunnel"]["command"] == "script/tunnel"
    assert {*procfile, "pushpin", "websockets", "tunnel"} == OURS


def test_nobody_writes_without_a_token_whatever_env_says() -> None:
    for name in OURS:
        assert SERVICES[name]["environment"]["ALLOW_ANONYMOUS_WRITES"] == "0"
        assert SERVICES[name]["environment"]["DEBUG"] == "0"


@needs_each_file
@pytest.mark.processes
def test_a_deployment_with_its_settings_has_nothing_to_mend(file: str, env: dict[str, str]) -> None:
    settings = {**SERVICES["web"]["environment"], **read(file)["services"]["web"]["environment"]}
    filled = {name: fill_in(value, env) for name, value in settings.items()}
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=PROJECT,
        env=program_environment({**env, **filled}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.processes
@pytest.mark.skipif(not shutil.which("rethinkdb"), reason="rethinkdb is not on PATH")
def test_rethinkdb_knows_its_options(tmp_path: Path, env: dict[str, str]) -> None:
    node = read(FILES[1])["services"]["rethinkdb-2"]
    command = [word.replace("$$", "$") for word in node["command"]]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "RETHINKDB_PASSWORD": env["RETHINKDB_PASSWORD"]},
        capture_output=True,
        text=True,
        timeout=60,
    )
    # Where no server is called rethinkdb, it ends once it has understood what it is told.
    assert "getaddrinfo() failed for hostname 'rethinkdb'" in done.stderr
    first = SERVICES["rethinkdb"]["command"]
    assert [word.replace(" --join rethinkdb:29015", "") for word in node["command"]] == first


@needs_each_file
def test_no_password_is_among_the_options_of_a_program(file: str) -> None:
    services = read(file)["services"].values()
    assert not VARIABLE.findall(str([service.get("command") for service in services]))
