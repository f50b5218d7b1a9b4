"""A deaf socket lets nobody begin a connection, and loses none of those who have."""

from __future__ import annotations

import socket
import sys

import pytest

from proxy.transport.stop_accepting import stop_accepting

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="socket filters are Linux's")


def test_who_had_connected_is_heard_and_who_comes_later_gets_no_answer() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as early,
    ):
        assert stop_accepting(listening)
        early.sendall(b"heard")
        with socket.socket() as late:
            late.settimeout(0.2)
            with pytest.raises(TimeoutError):
                late.connect(listening.getsockname())
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.recv(10) == b"heard"
            accepted.sendall(b"and answered")
            assert early.recv(20) == b"and answered"
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_who_comes_later_is_refused_once_it_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        assert stop_accepting(listening)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_a_system_without_filters_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setattr("proxy.transport.stop_accepting.SO_ATTACH_FILTER", 9999)
        assert not stop_accepting(listening)
        monkeypatch.setattr(sys, "platform", "darwin")
        assert not stop_accepting(listening)
