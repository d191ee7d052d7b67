"""A new Debian in a folder, made with debootstrap, in which commands run as on its own machine.

Commands have their own mounts and processes, which end with them. The network is the host's, so
that packages can be installed: use free ports.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

USER = "dev"
FOLDER = "leaderboard"  # the project's, in the user's home
# What somebody has who follows README.md: Python, and a way to become root.
PACKAGES = "ca-certificates,curl,python3,sudo"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# How the host gets to its network and its packages. What is missing is left out.
HOST_FILES = (
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/pip.conf",
    "/etc/ssl/certs/ca-certificates.crt",
)
HOST_VARIABLES = ("PIP_", "SSL_CERT_", "REQUESTS_CA_", "CURL_CA_", "http", "no_proxy", "HTTP")
# Folders of the host, which are not there.
LEFT_OUT = ("PIP_FIND_LINKS", "PIP_NO_INDEX")
MOUNTS = """
mount -t proc proc {root}/proc
mount -t sysfs -o ro sysfs {root}/sys
mount --rbind /dev {root}/dev
exec chroot {options} {root} {command}
"""


def host_mirror() -> str:
    """Return the mirror of Debian that the host's apt uses."""
    command = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)"]
    command.append("Created-By: Packages")
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return next(line.split()[2] for line in lines if line.startswith("Debian Debian "))


def host_variables() -> dict[str, str]:
    """Return those of our variables by which programs reach the network."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(HOST_VARIABLES) and name not in LEFT_OUT
    }


class Machine:
    """A Debian in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def make(self, suite: str) -> None:
        """Install the system, with a user who may use sudo."""
        self.install(suite, f"--include={PACKAGES}")
        self.run(f"useradd --create-home --shell /bin/bash {USER}", user="root")
        (self.root / "etc/sudoers.d/dev").write_text(f"{USER} ALL=(ALL) NOPASSWD: ALL\n")

    def install(self, suite: str, *options: str) -> None:
        """Install the smallest system, as in a container, and the host's way to the network."""
        mirror = host_mirror()
        options = (*options, "--variant=minbase", f"--keyring={KEYRING}")
        command = ["debootstrap", *options, suite, str(self.root), mirror]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        self.copy_host_files()
        # How the host's apt gets its packages, with what APT_CONFIG adds to that.
        dump = ["apt-config", "dump", "--no-empty", "Acquire"]
        lines = subprocess.run(dump, check=True, capture_output=True, text=True).stdout.splitlines()
        acquire = [line for line in lines if "::IndexTargets" not in line]
        (self.root / "etc/apt/apt.conf.d/90host").write_text("\n".join([*acquire, ""]))
        # As in a container: a package that is installed starts no service.
        policy = self.root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)

    def copy_host_files(self) -> None:
        """Have programs reach the network as the host's do. Packages may replace these files."""
        for file in HOST_FILES:
            if Path(file).exists():
                (self.root / file[1:]).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, self.root / file[1:])

    def copy(self, root: Path) -> "Machine":
        """Return another machine that is as this one, in another folder."""
        subprocess.run(["cp", "-a", str(self.root), str(root)], check=True)
        return Machine(root)

    def home(self, user: str) -> str:
        """Return the user's home on the machine."""
        return "/root" if user == "root" else f"/home/{user}"

    def put_project(self, project: Path, user: str) -> None:
        """Put the project's committed files and those that changed since in the user's home."""
        folder = self.root / self.home(user)[1:] / FOLDER
        folder.mkdir()
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(listed, cwd=project, check=True, capture_output=True, text=True)
        for name in filter(None, names.stdout.split("\0")):
            if (project / name).exists():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(project / name, folder / name)
        self.run(f"chown -R {user}: {self.home(user)}/{FOLDER}", user="root")

    def start(
        self, script: str, user: str, variables: Mapping[str, str], log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a shell script in the project's folder; return its process. `log` gets what it
        writes."""
        with log.open("wb") as output:
            return subprocess.Popen(
                self._command(f"cd {FOLDER} && {script}", user, variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def run(self, script: str, user: str) -> None:
        """Run a shell script in the user's home. Raises CalledProcessError if it fails."""
        subprocess.run(self._command(script, user, {}), check=True)

    def _command(self, script: str, user: str, variables: Mapping[str, str]) -> list[str]:
        home = self.home(user)
        env = {"HOME": home, "USER": user, "LANG": "C.UTF-8"}
        env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        settings = [
            f"{name}={text}" for name, text in {**host_variables(), **env, **variables}.items()
        ]
        inner = ["env", "-i", *settings, "sh", "-c", f"cd {home} && {script}"]
        mounts = MOUNTS.format(
            root=shlex.quote(str(self.root)),
            options="" if user == "root" else f"--userspec={user}",
            command=shlex.join(inner),
        )
        own = ["unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child"]
        return [*own, "sh", "-ec", mounts]
