"""What stands in a recording, field by field: its reference page is made from this."""

from typing import Annotated

import msgspec
from msgspec import Meta

from proxy.model import Outcome

FORMAT = 2
"""Raised when a reader of the older one would read the newer one wrongly."""
MAX_TEXT = 200
"""Characters of what a client calls itself, its route or its trace."""

Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$")]
Seconds = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]


class FormatVersion(msgspec.Struct, frozen=True):
    """What the first line begins with, whatever its format."""

    format: Annotated[int, Meta(description="The format's version.")] = msgspec.field(name="fanin-recording")


class RecordingHead(FormatVersion, frozen=True):
    """The first line."""

    fanin: Annotated[str, Meta(description="Version of the fanin that wrote it.")]
    salt: Annotated[str, Meta(description="Key of the hashes of literals, in hexadecimal; one run has one.")]
    epoch: Annotated[float, Meta(description="What the times in the file lack to seconds since 1970.")]


class Literal(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a literal."""

    kind: Annotated[str, Meta(description="What it looks like: `integer`, `uuid` or `text`.")]
    length: Annotated[Count, Meta(description="Its bytes.")]
    hash: Annotated[Hash, Meta(description="BLAKE2b of its bytes, 8 bytes long, under the salt; in hexadecimal.")]


class RecordedSpan(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request and its answer."""

    method: Annotated[Text, Meta(description="Its method; `other` for one that HTTP has not.")]
    relation: Annotated[
        str, Meta(description="Table or view, with its schema; older fanins wrote that only where a profile named it.")
    ]
    fingerprint: Annotated[
        str, Meta(description="The query without values; `…#` and a hash where upstream took it for none.")
    ]
    start: Annotated[float, Meta(description="When it arrived: seconds of a clock without a calendar.")]
    end: Annotated[float, Meta(description="When its answer ended.")]
    status: Annotated[Count, Meta(description="Of the answer; 0 where there was none.")]
    size: Annotated[Count, Meta(description="Bytes of the answer's body.")]
    rows: Annotated[int, Meta(description="Rows in it; -1 where nobody knows.")]
    outcome: Annotated[Outcome, Meta(description="How it was answered: " + ", ".join(f"`{one}`" for one in Outcome))]
    same: Annotated[Hash, Meta(description="Equal for byte-equal requests of one caller, within one run.")]
    call: Annotated[
        Count,
        Meta(description="Number of the upstream call that answered; 0 for none. Some may share one."),
    ] = 0
    shared: Annotated[Count, Meta(description="How many requests that call answered.")] = 1
    parts: Annotated[Count, Meta(description="Upstream calls that its answer took.")] = 1
    upstream: Annotated[Seconds, Meta(description="Seconds of it that upstream took.")] = 0.0
    literals: Annotated[
        tuple[Literal | None, ...],
        Meta(description="For each parameter of its query: kind, length and hash; null where it has none."),
    ] = ()
    keys: Annotated[
        tuple[tuple[str, str], ...], Meta(description="Columns that filters are on, and what their literals look like.")
    ] = ()
    caller: Annotated[Text, Meta(description="What the client says that made the call.")] = ""
    retry: Annotated[bool, Meta(description="Whether the client says that it asks again.")] = False
    bypass_reason: Annotated[str | None, Meta(description="Why it was not merged: a reason of codes.md.")] = None
    cut: Annotated[
        bool | None,
        Meta(description="Whether these are as many rows as max-rows lets through; null where nobody knows."),
    ] = None
    head_size: Annotated[Count, Meta(description="Bytes of its head, where a list makes it long.")] = 0
    listed: Annotated[Count, Meta(description="About how many elements that list has.")] = 0
    limit: Annotated[int | None, Meta(description="Its `limit`.")] = None
    offset: Annotated[Count, Meta(description="Its `offset`.")] = 0
    total: Annotated[
        int, Meta(description="Rows without limit and offset, where it asked for their exact number; else -1.")
    ] = -1
    row_keys: Annotated[
        tuple[tuple[str, tuple[Hash | None, ...]], ...],
        Meta(
            description="Of `id` and `…_id` in its answer, by row, a literal's hash; only with `detect.row_keys`.",
        ),
    ] = ()


class RecordedTrace(msgspec.Struct, frozen=True, omit_defaults=True):
    """A trace: the requests of one page load, application request or job."""

    id: Annotated[Text, Meta(description="As the client sent it, or `inferred-` and a number.")]
    start: Annotated[float, Meta(description="When its first request arrived.")]
    end: Annotated[float, Meta(description="When its last answer ended.")]
    spans: Annotated[
        tuple[RecordedSpan, ...],
        Meta(min_length=1, description="Its requests, in the order that they were answered in."),
    ]
    route: Annotated[Text, Meta(description="What the client calls it.")] = ""
    explicit: Annotated[bool, Meta(description="Whether the client named it.")] = True
    mixed: Annotated[bool, Meta(description="Whether other work of the same caller overlapped it.")] = False
    truncated: Annotated[bool, Meta(description="Whether it had more requests than these.")] = False
    part: Annotated[Count, Meta(description="Which part it is of what the client gave that id.")] = 1
