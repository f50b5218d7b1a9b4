"""Who may have what of the admin port: one decision that every request there passes, whatever page it is for.

Metrics and health are for everybody who can connect. Pages and API may be read from this machine, or with the token;
what changes something takes a POST of JSON from the same origin. A browser must not be made to do any of it for others:
Host is checked against DNS rebinding, and no other origin is ever let in.
"""

import ipaddress
from collections.abc import Iterable
from hashlib import blake2b
from hmac import compare_digest

import msgspec

OPEN = frozenset(("/metrics", "/livez", "/readyz"))
"""What needs no token. It changes nothing and shows no more than counts."""
READS = frozenset(("GET", "HEAD"))
LOCAL_NAMES = frozenset(("localhost", "ip6-localhost"))
OWN_SITE = frozenset(("", "same-origin", "none"))
"""Values of Sec-Fetch-Site (https://www.w3.org/TR/fetch-metadata/) that no foreign page's request has."""

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "fanin",
    "X-Content-Type-Options": "nosniff",
}
"""On every answer."""


class AdminRequest(msgspec.Struct, frozen=True):
    """What the decision depends on; empty where a header is not there."""

    method: str
    path: str
    peer: str
    """Address of the other side."""
    hosts: tuple[str, ...]
    """The values of all Host headers."""
    forwarded: bool = False
    """Whether a proxy says that it asks for somebody else."""
    authorization: str = ""
    cookie: str = ""
    origin: str = ""
    site: str = ""
    navigates: bool = False
    """Whether a browser opens it as a page."""
    content_type: str = ""


class Denied(msgspec.Struct, frozen=True):
    """Why not: the status, and what to do."""

    status: int
    reason: str


class AccessPolicy:
    """The rules of one admin port; ``hosts`` are names that it goes by, besides addresses and localhost."""

    def __init__(self, token: str | None, hosts: Iterable[str], key: bytes) -> None:
        """``key`` is random, and the process' own."""
        self._token = None if token is None else token.encode()
        self._names = LOCAL_NAMES | {host.lower() for host in hosts}
        self.session = "" if token is None else blake2b(token.encode(), key=key).hexdigest()
        """What the cookie of one who has shown the token says: worth nothing after a restart, or with another token."""

    def check(self, asked: AdminRequest) -> Denied | None:
        """None where the request may pass."""
        return self._judge_host(asked) or self._judge_method(asked) or self._judge_visitor(asked)

    def is_token(self, text: str) -> bool:
        """Whether ``text`` is the token; it takes as long for one that is nearly right."""
        return self._token is not None and compare_digest(text.encode(), self._token)

    def _judge_host(self, asked: AdminRequest) -> Denied | None:
        """A page whose name was made to lead here (DNS rebinding) has that name in Host; an address cannot be one."""
        name = host_name(asked.hosts[0]) if len(asked.hosts) == 1 else ""
        if name in self._names or _is_address(name):
            return None
        return Denied(403, "Host is no name of this port: use its address, or add the name to admin_hosts.")

    def _judge_method(self, asked: AdminRequest) -> Denied | None:
        if asked.method in READS:
            return None
        if asked.method != "POST":
            return Denied(405, "Only GET, HEAD and POST are taken.")
        if asked.content_type.partition(";")[0].strip().lower() != "application/json":
            return Denied(415, "A change is a POST of application/json.")
        if asked.origin and asked.origin.partition("://")[2] != asked.hosts[0]:
            return Denied(403, "A change comes from the same origin.")
        return None if asked.site in OWN_SITE else Denied(403, "A change comes from the same origin.")

    def _judge_visitor(self, asked: AdminRequest) -> Denied | None:
        if asked.path in OPEN and asked.method in READS:
            return None
        if asked.site not in OWN_SITE and not asked.navigates:
            return Denied(403, "Pages of other origins get nothing from here.")
        if self._shown_token(asked) or (_is_loopback(asked.peer) and not asked.forwarded):
            return None
        if self._token is None:
            return Denied(403, "This is for the machine that fanin runs on: to let others in, set admin_token.")
        return Denied(401, "Open it once with ?token=…, or send Authorization: Bearer ….")

    def _shown_token(self, asked: AdminRequest) -> bool:
        kind, _, text = asked.authorization.partition(" ")
        if kind.lower() == "bearer" and self.is_token(text.strip()):
            return True
        return self._token is not None and compare_digest(asked.cookie.encode(), self.session.encode())


def host_name(host: str) -> str:
    """The name in ``name:port``, ``[v6]:port`` or either without a port; empty for what is none of these."""
    name, _, port = host.rpartition(":") if ":" in host.rpartition("]")[2] else (host, "", "")
    if port and not port.isdigit():
        return ""
    return name.lower().rstrip(".").removeprefix("[").removesuffix("]")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(peer: str) -> bool:
    """Whether the other side is this machine; IPv4 may come in IPv6's clothes."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
