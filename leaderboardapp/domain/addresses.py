"""Addresses of this machine."""

from typing import NamedTuple


class Address(NamedTuple):
    """Where something is served: a host's name or address, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
