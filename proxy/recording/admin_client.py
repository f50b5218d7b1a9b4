"""Requests to the admin port of a running fanin, at ``http://HOST:PORT`` or on the socket ``unix:/path``."""

import socket
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPHandler, ProxyHandler, Request, build_opener

from proxy.settings.sources import ConfigError

UNIX = "unix:"


class _UnixConnection(HTTPConnection):
    """HTTP over the socket at ``path``."""

    def __init__(self, host: str, timeout: float, path: str) -> None:
        super().__init__(host, timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _UnixHandler(HTTPHandler):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def http_open(self, req: Request) -> HTTPResponse:
        connect: Any = partial(_UnixConnection, path=self._path)
        return self.do_open(connect, req)


def check_admin_url(admin: str) -> None:
    """ConfigError if ``admin`` is neither a URL of HTTP nor ``unix:/path``."""
    try:
        parts = urlsplit(admin)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_url = False
    if not (is_url or admin.startswith(f"{UNIX}/")):
        raise ConfigError(
            f"--admin: '{admin}' is not http://HOST:PORT or unix:/path, the address of a running fanin's admin port"
        )


def open_admin(admin: str, path: str, token: str | None, timeout: float, body: bytes | None = None) -> HTTPResponse:
    """The answer to a GET of ``path``, or to a POST of the JSON text ``body``. ConfigError for an invalid address;
    OSError, such as HTTPError, if it fails.
    """
    check_admin_url(admin)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {} if body is None else {"Content-Type": "application/json"}
    handlers = [_UnixHandler(admin.removeprefix(UNIX))] if admin.startswith(UNIX) else []
    base = "http://localhost" if handlers else admin.rstrip("/")
    request = Request(f"{base}{path}", body, headers)  # noqa: S310 – the scheme is checked above
    answer: HTTPResponse = build_opener(ProxyHandler({}), *handlers).open(request, timeout=timeout)
    return answer
