"""Three readers of one stream of HTTP/1.1 requests, which differ where servers differ.

``read_strictly`` is RFC 9112 without any tolerance. ``read_as_postgrest`` is PostgREST's server (Haskell's warp), as
measured: tests/e2e/exactness/test_postgrests_reader.py asks the real one. ``read_as_llhttp`` has the rules of llhttp
(Node.js, aiohttp) with all its tolerances on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
TARGET = re.compile(rb"[\x21-\x7e\x80-\xff]+")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
EXTENSION = rb";" + TOKEN.pattern + rb'(?:=(?:%b|"[\t\x20!\x23-\x5b\x5d-\x7e\x80-\xff]*"))?' % TOKEN.pattern
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:%b)*" % EXTENSION)


class ReadRequest(NamedTuple):
    """One request as a reader understands it; ``host`` is what its Host lines say together."""

    method: bytes
    target: bytes
    host: bytes
    body: bytes


class UnreadableError(Exception):
    """The stream is no sequence of whole requests to this reader; ``before`` are the requests that it read."""

    def __init__(self, why: str, before: list[ReadRequest]) -> None:
        super().__init__(why, before)
        self.why = why
        self.before = before


class Stream:
    """Bytes, and how far they were read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def __bool__(self) -> bool:
        return self.at < len(self.data)

    def line(self, end: bytes) -> bytes:
        found = self.data.find(end, self.at)
        if found < 0:
            raise ValueError("no end of line")
        line = self.data[self.at : found]
        self.at = found + len(end)
        return line

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise ValueError("fewer bytes than announced")
        self.at += size
        return self.data[self.at - size : self.at]

    def skip(self, what: bytes) -> bool:
        if not self.data.startswith(what, self.at):
            return False
        self.at += len(what)
        return True


def _all(data: bytes, one: Callable[[Stream], ReadRequest]) -> list[ReadRequest]:
    stream, requests = Stream(data), list[ReadRequest]()
    while stream:
        try:
            requests.append(one(stream))
        except ValueError as error:
            raise UnreadableError(str(error), requests) from None
    return requests


# RFC 9112.


def read_strictly(data: bytes) -> list[ReadRequest]:
    """The requests in ``data``; UnreadableError where a byte is not as the RFCs say."""
    return _all(data, strict_request)


def strict_request(stream: Stream) -> ReadRequest:
    method, target, minor = _request_line(stream.line(b"\r\n"))
    fields = []
    while line := stream.line(b"\r\n"):
        name, colon, value = line.partition(b":")
        _demand(bool(colon and TOKEN.fullmatch(name) and VALUE.fullmatch(value)), "a header line")
        fields.append((name.lower(), value.strip(b" \t")))
    hosts = [value for name, value in fields if name == b"host"]
    _demand(len(hosts) == 1 or (minor == 0 and not hosts), "Host")
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = [value for name, value in fields if name == b"transfer-encoding"]
    _demand(len(lengths) + len(codings) < 2, "framing headers")
    body = b""
    if codings:
        _demand(codings[0].lower() == b"chunked" and minor == 1, "the transfer coding")
        body = _strict_chunks(stream)
    elif lengths:
        _demand(re.fullmatch(rb"[0-9]{1,18}", lengths[0]) is not None, "the length")
        body = stream.take(int(lengths[0]))
    return ReadRequest(method, target, b",".join(hosts), body)


def _request_line(line: bytes) -> tuple[bytes, bytes, int]:
    parts = line.split(b" ")
    _demand(len(parts) == 3, "the request line")
    method, target, version = parts
    _demand(bool(TOKEN.fullmatch(method) and TARGET.fullmatch(target)), "method or target")
    _demand(version in (b"HTTP/1.0", b"HTTP/1.1"), "the version")
    return method, target, int(version[-1:])


def _strict_chunks(stream: Stream) -> bytes:
    body = b""
    while True:
        line = CHUNK_LINE.fullmatch(stream.line(b"\r\n"))
        if line is None:
            raise ValueError("a chunk's size")
        size = int(line[1], 16)
        if not size:
            break
        body += stream.take(size)
        _demand(stream.skip(b"\r\n"), "the end of a chunk")
    while line_of_trailer := stream.line(b"\r\n"):
        name, colon, value = line_of_trailer.partition(b":")
        _demand(bool(colon and TOKEN.fullmatch(name) and VALUE.fullmatch(value)), "a trailer")
        _demand(name.lower() not in (b"content-length", b"transfer-encoding", b"host"), "a field of the head")
    return body


def _demand(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"not valid: {what}")


# PostgREST's server.


def read_as_postgrest(data: bytes) -> list[ReadRequest]:
    """The requests that PostgREST's server finds in ``data``."""
    return _all(data, _postgrest_request)


def _postgrest_request(stream: Stream) -> ReadRequest:
    first = _lf_line(stream)
    method, _, rest = first.partition(b" ")
    target, _, version = rest.partition(b" ")
    _demand(bool(method and target and version.startswith(b"HTTP/")), "the request line")
    fields: dict[bytes, bytes] = {}
    while line := _lf_line(stream):
        name, _, value = line.partition(b":")
        fields[name.lower()] = value.lstrip(b" \t")  # the last of several lines counts; blanks at the end stay
    body = b""
    if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        body = _postgrest_chunks(stream)
    elif b"content-length" in fields:
        digits = re.match(rb"[0-9]*", fields[b"content-length"])
        body = stream.take(int(digits[0] or b"0") if digits else 0)
    return ReadRequest(method, target, fields.get(b"host", b""), body)


def _postgrest_chunks(stream: Stream) -> bytes:
    body = b""
    while True:
        digits = re.match(rb"[0-9A-Fa-f]*", _lf_line(stream))
        size = int(digits[0] or b"0", 16) if digits else 0
        if not size:
            stream.skip(b"\r\n")  # trailers are not read: they would be the next request
            return body
        body += stream.take(size)
        _demand(stream.skip(b"\r\n") or stream.skip(b"\n"), "the end of a chunk")


def _lf_line(stream: Stream) -> bytes:
    line = stream.line(b"\n")
    return line.removesuffix(b"\r")


# llhttp, with its tolerances.


def read_as_llhttp(data: bytes) -> list[ReadRequest]:
    """The requests that llhttp finds in ``data`` when it is as lenient as it can be."""
    return _all(data, _llhttp_request)


def _llhttp_request(stream: Stream) -> ReadRequest:
    while stream.skip(b"\r") or stream.skip(b"\n"):
        pass
    method, target, _ = _llhttp_line(_lf_line(stream))
    fields = _llhttp_fields(stream)
    codings = _of(fields, b"transfer-encoding")
    lengths = _of(fields, b"content-length")
    body = b""
    if b",".join(codings).split(b",")[-1].lstrip(b" \t").rstrip(b" ").lower() == b"chunked":  # no tab behind it
        body = _llhttp_chunks(stream)
    elif codings:
        body = stream.take(len(stream.data) - stream.at)
    elif lengths:
        _demand(all(re.fullmatch(rb"[0-9]+", length) for length in lengths), "the length")
        body = stream.take(int(lengths[-1]))
    upgrade = b"upgrade" in b",".join(_of(fields, b"connection")).lower() and _of(fields, b"upgrade")
    _demand(not (stream and (upgrade or method == b"CONNECT")), "bytes after an upgrade, which are not HTTP")
    return ReadRequest(method, target, b",".join(_of(fields, b"host")), body)


def _llhttp_line(line: bytes) -> tuple[bytes, bytes, bytes]:
    found = re.fullmatch(rb"([!-~]+) +([^ ]+) +(HTTP/[0-9]\.[0-9])", line)
    if found is None:
        raise ValueError("not valid: the request line")
    return found[1], found[2], found[3]


def _llhttp_fields(stream: Stream) -> list[tuple[bytes, bytes]]:
    fields: list[tuple[bytes, bytes]] = []
    while line := _lf_line(stream):
        if line[:1] in (b" ", b"\t") and fields:
            name, value = fields.pop()
            fields.append((name, (value + b" " + line.strip(b" \t")).strip(b" \t")))
            continue
        name, colon, value = line.partition(b":")
        _demand(bool(colon), "a header line")
        coding = name.lower() == b"transfer-encoding"
        fields.append((name.rstrip(b" ").lower(), value.lstrip(b" \t") if coding else value.strip(b" \t")))
    return fields


def _llhttp_chunks(stream: Stream) -> bytes:
    body = b""
    while True:
        size = re.match(rb"([0-9A-Fa-f]+)[ \t]*(?:;.*)?$", _lf_line(stream), re.DOTALL)
        if size is None:
            raise ValueError("not valid: a chunk's size")
        if not int(size[1], 16):
            _llhttp_fields(stream)
            return body
        body += stream.take(int(size[1], 16))
        stream.skip(b"\r")
        stream.skip(b"\n")


def _of(fields: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in fields if key == name]


READERS = {"strict": read_strictly, "PostgREST": read_as_postgrest, "llhttp": read_as_llhttp}
