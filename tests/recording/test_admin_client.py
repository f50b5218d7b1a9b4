"""The admin port of a running fanin is read over TCP and over a unix socket."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler
from socketserver import UnixStreamServer
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError

import pytest

from proxy.recording.admin_client import check_admin_url, open_admin
from proxy.settings.sources import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.headers["Authorization"] == "Bearer t" else 401)
        self.end_headers()
        self.wfile.write(f"{self.headers['Host']} {self.path}".encode())

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def socket_path(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "admin.sock"
    with UnixStreamServer(str(path), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield path
        server.shutdown()
        thread.join()


def test_a_unix_socket_is_read_with_the_token(socket_path: Path) -> None:
    with open_admin(f"unix:{socket_path}", "/api/x", "t", 5.0) as answer:
        assert answer.read() == b"localhost /api/x"


def test_an_error_status_is_an_error_as_over_tcp(socket_path: Path) -> None:
    with pytest.raises(HTTPError, match="401"):
        open_admin(f"unix:{socket_path}", "/api/x", None, 5.0)


def test_a_socket_on_which_nobody_listens_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(URLError):
        open_admin(f"unix:{tmp_path}/none", "/", None, 5.0)


@pytest.mark.parametrize("admin", ["http://127.0.0.1:9000", "https://h/", "unix:/run/fanin/admin.sock"])
def test_addresses_of_both_kinds_are_valid(admin: str) -> None:
    check_admin_url(admin)


@pytest.mark.parametrize("admin", ["127.0.0.1:9000", "ftp://h", "http://", "unix:relative", "http://[", ""])
def test_anything_else_is_an_error_that_says_what_is_valid(admin: str) -> None:
    with pytest.raises(ConfigError, match="is not http://HOST:PORT or unix:/path"):
        check_admin_url(admin)
