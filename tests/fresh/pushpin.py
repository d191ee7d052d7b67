"""Run tests with the Pushpin of another system: 1.41, of Debian unstable, on Debian 13.

usage: python -m tests.fresh.pushpin [option of pytest ...]

Run it as root; it needs debootstrap. The system is made once, in /var/tmp/fresh, which takes some
five minutes. Its Pushpin has the network and the folder for temporary files of this one. Without
options the tests of faults, streams and WebSockets run. No test that script/test runs does this.
"""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fresh.machine import Machine
from tests.support.programs import PROJECT

FOLDER = Path("/var/tmp/fresh")
TESTS = ["-n0", "tests/faults", "tests/e2e/test_streams.py", "tests/e2e/test_websockets.py"]
# Takes the place of pushpin. It stays one process, which ends when it is told to.
WRAPPER = """#!/bin/sh
exec unshare --mount --propagation=private sh -ec '
mount -t proc proc {root}/proc
mount --rbind /dev {root}/dev
mount --rbind {temporary} {root}{temporary}
exec chroot {root} sh -ec "cd \\"\\$0\\" 2>&- || cd /; exec pushpin \\"\\$@\\"" "$0" "$@"
' "$PWD" "$@"
"""


def make_system(root: Path) -> None:
    """Make a Debian 13, and have script/bootstrap install Pushpin there."""
    system = Machine(root)
    system.make("trixie")
    system.put_project(PROJECT, "root")
    system.run("cd leaderboard && CI=true script/bootstrap", user="root")


def wrap(root: Path, folder: Path) -> None:
    """Put programs in the folder that run those of the system at `root`."""
    folder.mkdir(exist_ok=True)
    temporary = os.environ.get("TMPDIR", "/tmp")
    text = WRAPPER.format(root=shlex.quote(str(root)), temporary=shlex.quote(temporary))
    # The second one tells script/pushpin that this Pushpin needs no zurl.
    for name in ("pushpin", "pushpin-connmgr"):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def main() -> None:
    """Run the tests. Exits with pytest's status."""
    root, programs = FOLDER / "pushpin-1.41", FOLDER / "bin-1.41"
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not root.exists():
        make_system(root)
    wrap(root, programs)
    env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run(["pushpin", "--version"], env=env, check=True)
    with tempfile.TemporaryDirectory() as folder:  # a short path, as this Pushpin's sockets need
        command = [sys.executable, "-m", "pytest", f"--basetemp={folder}/t"]
        status = subprocess.run([*command, *(sys.argv[1:] or TESTS)], env=env).returncode
    sys.exit(status)


if __name__ == "__main__":
    main()
