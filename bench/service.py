"""The whole service on a store, for a measurement."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.processes import RethinkServer, Stack

STORES = ("sqlite", "rethinkdb")
PUBLISH_INTERVAL = "0.1"


@contextmanager
def service(store: str) -> Iterator[Stack]:
    """Pushpin, web processes and listener on a new database of this store."""
    os.environ.update(SECRET_KEY="bench", ALLOW_ANONYMOUS_WRITES="1")
    os.environ["PUBLISH_INTERVAL"] = PUBLISH_INTERVAL
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{folder}/bench.sqlite3"
        if store == "rethinkdb":
            server = exits.enter_context(RethinkServer(folder))
            url = f"rethinkdb://127.0.0.1:{server.port}/bench"
        yield exits.enter_context(Stack(url, folder))


def post(stack: Stack, path: str, body: Any) -> None:
    connection = HTTPConnection("localhost", stack.web_port)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", path, json.dumps(body), headers)
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    assert response.status == 201, answer
