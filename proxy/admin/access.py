"""Access control of the admin port: one decision for every request, independent of its route.

Metrics and health are open to every client. Pages and API need a local client or the token; a change needs a POST of
JSON from the same origin. Other websites must not use a visitor's browser for access: the Host header is checked
against DNS rebinding, and requests from other origins are denied.
"""

import ipaddress
from collections.abc import Iterable
from hashlib import blake2b
from hmac import compare_digest

import msgspec

OPEN = frozenset(("/metrics", "/livez", "/readyz"))
"""Paths that need no token: they change nothing and show only counts."""
READS = frozenset(("GET", "HEAD"))
MAX_PORT = 65535
UNIX = "unix"
"""The peer of a client that connected to a unix socket, whose permissions decide who can."""
LOCAL_NAMES = frozenset(("localhost", "ip6-localhost"))
SAME_SITE_VALUES = frozenset(("", "same-origin", "none"))
"""Values of Sec-Fetch-Site (https://www.w3.org/TR/fetch-metadata/) that requests of other sites never have."""

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "fanin",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every response."""


class AdminRequest(msgspec.Struct, frozen=True):
    """The parts of a request that decide its access; missing headers are empty."""

    method: str
    path: str
    peer: str
    """IP address of the client, or ``UNIX``."""
    hosts: tuple[str, ...]
    """The values of all Host headers."""
    forwarded: bool = False
    """Whether a proxy forwarded the request for another client."""
    authorization: str = ""
    cookie: str = ""
    origin: str = ""
    site: str = ""
    navigates: bool = False
    """Whether a browser opens it as a page (Sec-Fetch-Mode: navigate)."""
    content_type: str = ""


class Denied(msgspec.Struct, frozen=True):
    """A denied request: its status, and why or what to do."""

    status: int
    reason: str


class AccessPolicy:
    """The access rules of one admin port; ``hosts`` are its names besides IP addresses and localhost."""

    def __init__(self, token: str | None, hosts: Iterable[str], key: bytes) -> None:
        """``key`` is random per process; it signs session cookies."""
        self._token = None if token is None else token.encode()
        self._names = LOCAL_NAMES | {host.lower() for host in hosts if host}
        self.session = "" if token is None else blake2b(token.encode(), key=key).hexdigest()
        """Value of the session cookie after a login; invalid after a restart or with another token."""

    def check(self, request: AdminRequest) -> Denied | None:
        """None if the request is allowed."""
        return self._check_host(request) or self._check_method(request) or self._check_client(request)

    def is_token(self, text: str) -> bool:
        """Whether ``text`` is the token, compared in constant time."""
        return self._token is not None and compare_digest(_bytes(text), self._token)

    def _check_host(self, request: AdminRequest) -> Denied | None:
        """A DNS rebinding attack has the attacker's name in Host; an IP address cannot be rebound."""
        name = host_name(request.hosts[0]) if len(request.hosts) == 1 else ""
        if name in self._names or _is_address(name):
            return None
        return Denied(
            403, "The Host header is not a name of this port: use its address, or add the name to admin_hosts."
        )

    def _check_method(self, request: AdminRequest) -> Denied | None:
        if request.method in READS:
            return None
        if request.method != "POST":
            return Denied(405, "Use GET, HEAD or POST.")
        if request.content_type.partition(";")[0].strip().lower() != "application/json":
            return Denied(415, "A change needs a POST of application/json.")
        if request.origin and request.origin.partition("://")[2] != request.hosts[0]:
            return Denied(403, "A change must come from the same origin.")
        return None if request.site in SAME_SITE_VALUES else Denied(403, "A change must come from the same origin.")

    def _check_client(self, request: AdminRequest) -> Denied | None:
        if request.path in OPEN and request.method in READS:
            return None
        foreign = request.origin and request.origin.partition("://")[2] != request.hosts[0]
        if foreign or (request.site not in SAME_SITE_VALUES and not request.navigates):
            return Denied(403, "Pages of other origins have no access.")
        if self._has_token(request) or (_is_loopback(request.peer) and not request.forwarded):
            return None
        if self._token is None:
            return Denied(403, "Only the machine that fanin runs on has access: to allow others, set admin_token.")
        return Denied(401, "Open the page once with ?token=…, or send Authorization: Bearer ….")

    def _has_token(self, request: AdminRequest) -> bool:
        kind, _, text = request.authorization.partition(" ")
        if kind.lower() == "bearer" and self.is_token(text.strip()):
            return True
        return self._token is not None and compare_digest(_bytes(request.cookie), self.session.encode())


def host_name(host: str) -> str:
    """The name in ``name:port``, ``[v6]:port`` or either without a port; empty for any other text."""
    name, _, port = host.rpartition(":") if ":" in host.rpartition("]")[2] else (host, "", "")
    if port and not (port.isascii() and port.isdigit() and int(port[:6]) <= MAX_PORT):
        return ""
    return name.lower().rstrip(".").removeprefix("[").removesuffix("]")


def _bytes(text: str) -> bytes:
    """The bytes of a header value, which aiohttp decodes with surrogates where they are not UTF-8."""
    return text.encode(errors="surrogateescape")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(peer: str) -> bool:
    """Whether the client is on this machine; also for IPv4 addresses mapped to IPv6."""
    if peer == UNIX:
        return True
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
