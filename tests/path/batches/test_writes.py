"""Which writes share a call, and how that call is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.http1.head import parse_fields
from proxy.model import Column, PendingWrite, WriteCall, WriteForm
from proxy.path.batches.writes import body_reason, form_of, plan_writes
from proxy.path.reading.fingerprint import read_query
from proxy.path.reading.identity import head_rules, read_head

if TYPE_CHECKING:
    from proxy.model import RequestHead

RULES = head_rules(b"", (), (), (), b"key")
KNOWN = {
    b"id": Column("integer", unique=True),
    b"code": Column("uuid", unique=True),
    b"name": Column("text", unique=True),
    b"team": Column("integer"),
    b"wrong": Column("integer", unique=True, mismatched=True),
}


def head(method: str, body: str, *lines: str) -> RequestHead:
    own = ["Host: h", *lines]
    if method == "PATCH":
        own += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return read_head(parse_fields("\r\n".join(own).encode(), "FANIN102"), 1, RULES)


def form(target: str, method: str = "PATCH", body: str = '{"a":1}', *lines: str) -> WriteForm | str:
    read = head("GET", "", *lines)
    reason = read_query(b"GET", target.encode(), read, b"", "public", 2000).bypass_reason
    own = head(method, body, *lines)
    return form_of(read_query(method.encode(), target.encode(), own, b"", "public", 2000), own, reason, KNOWN)


def write(target: str, method: str = "PATCH", body: str = '{"a":1}', *lines: str) -> PendingWrite:
    own, found = head(method, body, *lines), form(target, method, body, *lines)
    assert isinstance(found, WriteForm), found
    query = read_query(method.encode(), target.encode(), own, b"", "public", 2000)
    return PendingWrite(query, own, 0.0, found, body.encode() if method == "PATCH" else b"")


def targets(*writes: PendingWrite, max_keys: int = 100, max_url: int = 2000) -> list[bytes]:
    calls = plan_writes(writes, b"k", max_keys, max_url)
    return [call.target if isinstance(call, WriteCall) else call.query.target for call in calls]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/t?team=eq.1", "write-key"),
        ("/t?name=eq.a", "write-key"),
        ("/t?wrong=eq.1", "write-key"),
        ("/t?id=in.(1)", "write-key"),
        ("/t?id=eq.01", "write-key"),
        ("/t", "write-key"),
        ("/t?id=eq.1&limit=1", "write-form"),
        ("/t?id=eq.1&order=id", "write-form"),
        ("/t?id=eq.1&offset=0", "write-form"),
        ("/t?id=eq.1&columns=a", "write-form"),
        ("/t?id=eq.1&and=(a.eq.1)", "write-form"),
        ("/t?id=eq.1&kid.a=eq.1", "write-form"),
        ("/t?id=eq.1&select=a,kid(b)", "write-form"),
        ("/t?id=eq.1&nothing", "write-form"),
    ],
)
def test_what_has_no_single_row_for_certain_is_refused(target: str, reason: str) -> None:
    assert form(target) == reason


@pytest.mark.parametrize(
    "line",
    [
        "Prefer: return=minimal, return=representation",
        "Prefer: count=exact",
        "Prefer: max-affected=1",
        "Prefer: return=Minimal",
        "Range: 0-1",
        "Expect: 100-continue",
        "Content-Encoding: gzip",
        "If-Match: x",
        "Accept: text/csv",
    ],
)
def test_headers_that_change_what_a_write_does_or_returns_are_refused(line: str) -> None:
    assert form("/t?id=eq.1", "PATCH", '{"a":1}', line) == "write-form"


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_other_methods_are_never_merged(method: str) -> None:
    assert form("/t?id=eq.1", method) == "method"


def test_bodies_that_are_long_or_of_unknown_length_are_not_read() -> None:
    assert form("/t?id=eq.1", "PATCH", "x" * 16_385) == "write-form"
    assert form("/t?id=eq.1", "DELETE", "", "Content-Length: 2") == "write-form"
    assert form("/t?id=eq.1", "DELETE", "", "Transfer-Encoding: chunked") == "write-form"


TOO_DEEP = '{"a":' + "[" * 5000 + "]" * 5000 + "}"


@pytest.mark.parametrize("body", ["", "[]", "{}", "1", '{"a":1', '{"a":1}{"a":2}', '{"a":"\xff"}', TOO_DEEP])
def test_a_body_must_be_one_object_with_members(body: str) -> None:
    assert body_reason(replace(write("/t?id=eq.1"), body=body.encode("latin-1"))) == "write-form"


@pytest.mark.parametrize("body", ['{"id":1}', '{"a":1,"i\\u0064":2}'])
def test_a_body_must_not_set_the_key(body: str) -> None:
    assert body_reason(replace(write("/t?id=eq.1"), body=body.encode())) == "write-key"


def test_one_call_takes_the_keys_in_the_order_of_their_values() -> None:
    assert targets(*[write(f"/t?id=eq.{key}&team=eq.1") for key in (10, -2, 9, -30, 100)]) == [
        b"/t?select=k:id::text&id=in.(-30,-2,9,10,100)&team=eq.1"
    ]


def test_rows_are_asked_for_with_the_columns_that_the_caller_wants() -> None:
    wanting = "Prefer: return=representation"
    writes = [write(f"/t?id=eq.{key}&select=a", "PATCH", '{"a":1}', wanting) for key in (1, 2)]
    (call,) = plan_writes(writes, b"k", 100, 2000)
    assert isinstance(call, WriteCall)
    assert call.target == b"/t?id=in.(1,2)&select=k:id::text,a"
    assert call.header_lines.count(b"Prefer: return=representation\r\n") == 1


def test_a_delete_without_rows_keeps_what_its_callers_prefer() -> None:
    writes = [write(f"/t?id=eq.{key}", "DELETE", "", "Prefer: return=minimal") for key in (1, 2)]
    (call,) = plan_writes(writes, b"k", 100, 2000)
    assert isinstance(call, WriteCall)
    assert (call.target, call.returns_rows) == (b"/t?id=in.(1,2)", False)
    assert b"Prefer: return=minimal\r\n" in call.header_lines


def test_a_second_write_of_a_row_and_a_write_alone_are_sent_unchanged() -> None:
    assert targets(*[write("/t?id=eq.1") for _ in range(3)]) == [b"/t?id=eq.1"] * 3
    assert targets(write("/t?id=eq.1"), write("/t?id=eq.1&team=eq.2")) == [b"/t?id=eq.1", b"/t?id=eq.1&team=eq.2"]


def test_different_bodies_or_callers_or_targets_share_no_call() -> None:
    writes = [
        write("/t?id=eq.1"),
        write("/t?id=eq.2", "PATCH", '{"a":2}'),
        write("/t?id=eq.3", "PATCH", '{"a":1}', "Authorization: Bearer x"),
        write("/t?id=eq.4&select=a"),
        write("/t?code=eq.00000000-0000-0000-0000-000000000001"),
    ]
    assert sorted(targets(*writes)) == sorted(each.query.target for each in writes)


def test_calls_have_limits_of_keys_and_of_bytes() -> None:
    writes = [write(f"/t?id=eq.{key}") for key in range(1, 8)]
    assert [target.count(b",") + 1 for target in targets(*writes, max_keys=3)] == [3, 3, 1]
    assert all(len(target) <= 40 for target in targets(*writes, max_url=40))
    found = targets(*writes, max_url=40)
    assert sorted(
        int(key) for target in found for key in target.rpartition(b"id=")[2].strip(b"eqin.()").split(b",")
    ) == [*range(1, 8)]
