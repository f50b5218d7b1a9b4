"""Faults planted in fanin on purpose, each with requests that it answers wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec.structs import replace

from proxy.merging.fetch import Fetcher
from proxy.merging.merger import Merger
from proxy.merging.waiters import BufferedAnswer, Reply
from proxy.model import FallbackReason, NotSingular, PendingRequest
from proxy.path.answers import demultiplex as splitting
from proxy.path.answers import singular
from proxy.path.answers.singular import NotSingularTemplate
from proxy.path.batches import plan as planning
from proxy.path.reading import fingerprint, identity
from proxy.postgrest import row_order, types
from proxy.postgrest.response.headers import READ_HEADERS
from proxy.postgrest.response.problem import BAD_VALUE_CODES, CALLER_INDEPENDENT_CODES
from tests.e2e.support.bursts import get
from tests.e2e.support.request_templates import OWNERS

if TYPE_CHECKING:
    from collections.abc import Container

    from proxy.http1.head import HeaderField
    from proxy.postgrest.response.gateway import Gateway

Patch = pytest.MonkeyPatch


# How rows are found, and whose they are.


def hidden_alias_left_in(patch: Patch) -> None:
    original = splitting.rows_by_key

    def shown(row: splitting.Row, key: bytes, alias: bytes) -> splitting.Row:
        return replace(row, data=b'{"' + alias + b'":"' + key + b'",' + row.data[1:])

    def rows_by_key(body: bytes, alias: bytes, separator: bytes, carried: int) -> Any:
        rows = original(body, alias, separator, carried)
        if isinstance(rows, dict):
            return {key: [shown(row, key, alias) for row in own] for key, own in rows.items()}
        return rows

    patch.setattr(splitting, "rows_by_key", rows_by_key)


def rows_of_a_key_turned_round(patch: Patch) -> None:
    original = splitting._rows_of

    def own_rows(*arguments: Any) -> Any:
        own = original(*arguments)
        return own if isinstance(own, FallbackReason) else replace(own, rows=own.rows[::-1])

    patch.setattr(splitting, "_rows_of", own_rows)


def rows_beyond_max_rows_accepted(patch: Patch) -> None:
    """Merged answers count as complete without a count, whatever they show."""
    patch.setattr(Fetcher, "_may_show_completeness", lambda *_: True)
    patch.setattr(Fetcher, "_is_complete", lambda *_: True)


def rows_beyond_the_limit_accepted(patch: Patch) -> None:
    """The call's own limit cut rows off, and those of the last keys are missing."""
    patch.setattr(splitting, "is_cut", lambda *_: False)
    rows_beyond_max_rows_accepted(patch)


def unsorted_ties_accepted(patch: Patch) -> None:
    patch.setattr(splitting, "_are_ordered", lambda *_: True)


def lists_taken_without_an_order(patch: Patch) -> None:
    patch.setattr(fingerprint, "_keeps_order", lambda *_: True)
    patch.setattr(row_order.KnownOrder, "is_known", True)
    unsorted_ties_accepted(patch)


def orders_by_numbers_believed(patch: Patch) -> None:
    """1.0 and 1.00 are tied, and read differently."""
    patch.setattr(types, "TOTALLY_ORDERED", types.TOTALLY_ORDERED | {"numeric"})


# Which literals are told apart.


def char_guard_removed(patch: Patch) -> None:
    patch.setattr(splitting, "_could_be_char", lambda *_: False)


def equal_literals_together(patch: Patch) -> None:
    patch.setattr(planning._CallTemplate, "_fold", lambda _, literal: literal)


def _as_text(patch: Patch, name: str) -> None:
    """Columns of a type are merged as text is; whatever literals differ in a byte share a call."""
    patch.setattr(types, "NEVER_MERGED", types.NEVER_MERGED - {name})
    patch.setitem(types._SINGLE_SPELLING, name, lambda *_: True)
    patch.setattr(planning, "mixes_classes", lambda column: column is not None)
    equal_literals_together(patch)


def citext_taken_for_text(patch: Patch) -> None:
    _as_text(patch, "citext")


def char_taken_for_text(patch: Patch) -> None:
    _as_text(patch, '"char"')


# Who may share a call.


def identity_without(patch: Patch, name: bytes) -> None:
    def read_head(*arguments: Any) -> Any:
        head = identity.read_head(*arguments)
        lines = [line for line in head.identity.split(b"\r\n") if not line.lower().startswith(name)]
        kept = b"\r\n".join(lines)
        return msgspec.structs.replace(head, identity=kept, coalescing_identity=kept, identity_hash=kept)

    patch.setattr("proxy.server.head_cache.read_head", read_head)


def identity_without_cookie(patch: Patch) -> None:
    identity_without(patch, b"cookie")


def identity_without_authorization(patch: Patch) -> None:
    identity_without(patch, b"authorization")


def identity_without_prefer(patch: Patch) -> None:
    identity_without(patch, b"prefer")


def identity_without_origin(patch: Patch) -> None:
    identity_without(patch, b"origin")


# Heads.


def content_location_shared_by_all(patch: Patch) -> None:
    original = splitting._SliceWriter.write

    def share(writer: Any, value: bytes, rows: Any) -> Any:
        return original(writer, b"eq.1", rows)

    patch.setattr(splitting._SliceWriter, "write", share)


def content_range_shared_by_all(patch: Patch) -> None:
    original = splitting._SliceWriter.write

    def share(writer: Any, value: bytes, rows: Any) -> Any:
        made = original(writer, value, rows)
        return msgspec.structs.replace(made, head=made.head.replace(b"Content-Range: */*", b"Content-Range: 0-0/*"))

    patch.setattr(splitting._SliceWriter, "write", share)


def our_count_shown(patch: Patch) -> None:
    patch.setattr(splitting, "without_count", lambda applied: applied)


def unknown_headers_copied(patch: Patch) -> None:
    patch.setattr(splitting, "READ_HEADERS", READ_HEADERS | {b"x-film"})


def a_made_up_406(patch: Patch) -> None:
    original = NotSingularTemplate.render
    patch.setattr(
        NotSingularTemplate, "render", lambda self, _: original(self, NotSingular({b"date": b"Date: now\r\n"}, b"", 7))
    )


def last_content_type_dropped(patch: Patch) -> None:
    original = singular.read_template

    def read_template(line: bytes, fields: tuple[HeaderField, ...], body: bytes, gateway: Gateway, head: Any) -> Any:
        last = max(at for at, field in enumerate(fields) if field.name == b"content-type")
        return original(line, fields[:last] + fields[last + 1 :], body, gateway, head)

    patch.setattr("proxy.upstream.facts.response_observer.read_template", read_template)


# Errors.


class _All:
    def __contains__(self, code: object) -> bool:
        return bool(code)


def _errors_shared(patch: Patch, codes: Container[str]) -> None:
    patch.setattr("proxy.merging.fetch.CALLER_INDEPENDENT_CODES", codes)


def any_error_shared(patch: Patch) -> None:
    _errors_shared(patch, _All())


def errors_of_literals_shared(patch: Patch) -> None:
    _errors_shared(patch, CALLER_INDEPENDENT_CODES | BAD_VALUE_CODES)


# When a call may be joined.


def answers_remembered(patch: Patch) -> None:
    """Who asks what was asked before gets the answer that was given then."""
    given: dict[tuple[bytes, bytes], Reply] = {}
    original = Merger.reply_to

    async def reply_to(self: Merger, member: PendingRequest) -> Reply:
        key = (member.query.target, member.head.identity)
        if key in given:
            return given[key]
        reply = await original(self, member)
        if isinstance(reply, BufferedAnswer):
            given[key] = reply
        return reply

    patch.setattr(Merger, "reply_to", reply_to)
    patch.setattr(Merger, "scheduler_of", lambda *_: None)  # so that none waits without a task, past ``reply_to``


OBJECTS = [get(f"/num?id=eq.{n}", "Accept: application/vnd.pgrst.object+json") for n in range(995, 1010)] * 2
NUMBERS = [get(f"/num?id=eq.{n}") for n in range(1, 21)]
COUNTED, FROM = ("Prefer: count=exact",), ("Origin: http://a.example",)
FAULTS = [
    (hidden_alias_left_in, NUMBERS),
    (identity_without_cookie, [get(f"/mine?id=eq.{n}", *OWNERS[2 + n % 2]) for n in range(1, 21)]),
    (identity_without_authorization, [get(f"/mine?id=eq.{n}", *OWNERS[4 + n % 2]) for n in range(1, 21)]),
    (content_location_shared_by_all, NUMBERS),
    (content_range_shared_by_all, [get(f"/num?id=eq.{n}") for n in range(995, 1010)]),
    (char_guard_removed, [get(f"/chr?k=eq.{k}") for k in ("1", "12", "17")]),
    (equal_literals_together, [get(f"/sign?k=eq.{k}") for k in ("3", "-3", "7")]),
    (unsorted_ties_accepted, [get(f"/msg?room=eq.{n}&select=id") for n in range(1, 21)]),
    (our_count_shown, NUMBERS),
    (a_made_up_406, OBJECTS),
    (last_content_type_dropped, OBJECTS),
    (unknown_headers_copied, [get(f"/num?id=eq.{n}&select=id,noisy") for n in range(1, 9)]),
    (rows_of_a_key_turned_round, [get(f"/event?k=eq.{n}&select=id&order=at") for n in range(1, 9)]),
    (rows_beyond_the_limit_accepted, [get(f"/event?k=eq.{n}&select=id&order=id&limit=3") for n in range(1, 9)]),
    (lists_taken_without_an_order, [get(f"/turned?k=in.({n},{n + 1})&select=id") for n in range(1, 9)]),
    (orders_by_numbers_believed, [get(f"/turned?k=eq.{n}&select=id,price&order=price") for n in range(1, 9)]),
    (citext_taken_for_text, [get(f"/cit?k=eq.{k}") for k in ("Abc", "ABC", "abc", "x")]),
    (char_taken_for_text, [get(f"/kinds?select=id&qc=eq.{k}&order=id") for k in ("a", "ab", "b2")]),
]
"""What a comparison beside the traffic finds too."""
OTHER_FAULTS = [
    (unsorted_ties_accepted, [get(f"/turned?k=eq.{n}&limit=1") for n in range(30, 70)]),
    (identity_without_cookie, [get("/mine?id=gt.5&order=id&offset=1", *OWNERS[2 + n % 2]) for n in range(6)]),
    (identity_without_prefer, [get(f"/num?id=eq.{n}", *COUNTED[: n % 2]) for n in range(1, 9)]),
    (identity_without_origin, [get(f"/num?id=eq.{n}", *FROM[: n % 2]) for n in range(1, 9)]),
    (any_error_shared, [get(f"/num?id=eq.{n}&select=id,boom") for n in range(1, 9)]),
    (errors_of_literals_shared, [get(f"/small?k=eq.{n}") for n in (1, 2, 3, 40000)]),
]
