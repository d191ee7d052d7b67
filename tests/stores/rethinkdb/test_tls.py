"""TLS to a real RethinkDB: what is accepted, and what a message says if it is not."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from leaderboardapp.domain.exceptions import StoreUnavailable
from leaderboardapp.stores.circuit_breaker import Unreachable
from leaderboardapp.stores.rethinkdb.address import parse_url
from leaderboardapp.stores.rethinkdb.connection import Connection
from leaderboardapp.stores.rethinkdb.store import RethinkStore
from tests.stores.rethinkdb.helpers import first_answer
from tests.support.programs import WAIT_SECONDS, wait_until
from tests.support.servers import RethinkServer


class TlsServer(RethinkServer):
    """A server that speaks nothing but TLS, with an authority of its own in `ca.pem`."""

    def __init__(self, folder: Path, *names: str, valid: int = 1) -> None:
        """Start the server, with a certificate for these names. It is valid for so many days."""
        authority, now = trustme.CA(), datetime.now(UTC)
        until = now + timedelta(days=valid)
        certificate = authority.issue_cert(
            *names, not_before=now - timedelta(days=10), not_after=until
        )
        authority.cert_pem.write_to_path(folder / "ca.pem")
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        for part in certificate.cert_chain_pems:
            part.write_to_path(folder / "cert.pem", append=True)
        key, cert = str(folder / "key.pem"), str(folder / "cert.pem")
        super().__init__(folder, "--driver-tls-key", key, "--driver-tls-cert", cert)
        self.authority = f"{folder}/ca.pem"

    def url(self, host: str, authority: str | None) -> str:
        """Return the URL of a database of this server."""
        option = f"?ssl_ca={authority}" if authority else ""
        return f"rethinkdb://{host}:{self.port}/own{option}"


@pytest.fixture(scope="module")
def server(
    rethinkdb_server: RethinkServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TlsServer]:
    with TlsServer(tmp_path_factory.mktemp("tls"), "localhost") as server:
        yield server


def refusal(url: str) -> str:
    """Return why there is no connection to the server at the URL."""
    with pytest.raises(Unreachable) as raised:
        Connection(parse_url(url), WAIT_SECONDS)
    return str(raised.value)


def test_it_works_and_a_hang_is_given_up_there_too(server: TlsServer) -> None:
    store = RethinkStore(server.url("localhost", server.authority))
    store.ensure()
    feed = store.open_feed()
    store.create_board({"id": "b", "name": "", "size": 5})
    wait_until(lambda: "b" in feed.poll(timeout=0.1), "the feed")
    feed.close()
    server.program.signal_all(signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailable, match="timed out"):
            store.get_board("b")
    finally:
        server.program.signal_all(signal.SIGCONT)
    assert first_answer(lambda: store.get_board("b"))["id"] == "b"
    store.close()


def test_another_authority_is_refused_with_the_setting(server: TlsServer, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    said = refusal(server.url("localhost", f"{tmp_path}/other.pem"))
    assert "not signed by the authority" in said
    assert f"DATABASE_URL's ssl_ca={tmp_path}/other.pem" in said


def test_another_name_is_refused_with_the_setting(server: TlsServer) -> None:
    said = refusal(server.url("127.0.0.1", server.authority))
    assert "certificate is not for '127.0.0.1', the host in DATABASE_URL" in said


def test_an_expired_certificate_is_refused(rethinkdb_server: RethinkServer, tmp_path: Path) -> None:
    with TlsServer(tmp_path, "localhost", valid=-1) as expired:
        said = refusal(expired.url("localhost", expired.authority))
    assert "certificate has expired" in said and "--driver-tls-cert" in said


def test_an_address_may_be_what_a_certificate_is_for(
    rethinkdb_server: RethinkServer, tmp_path: Path
) -> None:
    with TlsServer(tmp_path, "127.0.0.1") as own:
        url = own.url("127.0.0.1", own.authority)
        connection = Connection(parse_url(url), WAIT_SECONDS)
        assert connection.is_alive()
        connection.close()


def test_a_server_without_tls_is_told(rethinkdb_server: RethinkServer, server: TlsServer) -> None:
    port = rethinkdb_server.port
    said = refusal(f"rethinkdb://127.0.0.1:{port}/own?ssl_ca={server.authority}")
    assert "does not speak TLS" in said and "leave ssl_ca out of DATABASE_URL" in said


def test_a_server_with_tls_is_told_where_the_url_has_none(server: TlsServer) -> None:
    assert "ssl_ca" in refusal(server.url("localhost", None))
