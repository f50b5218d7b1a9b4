"""Decides which writes may share a call (FAN004), and plans their calls.

Writes share one PATCH or DELETE if they are equal but for the value of one ``column=eq.value`` on a unique column, and
no body sets that column. Then each row of the answer shows whose it is, and no write has more than one row.

Source: docs/explanation/merging.md#writes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from proxy.model import (
    MINIMAL,
    NOT_JSON,
    REPRESENTATION,
    Column,
    Key,
    PendingWrite,
    Query,
    RequestHead,
    WriteCall,
    WriteForm,
)
from proxy.postgrest.request.media import preferences
from proxy.postgrest.request.set_filter import hidden_columns, merged_target, set_filter
from proxy.postgrest.request.target import LOGIC, RESERVED_PARAMS, decoded, split_target
from proxy.postgrest.types import can_merge

MERGED_WRITES = frozenset((b"PATCH", b"DELETE"))
MAX_BODY = 16_384
"""Bytes of the largest body that is read before it is sent."""
KEY_TYPES = frozenset(("smallint", "integer", "bigint", "uuid"))
"""Types in which a value has one spelling, so that no answer can be attributed to another write."""
NEVER_SHARED = frozenset(
    b"expect range content-encoding if-match if-none-match if-modified-since if-unmodified-since if-range".split()
)
"""Headers that make a write depend on more than its target and its body."""
JSON = b"application/json"


def form_of(query: Query, head: RequestHead, read_reason: str | None, known: Mapping[bytes, Column]) -> WriteForm | str:
    """What a write asks for, or the bypass reason. ``read_reason`` is that of a GET with its target; ``known`` are the
    columns of its table by the catalog.
    """
    if query.method not in MERGED_WRITES:
        return "method"
    if head.bypass_reason in ("off", "http-1.0"):
        return head.bypass_reason
    wants = _wanted(head)
    if wants is None or head.media is None or read_reason not in (None, "no-key") or _has_other_parameters(query):
        return "write-form"
    if not (head.body_framing == 0 if query.method == b"DELETE" else 0 < head.body_framing <= MAX_BODY):
        return "write-form"
    keys = (key for key in query.keys if key.value.startswith(b"eq.") and len(key.literals) == 1)
    key = next((key for key in keys if _identifies_row(key, known.get(key.name))), None)
    return "write-key" if key is None else WriteForm(key, wants)


def _wanted(head: RequestHead) -> bytes | None:
    """The value of Prefer, if it is one of the three; None if a header means that the write is not merged."""
    prefers: list[bytes] = []
    for line in head.forwarded_lines.split(b"\r\n"):
        name, _, value = line.partition(b":")
        lower = name.strip().lower()
        if lower == b"prefer":
            prefers.append(value)
        if lower in NEVER_SHARED:
            return None
        if lower == b"content-type" and value.partition(b";")[0].strip().lower() != JSON:
            return None
    asked = preferences(prefers) or [b""]
    return asked[0] if len(asked) == 1 and asked[0] in (b"", MINIMAL, REPRESENTATION) else None


def _has_other_parameters(query: Query) -> bool:
    """Whether there is more than filters of own columns and a select of columns."""
    for param in split_target(query.target)[1]:
        name, value = decoded(param.name), decoded(param.value)
        if name == b"select":
            if b"(" in value or b"..." in value:
                return True
        elif name in RESERVED_PARAMS or name in LOGIC or b"." in name or not value:
            return True
    return False


def _identifies_row(key: Key, column: Column | None) -> bool:
    return (
        column is not None
        and column.unique
        and column.type in KEY_TYPES
        and not column.mismatched
        and can_merge(key.literals[0], column)
    )


def body_reason(write: PendingWrite) -> str | None:
    """The bypass reason of a body: it is no JSON object with members, or it sets the key. DELETE has none."""
    if write.query.method == b"DELETE":
        return None
    try:
        members: Any = msgspec.json.decode(write.body)
    except NOT_JSON:
        return "write-form"
    if not isinstance(members, dict) or not members:
        return "write-form"
    return "write-key" if write.form.key.name.decode("utf-8", "replace") in members else None


def plan_writes(
    batch: Sequence[PendingWrite], alias: bytes, max_keys: int, max_url: int
) -> Iterator[PendingWrite | WriteCall]:
    """The calls for ``batch``, whose writes have one fingerprint and one identity. Each write is in exactly one: a
    write alone is sent unchanged, and so is a second write of a row.
    """
    groups: dict[tuple[bytes, ...], dict[bytes, PendingWrite]] = {}
    for write in batch:
        key, target = write.form.key, write.query.target
        group = groups.setdefault(
            (target[: key.start], target[key.end :], key.name, write.body, write.form.wants, write.head.identity), {}
        )
        if key.literals[0] in group:
            yield write
        else:
            group[key.literals[0]] = write
    for group in groups.values():
        yield from _calls(group, alias, max_keys, max_url)


def _calls(
    group: dict[bytes, PendingWrite], alias: bytes, max_keys: int, max_url: int
) -> Iterator[PendingWrite | WriteCall]:
    # Every call locks its rows in one order, so that two calls do not wait for each other.
    left = sorted(group, key=_place)
    while left:
        part = left[:max_keys]
        call = _call({literal: group[literal] for literal in part}, alias)
        while len(part) > 1 and len(call.target) > max_url:
            part = part[: max(1, len(part) * max_url // len(call.target))]
            call = _call({literal: group[literal] for literal in part}, alias)
        left = left[len(part) :]
        yield call if len(part) > 1 else call.first


def _place(literal: bytes) -> tuple[int, bytes]:
    """Orders integers by their value, and UUIDs, of which all have one length, by their text."""
    return (int(literal), b"") if literal.removeprefix(b"-").isdigit() else (0, literal)


def _call(writes: dict[bytes, PendingWrite], alias: bytes) -> WriteCall:
    first = next(iter(writes.values()))
    query, form = first.query, first.form
    returns_rows = query.method == b"PATCH" or form.wants == REPRESENTATION
    if returns_rows:
        hidden = hidden_columns(alias, form.key.name, ())
        target = merged_target(query, form.key, hidden, None, list(writes), only_keys=form.wants != REPRESENTATION)
    else:
        target = query.target[: form.key.start] + set_filter(writes) + query.target[form.key.end :]
    lines = first.head.merged_lines
    return WriteCall(target, writes, _asking_for_rows(lines) if returns_rows else lines, returns_rows)


def _asking_for_rows(lines: bytes) -> bytes:
    kept = [line for line in lines.split(b"\r\n") if line and line.partition(b":")[0].strip().lower() != b"prefer"]
    return b"".join(line + b"\r\n" for line in (*kept, b"Prefer: " + REPRESENTATION))
