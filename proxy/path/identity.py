"""From header lines to a Head: what goes on to upstream, and which callers are one identity.

Source: docs/explanation/architecture.md#identity-and-headers.
"""

from hashlib import blake2b

import msgspec

from proxy.allowed_differences import FANIN_PREFIX, HOP_BY_HOP
from proxy.errors.codes import FaultError
from proxy.http1.framing import CONNECTION_OPTIONS, request_framing
from proxy.http1.head import HeaderField, first_value, tokens
from proxy.model import Media, RequestHead
from proxy.postgrest.request.media import count_preferences, media_of

CONDITIONAL = frozenset((b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range"))
NEGOTIATING = CONDITIONAL | {b"host", b"accept-encoding"}
"""What a gateway may answer differently to, though PostgREST does not."""
NEUTRAL = NEGOTIATING | {b"traceparent", b"tracestate", b"x-retry-count"}
"""Headers in which merged callers may differ: PostgREST answers the same whatever they say."""


HEX = b"0123456789abcdef"


class HeadRules(msgspec.Struct, frozen=True):
    """What of the settings bears on heads. ``host`` replaces the Host value, unless empty."""

    host: bytes
    neutral: frozenset[bytes]
    trace_headers: tuple[bytes, ...]
    key: bytes
    """Random, per process: identities are remembered as hashes under it."""


def head_rules(
    host: bytes,
    trace_headers: tuple[str, ...],
    also: tuple[str, ...],
    without: tuple[str, ...],
    key: bytes,
) -> HeadRules:
    """The neutral list with the operator's additions and removals; trace headers are always neutral."""
    names = tuple(name.lower().encode() for name in trace_headers)
    added = {name.lower().encode() for name in also} | set(names)
    removed = {name.lower().encode() for name in without}
    return HeadRules(host, frozenset((NEUTRAL | added) - removed), names, key)


def read_head(fields: tuple[HeaderField, ...], minor: int, rules: HeadRules) -> RequestHead:
    """Judge the header lines of a request. FaultError when they are ambiguous (FANIN103, 105, 106, 111)."""
    framing = request_framing(fields, minor)
    options = tokens(fields, b"connection")
    if not CONNECTION_OPTIONS.issuperset(options):
        raise FaultError("FANIN105")
    hosts = sum(field.name == b"host" for field in fields)
    if hosts > 1 or (minor == 1 and not hosts):
        raise FaultError("FANIN106")
    kept = [field for field in fields if is_forwarded(field.name)]
    identity = b"".join(field.line + b"\r\n" for field in kept if field.name not in rules.neutral)
    differing = rules.neutral - NEGOTIATING
    media = media_of([field.value for field in fields if field.name == b"accept"])
    counted = count_preferences([field.value for field in fields if field.name == b"prefer"])
    return RequestHead(
        forwarded_lines=b"".join(_forwarded_line(field, rules) for field in kept),
        merged_lines=_merged_call_lines(kept, media, rules),
        identity=identity,
        coalescing_identity=b"".join(_forwarded_line(field, rules) for field in kept if field.name not in differing),
        identity_hash=blake2b(identity, digest_size=16, key=rules.key).digest(),
        body_framing=framing,
        close=minor == 0 or b"close" in options,
        websocket=_wants_websocket(fields, options, framing, minor),
        trace=_trace_name(fields, rules.trace_headers),
        route=_bounded_text(first_value(fields, b"x-fanin-route")),
        caller=_bounded_text(first_value(fields, b"x-fanin-caller")),
        retry=first_value(fields, b"x-retry-count") not in (None, b"0"),
        accept_profile=_bounded_text(first_value(fields, b"accept-profile")),
        content_profile=_bounded_text(first_value(fields, b"content-profile")),
        origin=first_value(fields, b"origin") or b"",
        media=media,
        exact_count=counted == [b"count=exact"],
        bypass_reason=_bypass_reason(fields, framing, minor, media, counted),
    )


def with_peer(head: RequestHead, peer: bytes, key: bytes) -> RequestHead:
    """``head`` with an X-Forwarded-For line for ``peer``, which upstream sees, and which is identity for that."""
    line = b"X-Forwarded-For: " + peer + b"\r\n"
    identity = head.identity + line
    return msgspec.structs.replace(
        head,
        forwarded_lines=head.forwarded_lines + line,
        merged_lines=head.merged_lines + line,
        identity=identity,
        coalescing_identity=head.coalescing_identity + line,
        identity_hash=blake2b(identity, digest_size=16, key=key).digest(),
    )


def traceparent_of(forward: bytes) -> bytes:
    """The value of ``traceparent`` among header lines, in lower case; empty when absent."""
    _, found, rest = (b"\r\n" + forward.lower()).partition(b"\r\ntraceparent:")
    return rest.partition(b"\r\n")[0].strip() if found else b""


def _wants_websocket(fields: tuple[HeaderField, ...], options: list[bytes], framing: int, minor: int) -> bool:
    """Nothing else is upgraded, and no request with a body: its end would be lost in the tunnel."""
    upgrade = tokens(fields, b"upgrade") == [b"websocket"] and b"upgrade" in options
    return upgrade and framing == 0 and minor == 1


def is_forwarded(name: bytes) -> bool:
    """Whether a header of this name (lower case) goes on to upstream."""
    return name not in HOP_BY_HOP and not name.startswith(FANIN_PREFIX)


def _forwarded_line(field: HeaderField, rules: HeadRules) -> bytes:
    if field.name == b"host" and rules.host:
        return b"Host: " + rules.host + b"\r\n"
    return field.line + b"\r\n"


def _merged_call_lines(kept: list[HeaderField], media: Media | None, rules: HeadRules) -> bytes:
    """The lines of a merged call: no compression, and an array of rows whatever the caller makes of it."""
    asks = b"" if media is None else media.accept
    replaced = (b"accept-encoding", b"accept") if asks else (b"accept-encoding",)
    lines = [_forwarded_line(field, rules) for field in kept if field.name not in replaced]
    return b"".join([*lines, b"Accept: " + asks + b"\r\n" if asks else b"", b"Accept-Encoding: identity\r\n"])


def _bypass_reason(
    fields: tuple[HeaderField, ...], framing: int, minor: int, media: Media | None, counted: list[bytes]
) -> str | None:
    checks = (
        ("off", first_value(fields, b"x-fanin") == b"off"),
        ("http-1.0", minor == 0),
        ("body", framing != 0),
        ("expect", first_value(fields, b"expect") is not None),
        ("range", first_value(fields, b"range") is not None),
        ("accept", media is None),
        ("count", counted not in ([], [b"count=exact"])),
    )
    return next((reason for reason, holds in checks if holds), None)


def _trace_name(fields: tuple[HeaderField, ...], names: tuple[bytes, ...]) -> str | None:
    for name in names:
        value = first_value(fields, name)
        if value:
            return _trace_id(value) if name == b"traceparent" else _bounded_text(value)
    return None


def _trace_id(traceparent: bytes) -> str | None:
    """The trace id of a W3C ``traceparent`` (https://www.w3.org/TR/trace-context/ §3.2); None when malformed."""
    parts = traceparent.split(b"-")
    well = len(parts) >= 4 and len(parts[1]) == 32 and not parts[1].strip(HEX) and parts[1].strip(b"0")
    return parts[1].decode() if well else None


def _bounded_text(value: bytes | None) -> str:
    """At most 200 characters: enough to name things, too few to fill the memory with."""
    return (value or b"")[:200].decode("utf-8", "replace")
