"""Real programs for the tests: started on free ports in temporary folders, and always ended."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Self, TypeVar

import psutil
import psycopg

PROJECT = Path(__file__).resolve().parent.parent
START_SECONDS = 30.0

T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, seconds: float = 10.0) -> T:
    """The condition's first true value. AssertionError, naming `what`, if there is none in time:
    if it is false when looked at after the deadline. Time in which this process was not run, as
    when the machine stands still, does not count."""
    deadline = time.monotonic() + seconds
    while True:
        looked = time.monotonic()
        value = condition()
        if value:
            return value
        if looked > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        paused = time.monotonic()
        time.sleep(0.01)
        deadline += max(0.0, time.monotonic() - paused - 0.1)


def free_ports(count: int) -> list[int]:
    """Ports that were free just now, all different. From a range of their own for each process
    that runs tests beside others, and none that the system gives to outgoing connections."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 10_000 + worker % 4 * 5_000
    chance = random.SystemRandom()  # tests seed the other one, each the same
    found: dict[int, socket.socket] = {}
    with ExitStack() as stack:
        while len(found) < count:
            port, each = (
                chance.randrange(first, first + 5_000),
                stack.enter_context(socket.socket()),
            )
            with suppress(OSError):
                each.bind(("127.0.0.1", port))
                found[port] = each
        return list(found)


class Program:
    """A program in a session of its own, with its output in a file."""

    def __init__(
        self,
        command: list[str],
        log: Path,
        env: dict[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        """`user`: as whom it runs, if not as whoever runs the tests."""
        self.command, self.log, self.env, self.user = command, log, env or {}, user
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=PROJECT,
                env={**os.environ, **self.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=self.user,
            )

    def signal_all(self, signum: signal.Signals) -> None:
        """The program first, so that it starts no more of them."""
        known = self.processes()
        self.process.send_signal(signum)
        self.send({*known, *self.processes()}, signum)

    def send(self, processes: set[psutil.Process], signum: signal.Signals) -> None:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signum)

    def processes(self) -> set[psutil.Process]:
        """The program and whatever it started, such as Pushpin's services, each of which has a
        process group of its own, and PostgreSQL's, which have sessions of their own."""
        found: set[psutil.Process] = set()
        with suppress(psutil.NoSuchProcess):
            found.update(psutil.Process(self.process.pid).children(recursive=True))
        for process in psutil.process_iter():
            with suppress(ProcessLookupError):
                if os.getsid(process.pid) == self.process.pid:
                    found.add(process)
        return found

    def stop(self) -> None:
        stop([self])

    def wait_for_port(self, port: int) -> None:
        def listens() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(f"{self.command[0]} ended:\n{self.log.read_text()}")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_until(listens, f"{self.command[0]} on port {port}", START_SECONDS)


def stop(programs: Sequence[Program]) -> None:
    """Tell all of them to end, and then end them."""
    # Whom nobody would find when their parent is gone.
    known = [program.processes() for program in programs]
    for program in programs:
        program.process.terminate()
    for program, others in zip(programs, known, strict=True):
        with suppress(subprocess.TimeoutExpired):
            program.process.wait(10)
        program.send({*others, *program.processes()}, signal.SIGKILL)
        program.process.wait()


class RethinkServer:
    def __init__(self, folder: Path, *options: str) -> None:
        self.port, cluster_port = free_ports(2)
        command = ["rethinkdb", "create", "-d", str(folder / "data")]
        subprocess.run(command, check=True, capture_output=True)
        command[1] = "serve"
        command += ["--bind", "127.0.0.1", "--driver-port", str(self.port)]
        command += ["--cluster-port", str(cluster_port), "--no-http-admin", "--no-update-check"]
        self.program = Program([*command, *options], folder / "log")
        self.program.wait_for_port(self.port)

    def database(self, name: str) -> str:
        """The URL of the database with this name, which the service makes."""
        return f"rethinkdb://127.0.0.1:{self.port}/{name.replace('-', '_')}"

    def __enter__(self) -> Self:
        return self

    def shut_down(self) -> None:
        self.program.process.terminate()

    def __exit__(self, *_: object) -> None:
        self.program.stop()


def postgres_programs() -> Path:
    """The folder of the newest version's programs, which Debian keeps off PATH."""
    found = list(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if on_path := shutil.which("postgres"):
        return Path(on_path).parent
    assert found, "script/test installs postgresql"
    return max(found, key=lambda path: int(path.parts[-3])).parent


class PostgresServer:
    """Of the system's package. Its text sorts as people do, so that nothing leans on bytes."""

    def __init__(self, tls: dict[str, bytes] | None = None) -> None:
        """`tls`: the contents of its ssl_cert_file and ssl_key_file."""
        [self.port] = free_ports(1)
        # PostgreSQL does not run as root, so its folder is where its own user may go.
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
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def wait(self) -> None:
        """Until it answers."""
        self.program.wait_for_port(self.port)
        wait_until(self.answers, "PostgreSQL", START_SECONDS)

    def answers(self) -> bool:
        with suppress(psycopg.OperationalError), psycopg.connect(self.url("postgres")):
            return True
        return False

    def database(self, name: str) -> str:
        """The URL of the database with this name, which is made if it is not there."""
        with (
            psycopg.connect(self.url("postgres"), autocommit=True) as connection,
            suppress(psycopg.errors.DuplicateDatabase),
        ):
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)

    def __enter__(self) -> Self:
        return self

    def shut_down(self) -> None:
        self.program.process.send_signal(signal.SIGINT)  # SIGTERM would wait for all clients

    def __exit__(self, *_: object) -> None:
        self.shut_down()
        self.program.stop()
        shutil.rmtree(self.folder)


class PgBouncer:
    """A pool of connections to a database of the server. `transactions` is its URL through which
    each transaction may run on another one, `sessions` the one of connections of one's own."""

    def __init__(self, server: PostgresServer, database: str) -> None:
        [port] = free_ports(1)
        file = server.folder / "pgbouncer.ini"
        there = f"host=127.0.0.1 port={server.port} dbname={database} user=postgres"
        file.write_text(
            f"[databases]\ntransactions = {there} pool_mode=transaction pool_size=4\n"
            f"sessions = {there} pool_mode=session\n"
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


class RabbitServer:
    """A broker of the system's package, with whatever it needs in its folder."""

    def __init__(self, folder: Path, tls: dict[str, bytes] | None = None) -> None:
        """`tls`: the contents of its cacertfile, certfile and keyfile; then it speaks nothing
        else."""
        self.port, node_port, names_port = free_ports(3)
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
        # Its own programs, and not those on Debian's PATH, which want to be root or rabbitmq.
        self.path = f"/usr/lib/rabbitmq/bin:{os.environ['PATH']}"
        self.env = {
            "HOME": str(folder),  # for the cookie
            "RABBITMQ_NODENAME": "test@localhost",
            "RABBITMQ_DIST_PORT": str(node_port),
            "ERL_EPMD_PORT": str(names_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
        }
        # Erlang would start one by itself, which would stay when all others have gone.
        names = ["epmd", "-port", str(names_port), "-address", "127.0.0.1"]
        self.names = Program(names, folder / "names.log")
        self.program = Program([self.command("rabbitmq-server")], folder / "out.log", self.env)
        self.wait()

    def command(self, name: str) -> str:
        found = shutil.which(name, path=self.path)
        assert found, "script/test installs rabbitmq-server"
        return found

    def wait(self) -> None:
        """Until it takes connections."""
        self.program.wait_for_port(self.port)

    def control(self, *arguments: str) -> str:
        """What rabbitmqctl says."""
        command = [self.command("rabbitmqctl"), "--quiet", *arguments]
        env = {**os.environ, **self.env}
        return subprocess.run(
            command, env=env, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    def vhost(self, name: str) -> str:
        """The URL of a new virtual host."""
        self.control("add_vhost", name)
        self.control("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
        return self.url + name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.program.stop()
        self.names.stop()


class Stack:
    """Pushpin, web and listener on a store, as a deployment has them; with a Pushpin for WebSockets
    on `ws_port`, if that is wanted, and an amqplistener, if there is a broker."""

    def __init__(
        self,
        database_url: str,
        folder: Path,
        listener_url: str | None = None,
        websockets: bool = False,
        amqp_url: str = "",
        amqp_routes: str = "",
    ) -> None:
        self.port, self.web_port, self.ws_port, *control_ports = free_ports(5)
        if not websockets:
            del control_ports[1:]
        self.folder = folder
        self.env = {
            "DATABASE_URL": database_url,
            "GRIP_URL": " ".join(
                f"http://localhost:{port}?iss=pushpin&key=base64:{'a' * 44}"
                for port in control_ports
            ),
            "PUSHPIN_RUN_DIR": str(folder),
            "AMQP_URL": amqp_url,
            "AMQP_ROUTES": amqp_routes,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        self.manage("ensure_store")
        self.programs: list[Program] = []
        try:
            self._start(listener_url or database_url, websockets, control_ports)
        except BaseException:  # whoever is interrupted now has no stack to end yet
            self.__exit__()
            raise

    def _start(self, listener_url: str, websockets: bool, control_ports: list[int]) -> None:
        # As a Procfile's `gunicorn` is found: "python -m" does not survive SIGUSR2.
        gunicorn = [str(Path(sys.executable).with_name("gunicorn")), "leaderboard_project.wsgi"]
        pushpin = [sys.executable, "script/pushpin"]
        route = f"--route=* localhost:{self.web_port}"
        self.pushpin = self.program("pushpin", [*pushpin, f"--port={self.port}", route])
        self.programs.append(self.pushpin)
        if websockets:
            pushpin += ["--websockets", f"--port={self.ws_port}", f"{route},over_http"]
            self.websockets = self.program("websockets", pushpin)
            self.programs.append(self.websockets)
        self.web = self.program(
            "web", [*gunicorn, "--bind", f"localhost:{self.web_port}", "--workers", "2"]
        )
        self.programs.append(self.web)
        self.listener = self.program(
            "listener", [sys.executable, "dblistener.py"], DATABASE_URL=listener_url
        )
        self.programs.append(self.listener)
        if self.env["AMQP_URL"]:
            self.amqp = self.program("amqp", [sys.executable, "amqplistener.py"])
            self.programs.append(self.amqp)
        waiting = [(self.web, self.web_port)]
        waiting += [(self.pushpin, port) for port in (self.port, control_ports[0])]
        if websockets:
            waiting += [(self.websockets, port) for port in (self.ws_port, control_ports[1])]
        for program, port in waiting:
            program.wait_for_port(port)
        wait_until(
            lambda: "listening" in self.listener.log.read_text(), "the listener", START_SECONDS
        )
        wait_until(self.answers, "an answer through Pushpin", START_SECONDS)

    def program(self, name: str, command: list[str], **env: str) -> Program:
        return Program(command, self.folder / f"{name}.log", {**self.env, **env})

    def memory(self) -> dict[str, int]:
        """Bytes in use by each program with all its processes."""
        sizes = {}
        for name in ("pushpin", "web", "listener"):
            sizes[name] = 0
            for process in getattr(self, name).processes():
                with suppress(psutil.NoSuchProcess):
                    sizes[name] += process.memory_info().rss
        return sizes

    def manage(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a management command on the stack's store; its output, whatever its exit status."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env={**os.environ, **self.env},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def answers(self) -> bool:
        connection = HTTPConnection("localhost", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        stop(self.programs)
