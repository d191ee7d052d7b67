"""Reading deploy/Dockerfile."""

import re

from tests.support.programs import PROJECT


def read_dockerfile() -> list[tuple[str, str]]:
    """Return the name of each instruction and what follows it, in one line."""
    text = (PROJECT / "deploy/Dockerfile").read_text()
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [(name, rest) for name, rest in re.findall(r"^([A-Z]+) (.+)$", text, re.MULTILINE)]
