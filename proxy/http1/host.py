"""The value of ``Host``, and targets that name a host (RFC 9110 §7.2, RFC 9112 §3.2, RFC 3986 §3.2.2)."""

import msgspec

from proxy.errors.codes import FaultError
from proxy.http1.head import RequestLine

MAX_HOST_BYTES = 260
"""The longest name of DNS, and a port."""
MAX_PORT = 65535

_HEX = b"0123456789abcdefABCDEF"
_NAME_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=%"
_ADDRESS_BYTES = _HEX + b":."


def is_host(value: bytes) -> bool:
    """Whether ``value`` is ``uri-host [":" port]`` with a host that is not empty. nginx refuses the same values."""
    if len(value) > MAX_HOST_BYTES:
        return False
    if value[:1] == b"[":
        address, bracket, port = value[1:].partition(b"]")
        valid = bool(address and bracket) and not address.translate(None, _ADDRESS_BYTES) and port[:1] in (b"", b":")
        return valid and _is_port(port[1:])
    name, _, port = value.partition(b":")
    return bool(name) and not name.translate(None, _NAME_BYTES) and _is_escaped(name) and _is_port(port)


def origin_form(line: RequestLine) -> tuple[RequestLine, bytes]:
    """``GET http://host/path`` as ``GET /path``, and its authority, which is empty for other targets (RFC 9112 §3.2).

    FaultError FANIN101 for a target of no form, or with an authority that is not a host.
    """
    target = line.target
    if target[:1] == b"/" or (target == b"*" and line.method == b"OPTIONS"):
        return line, b""
    if target[:7].lower() != b"http://":
        raise FaultError("FANIN101")
    authority, slash, rest = target[7:].partition(b"/")
    if not is_host(authority):
        raise FaultError("FANIN101", "the authority of the target is not a host")
    return msgspec.structs.replace(line, target=b"/" + rest if slash else b"/"), authority


def with_host(block: bytes, authority: bytes, minor: int) -> bytes:
    """The header lines of ``block`` with ``authority`` as the value of ``Host``: an authority in the target replaces
    what Host says (RFC 9112 §3.2.2). HTTP/1.0 requests get a Host line if they have none.
    """
    lines = block.split(b"\r\n") if block else []
    own = b"Host: " + authority
    replaced = [own if line[:5].lower() == b"host:" else line for line in lines]
    return b"\r\n".join([own, *replaced] if minor == 0 and own not in replaced else replaced)


def _is_escaped(name: bytes) -> bool:
    """Whether two hex digits follow each ``%``."""
    return all(len(part) > 1 and not part[:2].translate(None, _HEX) for part in name.split(b"%")[1:])


def _is_port(port: bytes) -> bool:
    return not port or (port.isdigit() and len(port) <= 5 and int(port) <= MAX_PORT)
