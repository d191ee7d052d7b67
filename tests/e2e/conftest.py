import shutil
import uuid
from collections.abc import Iterator

import pytest

from tests.e2e.viewers import Api, Viewer
from tests.support.programs import wait_until
from tests.support.servers import RabbitServer
from tests.support.stack import Stack

ROUTES = "invoice.#=/events/invoices/ invoice.paid.{customer}=/events/customer-{customer}/"
BOARD_ROUTES = "match.{board}.*=/boards/{board}/ match.#=/events/matches/"


@pytest.fixture(scope="package")
def stack(
    database_url: str, rabbit: RabbitServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Real Pushpin, web processes and listener on each store in turn, and a worker on a broker. One
    is published to over HTTP, the others over ZeroMQ: what is stored where has no part in it."""
    assert shutil.which("pushpin"), "script/bootstrap installs pushpin"
    with Stack(
        database_url,
        tmp_path_factory.mktemp("stack"),
        websockets=True,
        amqp_url=rabbit.vhost(uuid.uuid4().hex),
        amqp_routes=f"{ROUTES} {BOARD_ROUTES}",
        publish_by="http" if database_url.startswith("postgresql") else "tcp",
    ) as stack:
        yield stack


@pytest.fixture
def api(stack: Stack) -> Api:
    """Requests through Pushpin."""
    return Api(stack.port)


@pytest.fixture
def board(api: Api, board_id: str) -> str:
    """The path of a new board with players alice and bob, once no older snapshot is on its way."""
    path = f"/boards/{board_id}/"
    assert api("POST", "/boards/", {"id": board_id, "name": "A board"}).status == 201
    with Viewer(api.port, path) as viewer:
        wait_until(lambda: viewer.events, "the empty board")
        for name in ("Alice", "Bob"):
            body = {"id": name.lower(), "name": name}
            assert api("POST", f"{path}players/", body).status == 201
        wait_until(lambda: len(viewer.scores()) == 2, "both players")
    return path
