"""Addresses from settings: upstream's URL, listening addresses; and the TLS context for upstream."""

import os
import ssl
from urllib.parse import urlsplit

import msgspec

from proxy.settings.model import Settings
from proxy.settings.sources import ConfigError

MAX_PORT = 65535
FIRST_PRINTED, LAST_PRINTED = "!", "~"
"""The first and the last character of ASCII that a URL may contain. Blanks would end the target of a request."""
MAX_UNIX_PATH = 107
"""The most bytes of the path of a unix socket (Linux, sun_path without its NUL)."""
UNIX_PORT = -1
"""Stands for the port of a unix socket, which has none."""


class Address(msgspec.Struct, frozen=True):
    """Upstream's address. ``unix`` is a socket path or empty; ``authority`` is the value for ``Host``; ``base`` is the
    path without a trailing slash.
    """

    host: str
    port: int
    tls: bool
    unix: str
    base: bytes
    authority: bytes


def parse_address(url: str) -> Address:
    """The address in ``http(s)://HOST[:PORT][/base]`` or ``unix:/path``. ConfigError for anything else."""
    if url.startswith("unix:"):
        return Address("", 0, False, _unix_path(url), b"", b"localhost")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigError(f"upstream: {_not_an_address(url)}") from None
    extra = parts.query or parts.fragment or parts.username is not None
    strange = any(not FIRST_PRINTED <= char <= LAST_PRINTED for char in url)
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or extra or strange:
        raise ConfigError(f"upstream: {_not_an_address(url)}")
    tls = parts.scheme == "https"
    base = parts.path.rstrip("/").encode()
    return Address(parts.hostname, port or (443 if tls else 80), tls, "", base, parts.netloc.encode())


def split_listen(listen: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``; of ``unix:/path`` the path and ``UNIX_PORT``. ConfigError for anything else."""
    if listen.startswith("unix:"):
        return _unix_path(listen), UNIX_PORT
    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > MAX_PORT:
        raise ConfigError(f"'{listen}' is not HOST:PORT, with a port from 0 to {MAX_PORT}, or unix:/path")
    return host.strip("[]"), int(port)


def _unix_path(address: str) -> str:
    """The path in ``unix:/path``. ConfigError if it cannot be that of a socket."""
    path = address.removeprefix("unix:")
    if not path.startswith("/") or len(os.fsencode(path)) > MAX_UNIX_PATH:
        raise ConfigError(f"'{address}' is not unix:/path, absolute and of at most {MAX_UNIX_PATH} bytes")
    return path


def _not_an_address(url: str) -> str:
    """The error text, without the user name and password that a URL may contain."""
    if "@" in url:
        return "a user name or password in the URL is not supported: http(s)://HOST[:PORT][/base]"
    return f"'{url}' is not http(s)://HOST[:PORT][/base] in ASCII, or unix:/path"


def tls_context(settings: Settings) -> ssl.SSLContext:
    """A context that always verifies certificates; ``upstream_ca`` is a file with CAs. ALPN offers only HTTP/1.1."""
    try:
        context = ssl.create_default_context(cafile=settings.upstream_ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"upstream_ca: '{settings.upstream_ca}' cannot be used: {error}") from error
    context.set_alpn_protocols(["http/1.1"])
    return context
