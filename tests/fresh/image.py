"""Run what deploy/Dockerfile runs in a new Debian, and then the processes of its image.

usage: python -m tests.fresh.image [folder]

Run it as root, before a release; it needs debootstrap, and takes two minutes if the mirror is near.
The folder, by default /var/tmp/fresh-image, is removed at the end. No image is built: FROM is the
smallest Debian of that name, and COPY takes the files that git knows. No test that script/test runs
does this.
"""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.fresh.__main__ import Step
from tests.fresh.machine import Machine
from tests.support.dockerfile import read_dockerfile
from tests.support.programs import PROJECT, free_ports

FOLDER = Path("/var/tmp/fresh-image")
# All processes as the image's user, its own health check, and what the doctor says of all of it.
TRY = """
python manage.py ensure_store || exit
{command} & processes=$!
python dblistener.py & processes="$processes $!"
script/pushpin --port=127.0.0.1:$PUSHPIN & processes="$processes $!"
script/pushpin --websockets --port=127.0.0.1:$WEBSOCKETS & processes="$processes $!"
for try in $(seq 100); do {health} 2>/dev/null && break; sleep 1; done
{health} && python manage.py doctor --url http://127.0.0.1:$PUSHPIN
status=$?
kill $processes
wait
exit $status
"""


class Build:
    """The instructions of a Dockerfile, done in the Debian of a folder."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.user, self.folder, self.variables = "root", "/", dict[str, str]()

    def do(self, name: str, text: str) -> None:
        """Do one instruction. Raises ValueError if it is none that is known here."""
        if name == "FROM":
            self.machine.install(text.removeprefix("debian:").removesuffix("-slim"))
        elif name == "RUN":
            self.machine.copy_host_files()
            self.run(text)
        elif name == "COPY":
            self.copy(*text.split())
        elif name == "WORKDIR":
            self.folder = text
            (self.machine.root / text[1:]).mkdir()
        elif name == "ENV":
            variable, _, value = text.partition("=")
            self.variables[variable] = value
        elif name == "USER":
            self.user = text
        elif name not in ("HEALTHCHECK", "CMD"):
            raise ValueError(f"{name} is not known here")

    def run(self, script: str) -> None:
        """Run a shell script as the user of the image. Raises CalledProcessError if it fails."""
        settings = [f"{variable}={value}" for variable, value in self.variables.items()]
        command = ["runuser", "-u", self.user, "--", "env", *settings, "sh", "-c", script]
        self.machine.run(f"cd {self.folder} && {shlex.join(command)}", user="root")

    def copy(self, *paths: str) -> None:
        """Copy files or "." of the project to a folder, the last of the paths."""
        *sources, target = paths
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *sources]
        names = subprocess.run(listed, cwd=PROJECT, check=True, capture_output=True, text=True)
        ignored = (PROJECT / ".dockerignore").read_text().splitlines()
        for name in filter(None, names.stdout.split("\0")):
            if Path(name).parts[0] in ignored:
                continue
            copied = name if sources == ["."] else Path(name).name
            path = self.machine.root / self.folder[1:] / target / copied
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, path)


def set_variables(build: Build) -> None:
    """Give the processes settings, and ports that are free on this machine."""
    web, pushpin, websockets, control, control2 = map(str, free_ports(5))
    key = f"iss=pushpin&key=base64:{'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef' * 2}"
    build.variables |= {
        "SECRET_KEY": "abcdefghij" * 6,
        "GRIP_URL": f"tcp://localhost:{control}?{key} tcp://localhost:{control2}?{key}",
        "DATABASE_URL": "sqlite:////service/.run/board.sqlite3",
        **{"PORT": web, "LOCAL_WEB_PORT": web, "PUSHPIN": pushpin, "WEBSOCKETS": websockets},
    }


def main() -> None:
    """Do all instructions, and try the processes. Raises if anything failed."""
    machine = Machine(Path(sys.argv[1]) if sys.argv[1:] else FOLDER)
    build, instructions = Build(machine), read_dockerfile()
    try:
        for name, text in instructions:
            with Step(f"{name} {text[:70]}"):
                build.do(name, text)
        last = dict(instructions)
        health = last["HEALTHCHECK"].partition("CMD ")[2]
        command = shlex.join(json.loads(last["CMD"]))
        set_variables(build)
        with Step("the processes"):
            build.run(TRY.format(command=command, health=health))
    finally:
        shutil.rmtree(machine.root)


if __name__ == "__main__":
    main()
