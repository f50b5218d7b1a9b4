"""The values that the steps hand to each other. Frozen; bytes are as they were on the wire.

Times are seconds of a monotonic clock, sizes are bytes. What every request makes is hidden from the garbage collector
(``gc=False``): it holds only what was there before it, so that it is part of no cycle.
"""

import enum

import msgspec

RowKeys = tuple[tuple[str, tuple[int, ...]], ...]
"""By column of an answer, a hash for each row in their order; 0 for null, and for a row without the column."""


class Media(msgspec.Struct, frozen=True, gc=False):
    """What a caller asks for, as far as an array of rows can serve it."""

    singular: bool
    """One object, or a 406 when there is not exactly one."""
    accept: bytes
    """Value of Accept for a merged call; empty where the caller's own will do."""
    array_type: bytes
    """Content-Type of the merged answer."""
    own_type: bytes
    """Content-Type of the caller's answer."""
    separator: bytes
    """What PostgREST puts between two rows."""


class RequestHead(msgspec.Struct, frozen=True, gc=False):
    """What a request's header lines say, whatever its target: what is sent on, and who asks."""

    forwarded_lines: bytes
    """The lines for upstream, each with its CRLF: as they came, without hop-by-hop and X-Fanin fields."""
    merged_lines: bytes
    """The same for a merged call: asks for no compression, which could not be cut into rows."""
    identity: bytes
    """`forward` without the neutral lines. Two callers are one identity when these bytes are equal."""
    coalescing_identity: bytes
    """`identity` with what a cache or a coder on the way goes by (Host, Accept-Encoding, If-…): two requests for one
    target may share an answer as it is when these bytes are equal."""
    identity_hash: bytes
    """Keyed hash of `identity`: what may be remembered of it."""
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
    """What it asks for; None for what no array of rows can serve."""
    exact_count: bool
    """Whether it asks for the exact number of rows."""
    bypass_reason: str | None
    """Why no request with this head is merged; a key of `errors.BYPASS_REASONS`."""
    content_profile: str = ""
    """Value of Content-Profile, which names the schema of a write; empty when absent."""


class LiteralClass(enum.Enum):
    """What a literal looks like. Of canonical integers and lower-case UUIDs no two are equal under any type but
    `"char"`, and each has one spelling (docs/explanation/merging.md#canonical-literals); of a text nothing is known
    without its column's type.
    """

    INTEGER = "integer"
    UUID = "uuid"
    TEXT = "text"


class Column(msgspec.Struct, frozen=True, gc=False):
    """What is known of a column."""

    type: str
    """Base type as ``format_type`` names it, `enum` for enumerations; empty where nobody could tell."""
    deterministic: bool = False
    """Whether its collation is known to hold texts equal only when their bytes are."""
    unique: bool = False
    """Whether no two rows have the same value in it, and none has null."""
    labels: frozenset[bytes] | None = None
    """Of an enumeration: its labels, where they are known."""
    bad_values: frozenset[bytes] = frozenset()
    """Literals that upstream said are not of its type."""


class Key(msgspec.Struct, frozen=True, gc=False):
    """A top-level ``name=eq.literal`` or ``name=in.(literals)``; the raw value lies at ``start:end`` in the target."""

    name: bytes
    """A column, or a path into JSON that ends in ``->>``; decoded."""
    value: bytes
    """The whole filter, decoded: ``eq.1``."""
    literals: tuple[bytes, ...]
    start: int
    end: int
    kind: LiteralClass


class Query(msgspec.Struct, frozen=True, gc=False):
    """A request that was understood."""

    method: bytes
    target: bytes
    relation: str
    """``schema.relation``; empty outside the mount and for anything that is no relation."""
    fingerprint: str
    filters: tuple[bytes, ...]
    """Per parameter the literal of its filter, empty where it has none; for counting distinct ones, never shown."""
    path_end: int
    """Where the target's path ends."""
    select: tuple[int, int] | None
    """Where the value of ``select`` lies in the target."""
    limit: tuple[int, int, int] | None
    """Value and place of its one `limit`, where that is a plain number above 0."""
    offset: int
    """Rows that it skips; 0 where it skips none, or not by a plain number."""
    order: tuple[bytes, ...]
    """Columns that it orders by; empty where it does not, or by something else than columns."""
    keys: tuple[Key, ...]
    bypass_reason: str | None
    long_list: tuple[int, int] | None = None
    """Where the value of the ``column=in.(…)`` lies that makes the target long; all else is taken apart without it."""


class PendingRequest(msgspec.Struct, frozen=True, gc=False, eq=False):
    """One request waiting in a window."""

    query: Query
    head: RequestHead
    arrived: float


class Single(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A call of a plan: one member, sent as it came."""

    request: PendingRequest


class Identical(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A call of a plan: several byte-equal members, sent once as they came."""

    requests: tuple[PendingRequest, ...]


class MergedCall(msgspec.Struct, frozen=True, eq=False):
    """A call of a plan: one set filter for all members, each owning the rows of its literals."""

    target: bytes
    """Where the merged call goes: client-side path, set filter in the place of the key."""
    key: bytes
    column: Column | None
    """What is known of the key."""
    requests_by_value: dict[bytes, list[PendingRequest]]
    """Who sent which filter value."""
    literals_by_value: dict[bytes, tuple[bytes, ...]]
    """The literals of each filter value."""
    order_columns: tuple[Column, ...]
    """Columns of the members' order that each row shows behind its key, to prove that nothing is tied."""
    order_is_total: bool
    """Whether the members' order is known to leave no ties."""
    content_location: tuple[bytes, bytes]
    """Bytes before and after the filter value in each member's Content-Location query."""
    media: Media
    """What every member asks for."""
    exact_count: bool
    """Whether every member asks for the exact number of its rows."""
    limit: int | None
    """Rows that every member asks for at most."""
    expected_rows: int
    """How many rows the answer will have, judging by the last ones."""

    @property
    def requests(self) -> list[PendingRequest]:
        return [member for members in self.requests_by_value.values() for member in members]

    @property
    def literals(self) -> set[bytes]:
        return {literal for literals in self.literals_by_value.values() for literal in literals}


class FallbackReason(msgspec.Struct, frozen=True, gc=False):
    """Why a merged answer is not used: a key of ``errors.DOUBTS``; ``detail`` names a header, never a value."""

    reason: str
    detail: str = ""


class NotSingular(msgspec.Struct, frozen=True, gc=False):
    """A filter value whose members want one object and have not exactly one row: only PostgREST knows its 406."""

    per_answer_lines: dict[bytes, bytes]
    """By name, the lines of the merged answer that tell when and by which way it came, each with its CRLF."""
    server: bytes
    """Its Server line: PostgREST's words differ from release to release."""
    rows: int


class Slice(msgspec.Struct, frozen=True, gc=False):
    """What one filter value's members are answered: the head without its empty line; the body; its rows."""

    head: bytes
    body: bytes
    rows: int


PlannedCall = Single | Identical | MergedCall


class Outcome(enum.StrEnum):
    """How a request was answered: the values of the metric's ``outcome`` label."""

    PASSED = "passed"
    MERGED = "merged"
    SHARED = "shared"
    CHUNKED = "chunked"
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
    """Hash of method, target and ``RequestHead.who``, whose key no other process has: equal for byte-equal requests of
    one caller."""
    literals: tuple[int, ...]
    """Per parameter a keyed 64-bit hash of its literal, 0 where it has none: tells distinct ones apart, no more."""
    key_types: tuple[tuple[str, str], ...]
    """Its keys: column, and what the literal looks like (`integer`, `uuid` or `text`)."""
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
    """Whether that is as many as PostgREST's max-rows lets through; None while nobody knows how many those are."""
    outcome: Outcome
    call: int
    """Number of the upstream call that answered; spans with the same number shared it. 0: none did."""
    shared: int
    """How many requests that call answered."""
    bypass_reason: str | None
    head_size: int = 0
    """Bytes of the request head that upstream was sent, or would have been."""
    listed: int = 0
    """About how many elements the list has that makes the target long."""
    parts: int = 1
    """Upstream calls that its answer took."""
    limit: int | None = None
    offset: int = 0
    total: int = -1
    """Rows that there are without limit and offset, where it asked for their exact number; else -1."""
    row_keys: RowKeys = ()
    """Which keys its answer showed; only where the setting `detect.row_keys` is on."""
    upstream: float = 0.0
    """Seconds of it that upstream took."""
    shapes: tuple[tuple[str, int], ...] = ()
    """Per parameter what its literal looks like, and its bytes; only where the setting `record.file` is set."""
    target: str = ""
    """What was asked for, values and all: only where the setting `show_values` is on."""


class Trace(msgspec.Struct, frozen=True, gc=False):
    """The spans of one application request, page load or job, after it closed."""

    id: str
    explicit: bool
    mixed: bool
    """Inferred, and other work of the same caller overlapped it: counted, never judged."""
    truncated: bool
    part: int
    route: str
    start: float
    end: float
    spans: tuple[Span, ...]

    @property
    def kind(self) -> str:
        """`explicit` where its client named it, else `inferred`, or `mixed`."""
        return "mixed" if self.mixed else ("explicit" if self.explicit else "inferred")

    @property
    def calls(self) -> int:
        """Upstream calls that answered its spans, each counted once."""
        return sum({span.call: span.parts for span in self.spans if span.call}.values())
