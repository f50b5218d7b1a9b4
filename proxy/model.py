"""Immutable value types shared by all packages. Bytes are as they were sent or received.

Times are seconds of a monotonic clock, sizes are bytes. The garbage collector does not track the types that are
created per request (``gc=False``): their fields refer only to older values, so they cannot be part of a cycle.
"""

import enum
from collections.abc import Mapping

import msgspec

RowKeys = tuple[tuple[str, tuple[int, ...]], ...]
"""Per column of an answer, one hash per row, in row order; 0 for null and for a row without the column."""

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What ``msgspec.json`` raises for a text that is no JSON of the type, or is nested too deep to be read."""

RelationSet = frozenset[str] | None
"""Relations, as ``schema.relation``; None: any."""


class Media(msgspec.Struct, frozen=True, gc=False):
    """A media type that fanin can produce from an array of rows."""

    singular: bool
    """Whether the caller wants one object; PostgREST answers 406 when there is not exactly one row."""
    accept: bytes
    """Value of Accept for a merged call; empty if the caller's own value can be sent."""
    array_type: bytes
    """Content-Type of the merged answer."""
    own_type: bytes
    """Content-Type of the caller's answer."""
    separator: bytes
    """The bytes that PostgREST writes between two rows."""
    asked: str = ""
    """What ``Span.media`` says of it."""


class RequestHead(msgspec.Struct, frozen=True, gc=False):
    """The header section of a request, without its request line: the lines to forward, and the caller's identity."""

    forwarded_lines: bytes
    """The lines for upstream, each with its CRLF: as received, without hop-by-hop and X-Fanin fields. They begin with
    ``name_lines``."""
    merged_lines: bytes
    """The lines for a merged call. They ask for no compression, because a compressed body cannot be split into rows."""
    identity: bytes
    """`forwarded_lines` without the neutral lines. Two requests have one identity when these bytes are equal."""
    coalescing_identity: bytes
    """`identity` and the headers that a cache or an encoder may depend on (Host, Accept-Encoding, If-…). Two requests
    for one target may share one unchanged answer when these bytes are equal."""
    identity_hash: bytes
    """Keyed hash of `identity`. Only the hash may be stored after the request."""
    caller_hash: bytes
    """`identity_hash` of the identity without headers that only name a call (ids of requests, idempotency keys), the
    length of the body, the media type and the count asked for. It tells callers apart in traces; it never decides who
    may share a call.
    """
    body_framing: int
    """Bytes of the body, or `http1.framing.CHUNKED`."""
    close: bool
    websocket: bool
    trace: str | None
    route: str
    caller: str
    retry: bool
    accept_profile: str
    """Value of Accept-Profile; empty when absent."""
    origin: bytes
    """Value of Origin; empty when absent."""
    media: Media | None
    """The media type that the caller accepts; None if it cannot be produced from an array of rows."""
    exact_count: bool
    """Whether the request has `Prefer: count=exact`."""
    bypass_reason: str | None
    """Why no request with this head is merged: a key of `errors.codes.BYPASS_REASONS`."""
    write_preferences: str = ""
    """The preferences of a write that decide what it does: `resolution=…`, `missing=…`, `return=…`; comma-separated."""
    range_limit: int | None = None
    """Rows that Range asks for, from the first one on; None if it sets no limit. ``merged_lines`` has no Range then."""
    row_window: tuple[int, int] | None = None
    """The first row and the number of rows that Range asks for; None if that is no plain one with a first row above 0.
    """
    content_profile: str = ""
    """Value of Content-Profile, which names the schema of a write; empty when absent."""
    call_headers: str = ""
    """The headers of `identity` that only name a call, as `caller_hash` leaves them out: names joined by commas."""
    name_lines: bytes | None = None
    """Lines with the route and the trace, with which `merged_lines` begins too; None if upstream is not told them."""


class LiteralClass(enum.Enum):
    """The syntax of a literal. It decides which literals are equal: docs/explanation/merging.md#canonical-literals."""

    INTEGER = "integer"
    UUID = "uuid"
    TEXT = "text"


class Column(msgspec.Struct, frozen=True, gc=False):
    """What is known of a column."""

    type: str
    """Base type as ``format_type`` names it, `enum` for an enumeration; empty if it could not be determined."""
    deterministic: bool = False
    """Whether its collation is known to be deterministic: texts are equal only when their bytes are equal."""
    unique: bool = False
    """Whether its values are unique and not null."""
    labels: frozenset[bytes] | None = None
    """The labels of an enumeration, if they are known."""
    mismatched: bool = False
    """Whether answers of calls merged by it were found to differ from PostgREST's."""
    bad_values: frozenset[bytes] = frozenset()
    """Literals that upstream rejected because they are not of its type."""
    by_address: bool = True
    """False if the rows of one value may be read in another order than that of their addresses, by the catalog."""
    not_null: bool = False
    """Whether it is known to have no nulls."""


class Key(msgspec.Struct, frozen=True, gc=False):
    """A top-level filter ``name=eq.literal`` or ``name=in.(literals)``; its raw value is ``target[start:end]``."""

    name: bytes
    """The column: ``postgrest.request.column_names``."""
    value: bytes
    """The whole filter value, decoded: ``eq.1``."""
    literals: tuple[bytes, ...]
    start: int
    end: int
    kind: LiteralClass


class Query(msgspec.Struct, frozen=True, gc=False):
    """A parsed request."""

    method: bytes
    target: bytes
    relation: str
    """``schema.relation``; empty for a path outside the mount and for a path that names no relation."""
    fingerprint: str
    filters: tuple[bytes, ...]
    """Per parameter, the literal of its filter; empty if it has none. Used to count distinct literals, never shown."""
    path_end: int
    """Index of the end of the path in the target."""
    select: tuple[int, int] | None
    """Start and end of the value of ``select`` in the target."""
    limit: tuple[int, int, int] | None
    """Value, start and end of ``limit``, if there is one and it is a plain number above 0."""
    offset: int
    """Value of ``offset``; 0 if there is none or it is not a plain number."""
    order: tuple[bytes, ...]
    """The columns of ``order``; empty if there is none or an item is not a column."""
    keys: tuple[Key, ...]
    bypass_reason: str | None
    aggregates: tuple[bytes, ...] = ()
    """Names in ``select`` that Postgres reads as aggregate functions, unless the relation has such columns."""
    counted: bytes = b""
    """The name of the number of rows, if ``select`` asks for nothing else (``select=count``)."""
    long_list: tuple[int, int] | None = None
    """Start and end of the value of the ``column=in.(…)`` that makes the target long; not parsed into other fields."""
    is_ordered: bool = False
    """Whether there is an ``order``, of whatever kind."""
    function: str = ""
    """The function that the path names (``/rpc/name``), if its name is plain."""


class PendingRequest(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A request that waits in a window."""

    query: Query
    head: RequestHead
    arrived: float


MINIMAL, REPRESENTATION = b"return=minimal", b"return=representation"
"""The values of Prefer that a merged write may have."""


class WriteForm(msgspec.Struct, frozen=True):
    """What a write asks for. ``wants``: the value of Prefer; empty, ``MINIMAL`` or ``REPRESENTATION``."""

    key: Key
    wants: bytes


class PendingWrite(PendingRequest, frozen=True, gc=False, eq=False):
    """A write that waits in a window, with its whole body."""

    form: WriteForm
    body: bytes


class WriteCall(msgspec.Struct, frozen=True, eq=False):
    """One call for several writes of different rows."""

    target: bytes
    writes: Mapping[bytes, PendingWrite]
    """By literal, in the order in which rows are locked as far as fanin can say: that of the values."""
    header_lines: bytes
    returns_rows: bool
    """Whether the call asks for rows. A DELETE without them is answered alike whether a row was there or not."""

    @property
    def first(self) -> PendingWrite:
        """The write whose head is sent."""
        return next(iter(self.writes.values()))


class Single(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A call of a plan: one request, sent unchanged."""

    request: PendingRequest


class Identical(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A call of a plan: several byte-equal requests, sent once and unchanged."""

    requests: tuple[PendingRequest, ...]


class MergedCall(msgspec.Struct, frozen=True, eq=False):
    """A call of a plan: one set filter for several requests. Each request gets the rows that match its literals."""

    target: bytes
    """Target of the merged call: client-side path, set filter in place of the key's filter."""
    key: bytes
    column: Column | None
    """The key's column, if it is known."""
    requests_by_value: dict[bytes, list[PendingRequest]]
    """Per filter value, the requests that sent it."""
    literals_by_value: dict[bytes, tuple[bytes, ...]]
    """Per filter value, its literals."""
    literals: frozenset[bytes]
    """All of them."""
    order_columns: tuple[Column, ...]
    """Columns of ``order`` that each row carries as hidden columns, so that ties can be detected."""
    order_is_total: bool
    """Whether ``order`` is known to leave no ties."""
    content_location: tuple[bytes, bytes]
    """The query of each request's Content-Location, before and after the filter value."""
    media: Media
    """The media type that every request accepts."""
    exact_count: bool
    """Whether every request has `Prefer: count=exact`."""
    limit: int | None
    """The most rows of every request, by ``limit`` and Range."""
    counted: bytes
    """The name of the number of rows, which is all that the requests ask for; empty if they ask for rows."""
    expects_all_keys: bool
    """Whether recent answers of such calls had a row for every key."""
    address_columns: int = 0
    """Number of hidden columns with each row's address (``postgrest.row_address``), in place of ``order_columns``."""
    hidden_texts: int = 0
    """Number of hidden columns after the key: the order columns, or those with the address."""
    counts: bool = False
    """Whether the requests are HEADs, which get the number of their rows."""

    @property
    def requests(self) -> list[PendingRequest]:
        return [request for requests in self.requests_by_value.values() for request in requests]


class FallbackReason(msgspec.Struct, frozen=True, gc=False):
    """Why a merged answer is not used: a key of ``errors.codes.FALLBACK_REASONS``; ``detail`` names a header."""

    reason: str
    detail: str = ""


class Echo(msgspec.Struct, frozen=True, gc=False):
    """A line of an answer that repeats a header of the request."""

    name: bytes
    """In lower case."""
    written: bytes
    """The line up to its value."""
    line: bytes
    """The whole line, with the value of the request that was sent."""
    trimmed: bool
    """Whether blanks after the value are left out."""


class NotSingular(msgspec.Struct, frozen=True, gc=False):
    """The result for a filter value whose requests want one object but have 0 or several rows: PostgREST's 406."""

    per_answer_lines: dict[bytes, bytes]
    """By header name, the lines of the merged answer that differ per answer (time, gateway), each with its CRLF."""
    server: bytes
    """The Server line of the merged answer. It names PostgREST's release, on which the text of the 406 depends."""
    rows: int
    echoes: tuple[Echo, ...] = ()

    @property
    def rows_read(self) -> int:
        """The rows of the call that this result was made from."""
        return self.rows


class Slice(msgspec.Struct, frozen=True, gc=False):
    """The answer for one filter value: the head without its empty line, the body, and the number of rows."""

    head: bytes
    body: bytes
    rows: int
    counted: int | None = None
    """The rows that were read for it, where it shows their number only."""
    echoes: tuple[Echo, ...] = ()
    """The lines of ``head`` in which each of the callers has a value of its own."""

    @property
    def rows_read(self) -> int:
        """The rows of the call that this slice was made from; -1 for an error."""
        return self.rows if self.counted is None else self.counted


PlannedCall = Single | Identical | MergedCall


class Outcome(enum.StrEnum):
    """How a request was answered: the values of the label ``outcome``."""

    PASSED = "passed"
    MERGED = "merged"
    SHARED = "shared"
    CHUNKED = "chunked"
    PREFETCHED = "prefetched"
    CACHED = "cached"
    FALLBACK = "fallback"
    FAILED = "failed"
    GONE = "gone"


class Span(msgspec.Struct, frozen=True, gc=False):
    """One request and its answer, without any of its values."""

    number: int
    method: str
    relation: str
    fingerprint: str
    same: int
    """Hash, keyed per process, of method, target and identity: equal for byte-equal requests of one identity."""
    literals: tuple[int, ...]
    """Per parameter, a keyed 64-bit hash of its literal; 0 if it has none. Used only to compare literals."""
    key_types: tuple[tuple[str, str], ...]
    """Per key: its column, and the class of its literal (`integer`, `uuid` or `text`)."""
    caller: str
    retry: bool
    start: float
    end: float
    status: int
    size: int
    """Bytes of the answer's body."""
    rows: int
    """-1 when unknown."""
    cut: bool | None
    """Whether the answer has as many rows as PostgREST's max-rows allows; None while max-rows is unknown."""
    outcome: Outcome
    call: int
    """Number of the upstream call that answered; spans with the same number shared it. 0 if there was no call."""
    shared: int
    """Number of requests that this call answered."""
    bypass_reason: str | None
    head_size: int = 0
    """Bytes of the request head for upstream, whether or not it was sent."""
    listed: int = 0
    """Approximate number of elements in the list that makes the target long."""
    parts: int = 1
    """Number of upstream calls for this answer."""
    limit: int | None = None
    offset: int = 0
    total: int = -1
    """Rows without limit and offset if the request has `Prefer: count=exact`; else -1."""
    row_keys: RowKeys = ()
    """Keys in the rows of the answer; only if the setting `detect.row_keys` is on."""
    upstream: float = 0.0
    """Seconds spent upstream."""
    shapes: tuple[tuple[str, int], ...] = ()
    """Per parameter, the class of its literal and the literal's bytes; only if the setting `record.file` is set."""
    target: str = ""
    """The target with its values; only if the setting `show_values` is on."""
    preferences: str = ""
    """For a write: its preferences `resolution=…`, `missing=…` and `return=…`, comma-separated."""
    fallback_reason: str = ""
    """Why a merged or shared call could not answer it, so that it was sent itself: outcome ``fallback``."""
    unused_calls: tuple[int, ...] = ()
    """Numbers of the upstream calls that were made for it and could not answer it."""
    differing_headers: str = ""
    """The request headers (names joined by commas) because of which it shared no call with similar reads."""
    call_headers: str = ""
    """The request headers (names joined by commas) that only name the call, and are part of ``exact_identity``."""
    identity: int = 0
    """Hash, keyed per process, of the caller (`RequestHead.caller_hash`): requests with different ones may get other
    rows. 0 if unknown.
    """
    exact_identity: int = 0
    """Hash, keyed per process, of the whole identity, with the headers that only name a call: what must be equal where
    requests share a call, or rows that were fetched ahead. 0 if unknown.
    """
    writes: int = 0
    """Grows with each write of any caller to the relation before the request; compared between equal requests."""
    connection: int = 0
    """Number of the client's connection; 0 if unknown."""
    connected: float = 0.0
    """When that connection was opened."""
    function: str = ""
    """For a call of a function with a plain name: its name, which may be anything unless the call succeeded."""
    media: str = ""
    """What its Accept asks for, if that is not an array of rows: ``object`` (one row), ``nulls=stripped``, both joined
    by a comma, or ``other``: another format, or no certain one."""
    role: int = 0
    """Hash, keyed as those of literals, of the role that the caller's token names, of nothing without a token; 0 if
    unknown. Only if the setting `record.file` is set."""


class Trace(msgspec.Struct, frozen=True, gc=False):
    """A closed trace: the spans of one application request, page load or job."""

    id: str
    explicit: bool
    """Whether the client sent the trace id."""
    mixed: bool
    """Whether it is inferred and overlaps other requests of the same caller. It is counted.
    Rules about one application request skip it."""
    truncated: bool
    part: int
    """1, 2, …: the part of a trace whose id was used again after it closed."""
    route: str
    start: float
    end: float
    spans: tuple[Span, ...]
    held_bytes: int = 0
    """Estimated bytes in memory (``observe.trace_size``); 0 if they were not measured."""

    @property
    def kind(self) -> str:
        """`explicit`, `inferred` or `mixed`."""
        return "mixed" if self.mixed else ("explicit" if self.explicit else "inferred")

    @property
    def calls(self) -> int:
        """Number of upstream calls for its spans, with those whose answers were not used; a shared call counts once."""
        answered = {span.call: span.parts for span in self.spans if span.call}
        unused = {call for span in self.spans for call in span.unused_calls if call}
        return sum(answered.values()) + len(unused - answered.keys())
