"""A free port can be bound."""

from __future__ import annotations

import socket

from proxy.demo.stack import (
    free_port,
)


def test_free_port_can_be_bound() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", free_port()))
