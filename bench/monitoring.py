"""Measure what metrics and the log of requests cost: polls and increments with and without."""

from collections.abc import Iterator
from contextlib import ExitStack

from bench.figure import Figure, at_least
from bench.service import (
    SERVICE,
    Options,
    beside,
    fill,
    post,
    requests_per_second,
    service,
)
from tests.support.programs import free_ports

LOADS = {"polls": ("GET", "/boards/b/"), "increments": ("POST", "/boards/b/players/p0/score-add/")}
OFF = "neither"


def metrics() -> dict[str, str]:
    [port] = free_ports(1)
    return {"METRICS_WEB": f"127.0.0.1:{port}"}


def measure(options: Options) -> Iterator[Figure]:
    seconds = options.pick(1, 1, 5)
    log = {"REQUEST_LOG": "json"}
    settings = {"metrics": metrics(), "a log of requests": log, "both": metrics() | log}
    rates: dict[tuple[str, str], list[float]] = {}
    with service(options.store) as stack, ExitStack() as exits:
        post(stack, "/boards/", {"id": "b"})
        fill(stack, "b", 10)
        ports = {OFF: stack.web_port}
        for name, variables in settings.items():
            ports[name] = exits.enter_context(beside(stack, SERVICE, **variables))
        for _ in range(options.runs):
            for name, port in ports.items():
                for load, (method, path) in LOADS.items():
                    rate = requests_per_second(port, path, seconds, method=method)
                    rates.setdefault((load, name), []).append(rate)
    for (load, name), runs in rates.items():
        if name != OFF:
            yield Figure(
                f"monitoring: {load} with {name}",
                options.store,
                "/s",
                runs,
                rates[load, OFF],
                targets=[at_least(0.9)],
            )
