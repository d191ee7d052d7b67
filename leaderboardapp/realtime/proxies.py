"""The proxies of the settings."""

from django.conf import settings

from leaderboardapp.realtime.proxy_client import ProxyClient, http_client


def get_proxy_clients() -> list[ProxyClient]:
    """Return a new client for each proxy of the settings, by the scheme of its address."""
    # Here, because web processes publish nothing.
    from leaderboardapp.realtime.zmq_client import ZmqProxyClient

    return [
        ZmqProxyClient(uri) if _is_zmq(uri) else http_client(proxy)
        for proxy in settings.GRIP_PROXIES
        for uri in [str(proxy["control_uri"])]
    ]


def tells_holds() -> bool:
    """Return whether any proxy tells the listener whom it holds."""
    return any(_is_zmq(str(proxy["control_uri"])) for proxy in settings.GRIP_PROXIES)


def tell_all_holds() -> bool:
    """Return whether all proxies tell the listener whom they hold."""
    return all(_is_zmq(str(proxy["control_uri"])) for proxy in settings.GRIP_PROXIES)


def _is_zmq(uri: str) -> bool:
    return uri.startswith("tcp://")
