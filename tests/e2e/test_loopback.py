"""What tests start is nobody else's to reach."""

from contextlib import suppress
from ipaddress import ip_address

import psutil

from tests.support.stack import Stack


def test_what_tests_start_listens_on_loopback_only(stack: Stack) -> None:
    """Stores, broker, proxies and web processes, and what they start themselves, such as epmd."""
    listeners = [socket for socket in psutil.net_connections("tcp") if socket.status == "LISTEN"]
    ours = {process.pid for process in psutil.process_iter() if comes_from_tests(process)}
    addresses = {
        (name_of(one.pid), one.laddr.ip) for one in listeners if one.laddr and one.pid in ours
    }
    assert {name for name, _ in addresses} >= {"epmd", "gunicorn"}
    assert [one for one in addresses if not ip_address(one[1]).is_loopback] == []


def comes_from_tests(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return "PYTEST_CURRENT_TEST" in process.environ()
    return False


def name_of(pid: int | None) -> str:
    with suppress(psutil.Error):
        return psutil.Process(pid).name()
    return ""
