"""The fields of a recording, with their descriptions. The reference page is generated from this module."""

from typing import Annotated

import msgspec
from msgspec import Meta

from proxy.model import Outcome

CURRENT_FORMAT = 2
"""Number of the format. It increases when a reader of the older format would misread the newer one."""
MAX_KEY = 64
"""Bytes of a key of BLAKE2b."""
MAX_TEXT = 200
"""Largest number of characters of a client's names for itself, its route and its trace."""

Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$")]
Seconds = Annotated[float, Meta(ge=0)]
NonNegativeInt = Annotated[int, Meta(ge=0)]


class FormatVersion(msgspec.Struct, frozen=True):
    """The field that the first line of every format has."""

    format: Annotated[int, Meta(description="Version of the format.")] = msgspec.field(name="fanin-recording")


class RecordingHead(FormatVersion, frozen=True, omit_defaults=True):
    """The first line."""

    fanin: Annotated[str, Meta(description="Version of fanin that wrote the file.")]
    salt: Annotated[str, Meta(description="Key of the hashes of literals, in hexadecimal; one per run of fanin.")]
    epoch: Annotated[float, Meta(description="Add this to a time in the file to get seconds since 1970.")]
    lacks: Annotated[
        tuple[str, ...],
        Meta(description="What it does not show: `rows`, `total`, `bytes`, `headers`. `fanin collect` lacks all four."),
    ] = ()

    @property
    def hash_key(self) -> bytes:
        """The salt as the key of a hash; empty if it is none."""
        try:
            key = bytes.fromhex(self.salt)
        except ValueError:
            return b""
        return key if len(key) <= MAX_KEY else b""


class Literal(msgspec.Struct, frozen=True, array_like=True):
    """A literal without its value."""

    kind: Annotated[str, Meta(description="Its class: `integer`, `uuid` or `text`.")]
    length: Annotated[NonNegativeInt, Meta(description="Number of its bytes.")]
    hash: Annotated[Hash, Meta(description="8-byte BLAKE2b of its bytes, keyed with the salt; in hexadecimal.")]


class RecordedSpan(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request and its answer."""

    method: Annotated[Text, Meta(description="HTTP method; `other` for a method that is not in HTTP.")]
    relation: Annotated[
        str,
        Meta(description="Table or view with its schema; older versions wrote the schema only if a profile named it."),
    ]
    fingerprint: Annotated[
        str, Meta(description="The query without values; `…#` and a hash if upstream never accepted its names.")
    ]
    start: Annotated[float, Meta(description="Time of arrival, in seconds of a monotonic clock.")]
    end: Annotated[float, Meta(description="Time of the end of its answer.")]
    status: Annotated[NonNegativeInt, Meta(description="Status of the answer; 0 if there was none.")]
    size: Annotated[NonNegativeInt, Meta(description="Bytes of the answer's body.")]
    rows: Annotated[int, Meta(description="Rows in the answer; -1 if unknown.")]
    outcome: Annotated[Outcome, Meta(description="How it was answered: " + ", ".join(f"`{name}`" for name in Outcome))]
    same: Annotated[Hash, Meta(description="Hash that is equal for byte-equal requests of one caller, within one run.")]
    call: Annotated[
        NonNegativeInt,
        Meta(
            description="Number of the upstream call that answered; several spans can share one. 0 if there was none."
        ),
    ] = 0
    shared: Annotated[NonNegativeInt, Meta(description="Number of requests that this call answered.")] = 1
    parts: Annotated[NonNegativeInt, Meta(description="Number of upstream calls for this answer.")] = 1
    upstream: Annotated[Seconds, Meta(description="Seconds spent upstream.")] = 0.0
    literals: Annotated[
        tuple[Literal | None, ...],
        Meta(description="Per parameter of its query: kind, length and hash of the literal; null if it has none."),
    ] = ()
    keys: Annotated[
        tuple[tuple[str, str], ...], Meta(description="Columns of its filters, and the classes of their literals.")
    ] = ()
    caller: Annotated[Text, Meta(description="The client's name for the code that made the call.")] = ""
    retry: Annotated[bool, Meta(description="Whether the client marked it as a retry.")] = False
    bypass_reason: Annotated[str | None, Meta(description="Why it was not merged: a reason of codes.md.")] = None
    fallback_reason: Annotated[
        str, Meta(description="Why a merged or shared call could not answer it: a reason of codes.md.")
    ] = ""
    unused_calls: Annotated[
        tuple[NonNegativeInt, ...], Meta(description="Numbers of the upstream calls for it that could not answer it.")
    ] = ()
    differing_headers: Annotated[
        Text,
        Meta(description="Names of the headers, by commas, because of which it shared no call with similar reads."),
    ] = ""
    call_headers: Annotated[
        Text,
        Meta(description="Names of the headers, by commas, that only name the call, and may keep it from sharing."),
    ] = ""
    cut: Annotated[
        bool | None,
        Meta(description="Whether it has as many rows as max-rows allows; null if max-rows is unknown."),
    ] = None
    head_size: Annotated[NonNegativeInt, Meta(description="Bytes of its head, if a list makes it long.")] = 0
    listed: Annotated[NonNegativeInt, Meta(description="Approximate number of elements in that list.")] = 0
    limit: Annotated[int | None, Meta(description="Its `limit`.")] = None
    offset: Annotated[NonNegativeInt, Meta(description="Its `offset`.")] = 0
    total: Annotated[
        int, Meta(description="Rows without limit and offset, if it has `Prefer: count=exact`; else -1.")
    ] = -1
    identity: Annotated[
        Hash, Meta(description="Hash of what tells its caller from others: headers and address; zeros if unknown.")
    ] = "0" * 16
    exact_identity: Annotated[
        Hash, Meta(description="Hash of all headers that must be equal to share a call; zeros if unknown.")
    ] = "0" * 16
    role: Annotated[
        Hash, Meta(description="Hash of the role that its token names, of nothing without a token; zeros if unknown.")
    ] = "0" * 16
    writes: Annotated[
        NonNegativeInt, Meta(description="Grows with each write of any caller to its relation before it arrived.")
    ] = 0
    connection: Annotated[NonNegativeInt, Meta(description="Number of the client's connection; 0 if unknown.")] = 0
    connected: Annotated[float, Meta(description="Time at which that connection was opened.")] = 0.0
    row_keys: Annotated[
        tuple[tuple[str, tuple[Hash | None, ...]], ...],
        Meta(
            description="Per row of the answer, hashes of `id` and `…_id`; only with `detect.row_keys`.",
        ),
    ] = ()
    preferences: Annotated[
        Text, Meta(description="For a write: its preferences `resolution=`, `missing=` and `return=`, by commas.")
    ] = ""
    media: Annotated[
        Text,
        Meta(
            description="What it asks for by Accept, if that is not an array of rows: `object`, `nulls=stripped`, both"
            " by a comma, or `other`."
        ),
    ] = ""
    function: Annotated[
        Text, Meta(description="For a call of a function that succeeded: its name, if it is plain.")
    ] = ""


class RecordedTrace(msgspec.Struct, frozen=True, omit_defaults=True):
    """A trace: the requests of one page load, application request or job."""

    id: Annotated[Text, Meta(description="The id that the client sent, or `inferred-` and a number.")]
    start: Annotated[float, Meta(description="Time of arrival of its first request.")]
    end: Annotated[float, Meta(description="Time of the end of its last answer.")]
    spans: Annotated[
        tuple[RecordedSpan, ...],
        Meta(min_length=1, description="Its requests, in the order in which they were answered."),
    ]
    route: Annotated[Text, Meta(description="The client's name for its route.")] = ""
    explicit: Annotated[bool, Meta(description="Whether the client sent its id.")] = True
    mixed: Annotated[bool, Meta(description="Whether other requests of the same caller overlapped it.")] = False
    truncated: Annotated[bool, Meta(description="Whether it had more requests than are recorded.")] = False
    part: Annotated[
        NonNegativeInt, Meta(description="1, 2, …: the part of a trace whose id was used again after it closed.")
    ] = 1
