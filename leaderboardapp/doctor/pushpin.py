"""Pushpin: its release, its settings beside ours, its key, and who may publish to it."""

import base64
import configparser
import ipaddress
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from django.conf import settings

from leaderboardapp.doctor.findings import Finding, error, warning

PART = "pushpin"
OLDEST = (1, 36)
CONNECT_SECONDS = 3.0
CONNECTION_MANAGERS = ("condure", "pushpin-connmgr")  # that hold the viewers, by release
# Of each setting: its section, what a value has to be beside ours, and what happens otherwise.
Judge = Callable[[int, int], bool]
SETTINGS: dict[str, tuple[str, Judge, str]] = {
    "message_rate": ("handler", lambda value, ours: value == ours, "viewers may wait for seconds"),
    "message_hwm": ("handler", lambda value, ours: value >= ours, "crowds miss messages"),
    "connection_subscription_max": (
        "handler",
        lambda value, ours: value >= ours,
        "a stream of many boards shows nothing new of some",
    ),
    "client_buffer_size": (
        "runner",
        lambda value, ours: value >= ours,
        "requests with long tokens are closed without an answer",
    ),
    "max_open_requests": (
        "proxy",
        lambda value, ours: 0 < value <= 4 * ours,  # the threads of four web processes
        "its queues overflow when thousands come at once",
    ),
}


def examine_addresses() -> Iterator[Finding]:
    """Yield findings of the control ports in GRIP_URL, as seen from here."""
    for number, proxy in enumerate(settings.GRIP_PROXIES):
        url = urlsplit(str(proxy["control_uri"]))
        if url.scheme == "https":
            continue  # Fanout's, which is public and has tokens
        address = url.hostname or "", url.port or 80
        shown = f"{url.scheme}://{url.netloc}"
        try:
            with socket.create_connection(address, CONNECT_SECONDS) as connection:
                peer = ipaddress.ip_address(connection.getpeername()[0])
        except OSError as failure:
            hint = "Start that Pushpin, or mend its address in GRIP_URL."
            if number:
                hint += " Without WebSockets there is no second one: take its address out."
            yield error(PART, f"nothing takes what is published at {shown}: {failure}", hint)
            continue
        yield Finding(PART, f"{shown} takes connections")
        if peer.is_global:
            text = f"{shown} is a public address: whoever reaches it may publish to all viewers"
            yield error(PART, text, "Bind it to loopback or a private network.")


def examine_release() -> Iterator[Finding]:
    """Yield findings of the Pushpin that is installed here, if any is."""
    if not shutil.which("pushpin"):
        return
    command = ["pushpin", "--version"]
    output = subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
    found = re.search(r"\d+\.\d+(\.\d+)?", output)
    if not found:
        return
    release = tuple(map(int, found[0].split(".")))
    if release[:2] < OLDEST:
        text = f"{found[0]} is older than any that this service was tried with"
        yield warning(PART, text, f"Install {OLDEST[0]}.{OLDEST[1]} or later.")
    else:
        yield Finding(PART, f"{found[0]} is installed here")


def examine_files(files: Sequence[Path]) -> Iterator[Finding]:
    """Yield findings of Pushpin's configuration files; without any, of those that script/pushpin
    has made."""
    if all(str(proxy["control_uri"]).startswith("https:") for proxy in settings.GRIP_PROXIES):
        return  # Fanout has none
    names = ("pushpin", "websockets")
    made = [settings.PUSHPIN_RUN_DIR / name / "pushpin.conf" for name in names]
    found = [file for file in files or made if files or file.exists()]
    if not found:
        text = "its settings were not seen"
        hint = "Run the doctor where Pushpin runs, with --pushpin-conf and the file that it reads."
        yield warning(PART, text, hint)
    for file in found:
        conf = configparser.RawConfigParser(strict=False)
        try:
            conf.read_string(file.read_text())
        except (OSError, UnicodeDecodeError, configparser.Error) as failure:
            reason = " ".join(str(failure).split())
            yield error(PART, f"{file} cannot be read: {reason}", "Name Pushpin's own file.")
            continue
        faults = [*_examine_settings(file, conf), *_examine_access(file, conf)]
        yield from faults or [Finding(PART, f"{file} is as it should be")]


def _examine_settings(file: Path, conf: configparser.RawConfigParser) -> Iterator[Finding]:
    ours = configparser.RawConfigParser()
    ours.read(settings.BASE_DIR / "pushpin.conf")
    routes = conf.get("proxy", "routesfile", fallback="")
    for name, (section, is_good, consequence) in SETTINGS.items():
        default = ours.getint(section, name)
        text = conf.get(section, name, fallback="")
        if (name, text) == ("max_open_requests", "-1") and "websockets" in routes:
            continue  # open WebSockets are open requests
        try:
            if text and is_good(int(text), default):
                continue
        except ValueError:
            pass
        value = f"{name}={text}" if text else f"{name} is not set"
        yield warning(
            PART, f"{file}: {value}: {consequence}", f"Set {name}={default} in [{section}]."
        )
    yield from _examine_file_limit(file, conf)


def _examine_file_limit(file: Path, conf: configparser.RawConfigParser) -> Iterator[Finding]:
    """Yield a finding if a connection manager here may open fewer files than it holds viewers."""
    most = conf.get("runner", "client_maxconn", fallback="")
    for process in psutil.process_iter():
        try:
            if process.name() not in CONNECTION_MANAGERS:
                continue
            limit, _ = process.rlimit(psutil.RLIMIT_NOFILE)  # Linux only
        except (psutil.Error, AttributeError):
            continue
        if most.isdecimal() and 0 <= limit < int(most):
            text = f"{process.name()} may open {limit} files, and {file} has client_maxconn={most}"
            hint = f"Set LimitNOFILE={2 * int(most)} in its unit, or ulimit -n before it starts."
            yield warning(PART, text, hint)
            return


def _examine_access(file: Path, conf: configparser.RawConfigParser) -> Iterator[Finding]:
    key = _decode_key(conf.get("proxy", "sig_key", fallback=""))
    # Web processes take any of the keys, whichever address it is of.
    keys = [proxy.get("verify_key", proxy["key"]) for proxy in settings.GRIP_PROXIES]
    if key not in map(_decode_key, keys):
        yield error(
            PART,
            f"{file}: sig_key is another key than those of GRIP_URL: streams are answered 501",
            "Write the same key in both, with the same base64: before it.",
        )
    specs = conf.get("handler", "push_in_sub_specs", fallback="")
    host = conf.get("handler", "push_in_http_addr", fallback="127.0.0.1")
    if re.search(r"tcp://(\*|0\.0\.0\.0|\[?::\]?):", specs) or host in ("0.0.0.0", "::", "*"):  # noqa: S104
        text = f"{file}: it takes what is published from every network, without any password"
        hint = "Bind push_in_sub_specs, or push_in_http_addr, to loopback or a private address."
        yield warning(PART, text, f"{hint} A firewall that is known to stand before it will do.")


def _decode_key(key: Any) -> Any:
    """Return the bytes of a shared key, as Pushpin's file or GRIP_URL has it; a public one as it
    is."""
    if not isinstance(key, str):
        return key
    encoded = key.removeprefix("base64:")
    try:
        return key.encode() if encoded == key else base64.b64decode(encoded)
    except ValueError:
        return None
