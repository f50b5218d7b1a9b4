"""The request to explain, from a command line: ``GET /t?id=eq.1``, or a URL, and header lines as curl takes them."""

import os
from collections.abc import Iterable

import msgspec

from proxy.errors.codes import FaultError
from proxy.http1.head import HeaderField, first_value, parse_fields, parse_request_line
from proxy.model import Column
from proxy.postgrest.types import full_name

HOW = "Write METHOD /path?query or a URL, as one word in quotes: 'GET /orders?id=eq.1'."
SCHEMES = ("http://", "https://")


class RequestError(ValueError):
    """The words are no request; the message says what to do."""


class ExplainedRequest(msgspec.Struct, frozen=True):
    """A request as it would be on the wire."""

    method: bytes
    target: bytes
    minor: int
    fields: tuple[HeaderField, ...]
    host_given: bool
    """Whether the command line named a host; else a Host line was made up."""


def looks_like_request(words: str) -> bool:
    """Whether ``words`` are to be a request: no code and no reason has a blank or a slash."""
    return " " in words or "/" in words


def read_request(words: str, headers: Iterable[str]) -> ExplainedRequest:
    """A request off the command line; RequestError for what no client could send."""
    method, target, version = _parts(words)
    target, host = _origin_form(target)
    try:
        line = parse_request_line(b" ".join((method, target, version)))
    except FaultError as error:
        raise RequestError(f"{error.fault.message}. {error.fault.hint} {HOW}") from None
    fields = tuple(_field(header) for header in headers)
    given = host != b"" or first_value(fields, b"host") is not None
    if first_value(fields, b"host") is None:
        value = host or b"localhost"
        fields = (HeaderField(b"host", value, b"Host: " + value), *fields)
    return ExplainedRequest(line.method, line.target, line.minor, fields, given)


def _field(header: str) -> HeaderField:
    """A header line; its value is repeated in no message."""
    try:
        (field,) = parse_fields(os.fsencode(header), "FANIN102")
    except (FaultError, ValueError):
        raise RequestError("A header is no header line. Write each as -H 'Name: value'.") from None
    return field


def read_columns(assignments: Iterable[str], certain: bool) -> dict[bytes, Column]:
    """Columns by name from ``name=type`` and ``name=type unique``; ``certain`` says that collations are known too."""
    columns = {}
    for assignment in assignments:
        name, equals, type_name = assignment.partition("=")
        bare = type_name.removesuffix(" unique")
        if not (name and equals and bare.strip()):
            raise RequestError(f"--type: '{assignment}' is not COLUMN=TYPE.")
        columns[os.fsencode(name)] = Column(full_name(bare), certain, unique=bare != type_name)
    return columns


def _parts(words: str) -> tuple[bytes, bytes, bytes]:
    """Method, target and version; a URL alone is a GET."""
    method, _, rest = words.strip().partition(" ")
    if not rest or method.startswith(("/", *SCHEMES)):
        method, rest = "GET", words.strip()
    target, _, version = rest.strip().rpartition(" ")
    if not version.startswith("HTTP/"):
        target, version = rest.strip(), "HTTP/1.1"
    if " " in target.strip():
        raise RequestError(f"The target holds a blank: write it as %20. {HOW}")
    return os.fsencode(method), os.fsencode(target.strip()), os.fsencode(version)


def _origin_form(target: bytes) -> tuple[bytes, bytes]:
    """The target as servers are asked for it, and the host of a URL."""
    if target.startswith(b"/") or target == b"*":
        return target, b""
    scheme, _, rest = target.partition(b"://")
    if os.fsdecode(scheme) + "://" not in SCHEMES:
        raise RequestError(f"'{os.fsdecode(target)}' is neither a path nor a URL. {HOW}")
    rest = rest.partition(b"#")[0]
    end = min((at for mark in b"/?" if (at := rest.find(mark)) >= 0), default=len(rest))
    path = rest[end:]
    return (path if path.startswith(b"/") else b"/" + path), rest[:end]
