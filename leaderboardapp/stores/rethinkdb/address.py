"""The URL of a RethinkDB cluster. The settings check it, which load no driver."""

import ipaddress
import re
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

DEFAULT_HOST, DEFAULT_PORT = "localhost", 28015
MOST_COPIES = 64  # that the server allows, of a table's shards
PARTS = re.compile(r"[^:/?#]*:(?://(?P<authority>[^/?#]*))?(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?")
HOST = re.compile(r"(?P<name>\[[^\[\]]*\]|[^\[\]:\s]*)(?::(?P<port>[0-9]{1,5}))?")
DATABASE = re.compile(r"[A-Za-z0-9_-]+")
OPTIONS = ("ssl_ca", "replicas", "shards")


class Host(NamedTuple):
    """A server of the cluster, by the port for clients."""

    name: str
    port: int

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


class Address(NamedTuple):
    """What a URL says of the cluster."""

    hosts: tuple[Host, ...]
    login: dict[str, Any]  # the driver's arguments but for the host: user, password, db, ssl
    replicas: int | None = None  # of each table; None: as they are
    shards: int | None = None  # of each table that gains from them; None: as they are

    def arguments(self, host: Host | None = None) -> dict[str, Any]:
        """Return the driver's arguments for a connection to this host, by default the first."""
        name, port = host or self.hosts[0]
        return {"host": name, "port": port, **self.login}


def parse_url(url: str) -> Address:
    """Parse `rethinkdb://user:password@a:28015,b:28015/db?replicas=3&shards=1&ssl_ca=/ca.pem`.

    All but the database may be left out. Raises ValueError, with a reason that quotes nothing that
    may be a secret.
    """
    parts = PARTS.match(url)
    if parts is None or parts["authority"] is None:
        raise ValueError("it has no // before the hosts")
    login, _, hosts = parts["authority"].rpartition("@")
    user, _, password = login.partition(":")
    options = _parse_options(parts["query"] or "")
    return Address(
        _parse_hosts(hosts),
        {
            "user": unquote(user or "admin"),
            "password": unquote(password),
            "db": _parse_database(parts["path"]),
            "ssl": {"ca_certs": options["ssl_ca"]} if "ssl_ca" in options else {},
        },
        _parse_count(options, "replicas"),
        _parse_count(options, "shards"),
    )


def _parse_hosts(text: str) -> tuple[Host, ...]:
    entries = text.split(",")
    hosts: list[Host] = []
    for number, entry in enumerate(entries, start=1):
        which = f"host {number}" if len(entries) > 1 else "the host"
        host = parse_host(which, entry, DEFAULT_PORT)
        if not host.name:
            if len(entries) > 1:
                raise ValueError(f"{which} has no name")
            host = Host(DEFAULT_HOST, host.port)
        if host in hosts:
            raise ValueError(f"{which} is named twice")
        hosts.append(host)
    return tuple(hosts)


def parse_host(which: str, entry: str, default_port: int) -> Host:
    """Parse a name, an IPv4 address or an IPv6 address in brackets, and perhaps a port. The name
    may be empty. Raises ValueError, which begins with `which`."""
    parts = HOST.fullmatch(entry)
    if parts is None:
        raise ValueError(f"{which} is not like name:28015 or [::1]:28015")
    name, port = unquote(parts["name"]), int(parts["port"] or default_port)
    if not 1 <= port <= 65_535:
        raise ValueError(f"the port of {which} is not from 1 to 65535")
    if name.startswith("["):
        try:
            name = str(ipaddress.IPv6Address(name[1:-1]))
        except ValueError:
            raise ValueError(f"{which} has no IPv6 address in its brackets") from None
    return Host(name, port)


def _parse_database(path: str) -> str:
    name = unquote(path.strip("/"))
    if not name:
        raise ValueError("it names no database")
    if not DATABASE.fullmatch(name):
        raise ValueError("its database has other characters than A-Z, a-z, 0-9, _ and -")
    return name


def _parse_options(query: str) -> dict[str, str]:
    options = parse_qs(query, keep_blank_values=True)
    accepted = ", ".join(OPTIONS)
    if options.keys() - {*OPTIONS}:
        raise ValueError(f"it has an option that is none of {accepted}")
    for name, values in options.items():
        if len(values) > 1 or not values[0]:
            raise ValueError(f"its option {name} needs one value")
    return {name: value for name, [value] in options.items()}


def _parse_count(options: dict[str, str], name: str) -> int | None:
    if name not in options:
        return None
    value = options[name]
    if not re.fullmatch("[0-9]{1,2}", value) or not 1 <= int(value) <= MOST_COPIES:
        shown = f" is {value!r}," if re.fullmatch(r"[\w.+-]{1,12}", value, re.ASCII) else " is"
        raise ValueError(f"its option {name}{shown} not a number from 1 to {MOST_COPIES}")
    return int(value)
