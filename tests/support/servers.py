"""Real servers for the tests, on free ports and in temporary folders."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import psycopg

from tests.support.programs import START_SECONDS, Program, free_ports, wait_until

# With one thread for its queries, RethinkDB takes a sixth less of the processor than with two.
ONE_CORE = ("--cores", "1")


class RethinkServer:
    """A RethinkDB server."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        cluster_port: int | None = None,
        host: str = "127.0.0.1",
        within: Sequence[str] = (),
    ) -> None:
        """Start the server, at an address of this machine. `within` is the beginning of the command
        by which it runs in another network."""
        self.host = host
        self.port, free_port = free_ports(2)
        command = ["rethinkdb", "create", "-d", str(folder / "data")]
        subprocess.run(command, check=True, capture_output=True)
        command[1] = "serve"
        command += ["--bind", host, "--driver-port", str(self.port)]
        command += ["--cluster-port", str(cluster_port or free_port)]
        command += ["--no-http-admin", "--no-update-check", *options]
        self.program = Program([*within, *command], folder / "log")
        self.wait()

    def wait(self) -> None:
        """Wait until the server takes connections."""
        self.program.wait_for_port(self.port, self.host)

    def database(self, name: str) -> str:
        """Return the URL of the database with this name, which the service creates."""
        return f"rethinkdb://{self.host}:{self.port}/{name.replace('-', '_')}"

    def __enter__(self) -> Self:
        return self

    def shut_down(self) -> None:
        """Tell the server to end in order; return at once."""
        self.program.process.terminate()

    def __exit__(self, *_: object) -> None:
        self.program.stop()


def postgres_programs() -> Path:
    """Return the folder of PostgreSQL's programs: on PATH, or else the newest of Debian's."""
    installed = list(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if on_path := shutil.which("postgres"):
        return Path(on_path).parent
    assert installed, "script/test installs postgresql"
    return max(installed, key=lambda path: int(path.parts[-3])).parent


class PostgresServer:
    """A PostgreSQL server, from the system's package.

    Its texts sort by a language's rules, so that nothing relies on the order of bytes."""

    def __init__(self, tls: dict[str, bytes] | None = None) -> None:
        """Start the server. `tls` has the contents of its ssl_cert_file and ssl_key_file."""
        [self.port] = free_ports(1)
        # PostgreSQL does not run as root, so its folder is one that its own user may enter.
        self.user = "postgres" if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="leaderboard-postgresql-"))
        if self.user:
            shutil.chown(self.folder, self.user)
        programs = postgres_programs()
        data = str(self.folder / "data")
        initdb = f"{programs}/initdb -D {data} -U postgres -A trust --no-sync -E UTF8"
        initdb += " --locale=C.UTF-8 --locale-provider=icu --icu-locale=en"
        subprocess.run(initdb.split(), check=True, capture_output=True, cwd="/", user=self.user)
        command = [f"{programs}/postgres", "-D", data, "-p", str(self.port), "-h", "127.0.0.1"]
        command += ["-k", ""]
        for option, content in (tls or {}).items():
            file = self.folder / option
            file.write_bytes(content)
            file.chmod(0o600)
            if self.user:
                shutil.chown(file, self.user)
            command += ["-c", "ssl=on", "-c", f"{option}={file}"]
        self.program = Program(command, self.folder / "log", user=self.user)
        self.wait()

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def wait(self) -> None:
        """Wait until the server answers."""
        self.program.wait_for_port(self.port)
        wait_until(self.answers, "PostgreSQL", START_SECONDS)

    def answers(self) -> bool:
        """Return whether the server takes connections."""
        with suppress(psycopg.OperationalError), psycopg.connect(self.url("postgres")):
            return True
        return False

    def database(self, name: str) -> str:
        """Return the URL of the database with this name, created if missing."""
        with (
            psycopg.connect(self.url("postgres"), autocommit=True) as connection,
            suppress(psycopg.errors.DuplicateDatabase),
        ):
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)

    def __enter__(self) -> Self:
        return self

    def shut_down(self) -> None:
        """Tell the server to end in order; return at once."""
        self.program.process.send_signal(signal.SIGINT)  # SIGTERM would wait for all clients

    def __exit__(self, *_: object) -> None:
        self.shut_down()
        self.program.stop()
        shutil.rmtree(self.folder)


class PgBouncer:
    """A pool of connections to a database of the server.

    `transactions` is its URL by which each transaction may run on another connection. By
    `sessions`, each client has a connection of its own."""

    def __init__(self, server: PostgresServer, database: str) -> None:
        [port] = free_ports(1)
        file = server.folder / "pgbouncer.ini"
        target = f"host=127.0.0.1 port={server.port} dbname={database} user=postgres"
        file.write_text(
            f"[databases]\ntransactions = {target} pool_mode=transaction pool_size=4\n"
            f"sessions = {target} pool_mode=session\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            "auth_type = any\nmax_client_conn = 500\n"
        )
        file.chmod(0o644)
        url = f"postgresql://postgres@127.0.0.1:{port}"
        self.transactions, self.sessions = f"{url}/transactions", f"{url}/sessions"
        log = server.folder / "pgbouncer.log"
        self.program = Program(["pgbouncer", str(file)], log, user=server.user)
        self.program.wait_for_port(port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.program.stop()


class RedisServer:
    """A Redis server from the system's package, which keeps nothing on a disk."""

    def __init__(self, folder: Path) -> None:
        [port] = free_ports(1)
        self.url = f"redis://127.0.0.1:{port}"
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--dir", str(folder)]
        self.program = Program(command, folder / "redis.log")
        self.program.wait_for_port(port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.program.stop()


class RabbitServer:
    """A RabbitMQ broker from the system's package, with all its files in a folder."""

    def __init__(self, folder: Path, tls: dict[str, bytes] | None = None) -> None:
        """Start the broker. With `tls`, the contents of its cacertfile, certfile and keyfile, it
        speaks nothing else."""
        self.port, node_port, names_port = free_ports(3)
        self.folder = folder
        scheme = "amqps" if tls else "amqp"
        self.url = f"{scheme}://guest:guest@localhost:{self.port}/"
        folder.mkdir(parents=True, exist_ok=True)
        lines = ["listeners.tcp = none", f"listeners.ssl.1 = 127.0.0.1:{self.port}"]
        if not tls:
            lines = [f"listeners.tcp.1 = 127.0.0.1:{self.port}"]
        for option, content in (tls or {}).items():
            (folder / option).write_bytes(content)
            lines.append(f"ssl_options.{option} = {folder / option}")
        (folder / "rabbitmq.conf").write_text("\n".join([*lines, ""]))
        (folder / "plugins").write_text("[].")
        # The package's own programs: those on Debian's PATH have to run as root or rabbitmq.
        self.path = f"/usr/lib/rabbitmq/bin:{os.environ['PATH']}"
        self.env = {
            "HOME": str(folder),  # for the cookie
            "RABBITMQ_NODENAME": "test@localhost",
            "RABBITMQ_DIST_PORT": str(node_port),
            "ERL_EPMD_PORT": str(names_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # Idle schedulers would keep a processor busy for a while, in case of more work.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}"
            " +sbwt none +sbwtdcpu none +sbwtdio none",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
        }
        # Erlang would start an epmd by itself, which would not end with the broker.
        names = ["epmd", "-port", str(names_port), "-address", "127.0.0.1"]
        self.names = Program(names, folder / "names.log")
        self.program = Program([self.command("rabbitmq-server")], folder / "out.log", self.env)
        try:
            self.wait()
        except BaseException:  # the caller has no server to end yet
            self.__exit__()
            raise

    def command(self, name: str) -> str:
        """Return the path of one of RabbitMQ's programs."""
        path = shutil.which(name, path=self.path)
        assert path, "script/test installs rabbitmq-server"
        return path

    def wait(self) -> None:
        """Wait until the broker takes connections."""
        self.program.wait_for_port(self.port)

    def control(self, *arguments: str) -> str:
        """Run rabbitmqctl; return its output."""
        command = [self.command("rabbitmqctl"), "--quiet", *arguments]
        env = {**os.environ, **self.env}
        return subprocess.run(
            command, env=env, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    def vhost(self, name: str) -> str:
        """Create a virtual host; return its URL.

        By one command, each of which starts an Erlang of its own for a second or two."""
        everything = dict.fromkeys(("configure", "write", "read"), ".*")
        file = self.folder / "definitions.json"
        definitions = {
            "vhosts": [{"name": name}],
            "permissions": [{"user": "guest", "vhost": name, **everything}],
        }
        file.write_text(json.dumps(definitions))
        self.control("import_definitions", str(file))
        return self.url + name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.program.stop()
        self.names.stop()
