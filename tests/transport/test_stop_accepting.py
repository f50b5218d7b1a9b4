"""stop_accepting: no new connection begins, and none in the backlog is lost."""

from __future__ import annotations

import socket
import sys

import pytest

from proxy.transport.stop_accepting import stop_accepting

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="socket filters exist only on Linux")


def test_connections_in_the_backlog_stay_and_later_ones_get_no_answer() -> None:
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


def test_after_the_close_later_connections_are_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        assert stop_accepting(listening)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_a_system_without_socket_filters_returns_false(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setattr("proxy.transport.stop_accepting.SO_ATTACH_FILTER", 9999)
        assert not stop_accepting(listening)
        monkeypatch.setattr(sys, "platform", "darwin")
        assert not stop_accepting(listening)
