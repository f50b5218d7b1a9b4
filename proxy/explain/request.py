"""Parses the request of the command line: ``GET /t?id=eq.1`` or a URL, with header lines in curl's format."""

import os
from collections.abc import Iterable

import msgspec

from proxy.errors.codes import FaultError
from proxy.http1.head import HeaderField, first_value, parse_fields, parse_request_line
from proxy.model import Column
from proxy.postgrest.types import full_name

USAGE = "Write METHOD /path?query or a URL, as one word in quotes: 'GET /orders?id=eq.1'."
SCHEMES = ("http://", "https://")


class RequestError(ValueError):
    """The arguments are not a valid request; the message says how to write one."""


class ExplainedRequest(msgspec.Struct, frozen=True):
    """A request as a client would send it."""

    method: bytes
    target: bytes
    minor: int
    fields: tuple[HeaderField, ...]
    host_given: bool
    """Whether the command line contains a host; else the Host header is an invented one."""
    body: bytes | None = None
    """None if it is not known."""


def looks_like_request(words: str) -> bool:
    """Whether ``words`` is a request: codes and reasons contain neither spaces nor slashes."""
    return " " in words or "/" in words


def read_request(words: str, headers: Iterable[str], body: bytes | None = None) -> ExplainedRequest:
    """Parse a request; raises RequestError for one that is not valid HTTP."""
    method, target, version = _parts(words)
    target, host = _origin_form(target)
    try:
        line = parse_request_line(b" ".join((method, target, version)))
    except FaultError as error:
        raise RequestError(f"{error.fault.message}. {error.fault.hint} {USAGE}") from None
    fields = tuple(_field(header) for header in headers)
    given = host != b"" or first_value(fields, b"host") is not None
    if first_value(fields, b"host") is None:
        value = host or b"localhost"
        fields = (HeaderField(b"host", value, b"Host: " + value), *fields)
    return ExplainedRequest(line.method, line.target, line.minor, fields, given, body)


def _field(header: str) -> HeaderField:
    """A header line. Error messages do not contain it: its value may be a secret."""
    try:
        (field,) = parse_fields(os.fsencode(header), "FANIN102")
    except (FaultError, ValueError):
        raise RequestError("-H: not a valid header line. Write each as -H 'Name: value'.") from None
    return field


def read_columns(assignments: Iterable[str], certain: bool) -> dict[bytes, Column]:
    """Columns by name, from ``name=type`` and ``name=type unique``; ``certain``: their collations are known too."""
    columns = {}
    for assignment in assignments:
        name, equals, type_name = assignment.partition("=")
        bare = type_name.removesuffix(" unique")
        if not (name and equals and bare.strip()):
            raise RequestError(f"--type: '{assignment}' is not COLUMN=TYPE.")
        columns[os.fsencode(name)] = Column(full_name(bare), certain, unique=bare != type_name)
    return columns


def _parts(words: str) -> tuple[bytes, bytes, bytes]:
    """Method, target and version; the method defaults to GET."""
    method, _, rest = words.strip().partition(" ")
    if not rest or method.startswith(("/", *SCHEMES)):
        method, rest = "GET", words.strip()
    target, _, version = rest.strip().rpartition(" ")
    if not version.startswith("HTTP/"):
        target, version = rest.strip(), "HTTP/1.1"
    if " " in target.strip():
        raise RequestError(f"The target contains a space: write it as %20. {USAGE}")
    return os.fsencode(method), os.fsencode(target.strip()), os.fsencode(version)


def _origin_form(target: bytes) -> tuple[bytes, bytes]:
    """The target in origin form (RFC 9112 section 3.2.1), and the host of a URL, else empty."""
    if target.startswith(b"/") or target == b"*":
        return target, b""
    scheme, _, rest = target.partition(b"://")
    if os.fsdecode(scheme) + "://" not in SCHEMES:
        raise RequestError(f"'{os.fsdecode(target)}' is neither a path nor a URL. {USAGE}")
    rest = rest.partition(b"#")[0]
    end = min((at for mark in b"/?" if (at := rest.find(mark)) >= 0), default=len(rest))
    path = rest[end:]
    return (path if path.startswith(b"/") else b"/" + path), rest[:end]
