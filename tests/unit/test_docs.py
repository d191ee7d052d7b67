"""What the documentation has people run is there."""

import re

import yaml

from tests.support.programs import PROJECT


def test_the_compose_file_runs_programs_and_sets_variables_that_there_are() -> None:
    text = (PROJECT / "docs" / "rabbitmq.md").read_text()
    found = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert found
    services = yaml.safe_load(found[1])["services"]
    ours = {name: service for name, service in services.items() if "build" in service}
    assert set(ours) == {"pushpin", "websockets", "web", "listener", "amqp"}
    for volume in services["caddy"]["volumes"]:
        assert (PROJECT / volume.split(":")[0]).is_file()
    variables = re.findall(r"^([A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE)
    for service in ours.values():
        assert set(service["environment"]) <= set(variables)
        for program in re.findall(r"python (\S+)", service["command"]):
            assert (PROJECT / program).is_file()
