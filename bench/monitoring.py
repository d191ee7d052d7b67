"""Measure what metrics and the log of requests cost: polls and increments with and without."""

from collections.abc import Iterator

from bench.figure import Figure, at_least
from bench.service import (
    SERVICE,
    Options,
    fill,
    post,
    requests_per_second,
    serve,
    service,
)
from tests.support.programs import free_ports

LOADS = {"polls": ("GET", "/boards/b/"), "increments": ("POST", "/boards/b/players/p0/score-add/")}
OFF = "neither"


def measure(options: Options) -> Iterator[Figure]:
    seconds = 1 if options.short else 5
    [port] = free_ports(1)
    metrics, log = {"METRICS_WEB": f"127.0.0.1:{port}"}, {"REQUEST_LOG": "json"}
    settings = {OFF: {}, "metrics": metrics, "a log of requests": log, "both": metrics | log}
    off = dict.fromkeys(metrics | log, "")
    rates: dict[tuple[str, str], list[float]] = {}
    with service(options.store) as stack:
        post(stack, "/boards/", {"id": "b"})
        fill(stack, "b", 10)
        for _ in range(options.runs):
            for name, variables in settings.items():
                stack.env |= off | variables
                serve(stack, SERVICE)
                for load, (method, path) in LOADS.items():
                    rate = requests_per_second(stack.web_port, path, seconds, method=method)
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
