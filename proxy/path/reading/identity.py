"""Reads header lines into a RequestHead: the lines to forward, and the caller's identity.

Source: docs/explanation/architecture.md#identity-and-headers.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import msgspec

from proxy.allowed_differences import FANIN_PREFIX, HOP_BY_HOP
from proxy.errors.codes import FaultError
from proxy.http1.framing import CONNECTION_OPTIONS, canonical_request, request_framing
from proxy.http1.head import HeaderField, first_value, tokens
from proxy.http1.host import is_host
from proxy.model import Media, RequestHead
from proxy.postgrest.request.media import count_preferences, media_of, range_limit, row_window, write_preferences
from proxy.postgrest.request.tracing import REQUEST_IDS, TRACING_HEADERS, TRACING_PREFIXES, names_one_call

CONDITIONAL = frozenset((b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range"))
NEGOTIATING = CONDITIONAL | {b"host", b"accept-encoding"}
"""Headers on which a gateway's answer may depend, although PostgREST's does not."""
OF_ONE_REQUEST = (b"content-length:", b"accept:", b"prefer: count=")
"""Beginnings of lines in which requests of one caller differ by what they ask for: rows, one row, their number."""
NEUTRAL = NEGOTIATING | TRACING_HEADERS | {b"x-retry-count"}
"""Headers that are not part of the identity, because PostgREST's answer does not depend on them. Host is one only
where upstream does not get the client's: SQL can tell tenants apart by it.
"""

NEVER_NEUTRAL = frozenset((b"accept", b"accept-profile", b"prefer", b"range"))
"""Headers on which PostgREST's answer depends. Requests that differ in one of them never share a call, whatever the
operator names neutral."""

NAMES_OF_CALLS, PREFIXES_OF_CALLS = TRACING_HEADERS | {*REQUEST_IDS, b"x-fanin-trace"}, TRACING_PREFIXES
"""Headers from which nothing but the name of the trace is read."""

MAX_CALL_HEADERS, MAX_CALL_NAMES = 3, 200
"""The most headers that only name a call, and characters of their names, that are kept of a head."""

HEX = b"0123456789abcdef"


class HeaderNames(msgspec.Struct, frozen=True):
    """A set of header names in lower case: single names, and all names with certain prefixes."""

    names: frozenset[bytes] = frozenset()
    prefixes: tuple[bytes, ...] = ()

    def __contains__(self, name: object) -> bool:
        return isinstance(name, bytes) and (name in self.names or name.startswith(self.prefixes))


def header_names(patterns: tuple[str, ...]) -> HeaderNames:
    """The names that ``patterns`` stand for: each is a name, or a prefix with ``*`` at its end."""
    lower = [pattern.strip().lower().encode() for pattern in patterns]
    names = frozenset(pattern for pattern in lower if not pattern.endswith(b"*"))
    return HeaderNames(names, tuple(pattern[:-1] for pattern in lower if pattern.endswith(b"*")))


class HeadRules(msgspec.Struct, frozen=True):
    """The settings for reading heads. ``host`` replaces the value of Host, unless it is empty: then upstream gets the
    client's.
    """

    host: bytes
    neutral: HeaderNames
    trace_headers: tuple[bytes, ...]
    key: bytes
    """Random key of this process for the hashes of identities."""
    compared: HeaderNames = HeaderNames()
    """Names that are part of the identity although ``neutral`` contains them."""
    forwards_names: bool = False
    """Whether upstream is told the route and the trace."""

    def is_neutral(self, name: bytes) -> bool:
        """Whether the header ``name`` (lower case) is not part of the identity."""
        neutral, compared = self.neutral, self.compared
        if name not in neutral.names and not name.startswith(neutral.prefixes):
            return False
        return name not in compared.names and not name.startswith(compared.prefixes)

    def tells_callers_apart(self, name: bytes) -> bool:
        """Whether the header ``name`` (lower case), which is part of the identity, may be another one only for another
        caller. The operator's word (``compared``) is stronger than what a name looks like.
        """
        compared = self.compared
        return not names_one_call(name) or name in compared.names or name.startswith(compared.prefixes)

    def only_names_call(self, name: bytes) -> bool:
        """Whether the value of the header ``name`` (lower case) has no influence on a ``RequestHead`` but for the trace
        and the lines that are sent on.
        """
        if self.forwards_names or (name not in NAMES_OF_CALLS and not name.startswith(PREFIXES_OF_CALLS)):
            return False
        return not is_forwarded(name) or self.is_neutral(name)


def head_rules(
    host: bytes,
    trace_headers: tuple[str, ...],
    added: tuple[str, ...],
    removed: tuple[str, ...],
    key: bytes,
) -> HeadRules:
    """The rules with the operator's ``added`` and ``removed`` neutral headers.

    A header that upstream gets as the client sent it is neutral only if it is in ``NEUTRAL`` or the operator says so,
    also if it names traces.
    """
    names = tuple(name.lower().encode() for name in trace_headers)
    own, removes = header_names(added), header_names(removed)
    neutral = (NEUTRAL if host else NEUTRAL - {b"host"}) | own.names
    compared = HeaderNames(removes.names | NEVER_NEUTRAL, removes.prefixes)
    return HeadRules(host, HeaderNames(neutral, TRACING_PREFIXES + own.prefixes), names, key, compared)


def read_head(fields: tuple[HeaderField, ...], minor: int, rules: HeadRules) -> RequestHead:
    """Read the header lines of a request. FaultError if they are ambiguous (FANIN103, 105, 106, 111, 117)."""
    framing = request_framing(fields, minor)
    options = tokens(fields, b"connection")
    if not CONNECTION_OPTIONS.issuperset(options):
        raise FaultError("FANIN105")
    hosts = [field.value for field in fields if field.name == b"host"]
    if len(hosts) > 1 or (minor == 1 and not hosts) or not all(map(is_host, hosts)):
        raise FaultError("FANIN106")
    fields = canonical_request(fields, framing)
    kept = [field for field in fields if is_forwarded(field.name)]
    present = dict.fromkeys([field.name for field in kept])
    neutral = {name for name in present if rules.is_neutral(name)}
    of_call = tuple([name for name in present if name not in neutral and not rules.tells_callers_apart(name)])
    lines = [(field.name, _forwarded_line(field, rules)) for field in kept]
    identity = b"".join([field.line + b"\r\n" for field in kept if field.name not in neutral])
    media = media_of([field.value for field in fields if field.name == b"accept"])
    ranges = [field.value for field in fields if field.name == b"range"]
    from_first, most = range_limit(ranges)
    prefers = [field.value for field in fields if field.name == b"prefer"]
    counted = count_preferences(prefers)
    trace, route = trace_name(fields, rules.trace_headers), _bounded_text(first_value(fields, b"x-fanin-route"))
    names = _name_lines(route, trace) if rules.forwards_names else None
    return RequestHead(
        forwarded_lines=b"".join([names or b"", *[line for _, line in lines]]),
        merged_lines=(names or b"") + _merged_call_lines(lines, media, most),
        identity=identity,
        coalescing_identity=b"".join([line for name, line in lines if name in NEGOTIATING or name not in neutral]),
        identity_hash=blake2b(identity, digest_size=16, key=rules.key).digest(),
        caller_hash=_caller_hash(kept, neutral.union(of_call), rules.key),
        call_headers=_joined(of_call) if of_call else "",
        body_framing=framing,
        close=minor == 0 or b"close" in options,
        websocket=_wants_websocket(fields, options, framing, minor),
        trace=trace,
        route=route,
        caller=_bounded_text(first_value(fields, b"x-fanin-caller")),
        retry=first_value(fields, b"x-retry-count") not in (None, b"0"),
        accept_profile=_bounded_text(first_value(fields, b"accept-profile")),
        content_profile=_bounded_text(first_value(fields, b"content-profile")),
        origin=first_value(fields, b"origin") or b"",
        media=media,
        exact_count=counted == [b"count=exact"],
        write_preferences=write_preferences(prefers),
        range_limit=most,
        row_window=row_window(ranges) if ranges else None,
        name_lines=names,
        bypass_reason=_bypass_reason(fields, framing, minor, media, from_first, counted),
    )


def _name_lines(route: str, trace: str | None) -> bytes:
    """The lines that tell upstream the route and the trace, without those that have no value."""
    named = (("X-Fanin-Route", route), ("X-Fanin-Trace", trace or ""))
    return "".join(f"{name}: {value.strip()}\r\n" for name, value in named if value.strip()).encode()


def lines_for_all(lines: bytes, heads: Sequence[RequestHead]) -> bytes:
    """``lines``, the forwarded or merged ones of ``heads[0]``, for one call that answers all of ``heads``: of its names
    those on which all agree, and the number of requests if there are several.
    """
    names = heads[0].name_lines
    if names is None or len(heads) == 1:
        return lines
    every = [(head.name_lines or b"").splitlines(keepends=True) for head in heads]
    common = [name for name in every[0] if all(name in own for own in every)]
    return b"".join([*common, b"X-Fanin-Merged: %d\r\n" % len(heads), lines.removeprefix(names)])


def with_peer(head: RequestHead, peer: bytes, key: bytes) -> RequestHead:
    """``head`` with an X-Forwarded-For line for ``peer``. Upstream sees the line, so it is part of the identity."""
    line = b"X-Forwarded-For: " + peer + b"\r\n"
    identity = head.identity + line
    return msgspec.structs.replace(
        head,
        forwarded_lines=head.forwarded_lines + line,
        merged_lines=head.merged_lines + line,
        identity=identity,
        coalescing_identity=head.coalescing_identity + line,
        identity_hash=blake2b(identity, digest_size=16, key=key).digest(),
        caller_hash=blake2b(head.caller_hash + line, digest_size=16, key=key).digest(),
    )


def _caller_hash(kept: list[HeaderField], ignored: set[bytes], key: bytes) -> bytes:
    """Hash of an identity without the headers of the names ``ignored``, without the length of the body, in which writes
    of one caller differ, and without the media type and the count that its reads ask for.
    """
    lines = [
        field.line + b"\r\n"
        for field in kept
        if field.name not in ignored and not field.line[:15].lower().startswith(OF_ONE_REQUEST)
    ]
    return blake2b(b"".join(lines), digest_size=16, key=key).digest()


@lru_cache(256)
def _joined(names: tuple[bytes, ...]) -> str:
    """The first names, by commas: one text for all heads that have them."""
    return ",".join(name.decode("latin-1") for name in names[:MAX_CALL_HEADERS])[:MAX_CALL_NAMES]


def traceparent_of(header_lines: bytes) -> bytes:
    """The value of ``traceparent`` in header lines, in lower case; empty when absent."""
    _, name, rest = (b"\r\n" + header_lines.lower()).partition(b"\r\ntraceparent:")
    return rest.partition(b"\r\n")[0].strip() if name else b""


def _wants_websocket(fields: tuple[HeaderField, ...], options: list[bytes], framing: int, minor: int) -> bool:
    """Whether to upgrade to websocket. A request with a body is not upgraded: the tunnel does not know its end."""
    upgrade = tokens(fields, b"upgrade") == [b"websocket"] and b"upgrade" in options
    return upgrade and framing == 0 and minor == 1


def is_forwarded(name: bytes) -> bool:
    """Whether a header with this name (lower case) is forwarded to upstream."""
    return name not in HOP_BY_HOP and not name.startswith(FANIN_PREFIX)


def _forwarded_line(field: HeaderField, rules: HeadRules) -> bytes:
    if field.name == b"host" and rules.host:
        return b"Host: " + rules.host + b"\r\n"
    return field.line + b"\r\n"


def _merged_call_lines(forwarded: list[tuple[bytes, bytes]], media: Media | None, most: int | None) -> bytes:
    """The lines of a merged call, which ask for an array of rows without compression.

    A Range that limits rows is left out: each merged call has its own.
    """
    accept = b"" if media is None else media.accept
    replaced = {b"accept-encoding", b"accept" if accept else b"", b"" if most is None else b"range"}
    lines = [line for name, line in forwarded if name not in replaced]
    return b"".join([*lines, b"Accept: " + accept + b"\r\n" if accept else b"", b"Accept-Encoding: identity\r\n"])


def _bypass_reason(
    fields: tuple[HeaderField, ...],
    framing: int,
    minor: int,
    media: Media | None,
    from_first: bool,
    counted: list[bytes],
) -> str | None:
    checks = (
        ("off", first_value(fields, b"x-fanin") == b"off"),
        ("http-1.0", minor == 0),
        ("body", framing != 0),
        ("expect", first_value(fields, b"expect") is not None),
        ("range", not from_first),
        ("accept", media is None),
        ("count", counted not in ([], [b"count=exact"])),
    )
    return next((reason for reason, holds in checks if holds), None)


def trace_name(fields: tuple[HeaderField, ...], names: tuple[bytes, ...]) -> str | None:
    """The name of the trace, from the first of the headers ``names`` that has a value; None if there is none."""
    for name in names:
        value = first_value(fields, name)
        if value:
            return _trace_id(value) if name == b"traceparent" else _bounded_text(value)
    return None


def _trace_id(traceparent: bytes) -> str | None:
    """The trace id of a W3C ``traceparent`` (https://www.w3.org/TR/trace-context/ §3.2); None when malformed."""
    parts = traceparent.split(b"-")
    valid = len(parts) >= 4 and len(parts[1]) == 32 and not parts[1].strip(HEX) and parts[1].strip(b"0")
    return parts[1].decode() if valid else None


def _bounded_text(value: bytes | None) -> str:
    """The first 200 bytes of a value as text. The limit bounds the memory that a client can fill with names."""
    return (value or b"")[:200].decode("utf-8", "replace")
