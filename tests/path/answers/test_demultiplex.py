"""Demultiplexing a merged answer: the bytes of each request's own answer, or a fallback reason."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from proxy.errors.codes import FALLBACK_REASONS
from proxy.http1.head import HeaderField, Response, StatusLine
from proxy.model import Column, FallbackReason, MergedCall, NotSingular, Slice
from proxy.path.answers.demultiplex import demultiplex, rows_by_key
from proxy.path.batches.plan import CallLimits, plan
from proxy.postgrest.response.gateway import POSTGREST, SUPABASE, Gateway
from proxy.postgrest.types import NO_COLUMN
from tests.factories import fields, member

ALIAS = b"f0"
SEPARATOR = b", \n "
STATUS = StatusLine(200, 1, b"HTTP/1.1 200 OK")
HEAD = """Date: Sun, 22 Nov 2026 17:00:00 GMT
Server: postgrest/12.0.2
Content-Range: 0-1/*
Content-Location: /t?id=in.%281%2C2%29&select=f0%3Aid%3A%3Atext%2C%2A
Content-Type: application/json; charset=utf-8"""


def merged(*literals: int | str, more: str = "") -> MergedCall:
    (call,) = plan([member(f"/t?id=eq.{n}{more}") for n in literals], ALIAS, CallLimits(200, 7000))
    assert isinstance(call, MergedCall)
    return call


def range_of(rows: int) -> str:
    """The value of Content-Range."""
    return f"0-{rows - 1}/*" if rows else "*/*"


def rows(*pairs: tuple[object, str]) -> bytes:
    """A body. Each pair is a row's key text and the rest of its JSON."""
    return b"[" + ", \n ".join(f'{{"f0":"{key}"{rest}}}' for key, rest in pairs).encode() + b"]"


def demultiplexed(
    body: bytes,
    call: MergedCall | None = None,
    head: str = HEAD,
    ties: bool = False,
    gateway: Gateway = POSTGREST,
) -> dict[bytes, Slice | NotSingular | None] | FallbackReason:
    lines = head.replace("0-1/*", range_of(body.count(b'{"f0":')))
    answer = Response(STATUS, fields(lines), body)
    return demultiplex(call or merged(1, 2), ALIAS, answer, ties, gateway)


def slices_of(body: bytes, call: MergedCall | None = None, head: str = HEAD, ties: bool = False) -> dict[bytes, Slice]:
    result = demultiplexed(body, call, head, ties)
    assert isinstance(result, dict), result
    return {value[3:]: slice_ for value, slice_ in result.items() if isinstance(slice_, Slice)}


def fallback(body: bytes, call: MergedCall | None = None, head: str = HEAD) -> str:
    result = demultiplexed(body, call, head)
    assert isinstance(result, FallbackReason)
    assert result.reason in FALLBACK_REASONS
    return result.reason


def test_each_literal_gets_its_row_without_the_hidden_column() -> None:
    slices = slices_of(rows((2, ',"id":2,"a":"x"'), (1, ',"id":1,"a":"y"')))
    assert slices[b"1"].body == b'[{"id":1,"a":"y"}]'
    assert slices[b"2"].body == b'[{"id":2,"a":"x"}]'


def test_a_missing_key_gets_an_empty_array_and_an_empty_range() -> None:
    slices = slices_of(rows((2, ',"id":2')))
    assert slices[b"1"].body == b"[]"
    assert b"\r\nContent-Range: */*\r\n" in slices[b"1"].head
    assert b"\r\nContent-Range: 0-0/*\r\n" in slices[b"2"].head


def test_an_answer_without_rows_is_demultiplexed() -> None:
    assert {slice_.body for slice_ in slices_of(b"[]").values()} == {b"[]"}


def test_the_head_is_postgrests_with_the_content_location_of_each_value() -> None:
    slices = slices_of(rows((1, ',"id":1')), merged(1, 2, more="&select=id&z=gt.0"))
    assert slices[b"2"].head == (
        b"HTTP/1.1 200 OK\r\n"
        b"Date: Sun, 22 Nov 2026 17:00:00 GMT\r\n"
        b"Server: postgrest/12.0.2\r\n"
        b"Content-Range: */*\r\n"
        b"Content-Location: /t?id=eq.2&select=id&z=gt.0\r\n"
        b"Content-Type: application/json; charset=utf-8\r\n"
        b"Content-Length: 2\r\n"
    )


def test_header_names_keep_their_case() -> None:
    slices = slices_of(b"[]", head=HEAD.lower().replace("date: sun", "date: Sun"))
    assert b"\r\ncontent-range: */*\r\ncontent-location: /t?id=eq.1\r\n" in slices[b"1"].head


def test_preference_applied_does_not_show_fanins_own_count() -> None:
    slices = slices_of(b"[]", head=HEAD + "\nPreference-Applied: count=exact")
    assert b"Preference-Applied" not in slices[b"1"].head
    slices = slices_of(b"[]", head=HEAD + "\nPreference-Applied: count=exact, tx=rollback")
    assert b"\r\nPreference-Applied: tx=rollback\r\n" in slices[b"1"].head


def test_a_row_that_contains_the_separator_stays_whole() -> None:
    awkward = ',"j":[{"a":1}, \n {"b":2}],"s":"{\\"f0\\":\\"2\\"}, \\n "'
    slices = slices_of(rows((1, awkward), (2, awkward)))
    assert slices[b"1"].body == f"[{{{awkward[1:]}}}]".encode()
    assert slices[b"2"].body == slices[b"1"].body


def test_a_row_with_only_the_hidden_column_becomes_an_empty_object() -> None:
    slices = slices_of(rows((1, ""), (2, "")))
    assert slices[b"1"].body == b"[{}]"


def test_rows_of_a_key_keep_their_order_if_ties_are_allowed() -> None:
    slices = slices_of(rows((1, ',"n":3'), (2, ',"n":1'), (1, ',"n":2')), ties=True)
    assert slices[b"1"].body == b'[{"n":3}, \n {"n":2}]'
    assert slices[b"1"].rows == 2
    assert b"Content-Range: 0-1/*" in slices[b"1"].head


def test_without_ties_allowed_several_rows_of_a_key_are_a_fallback() -> None:
    assert fallback(rows((1, ',"n":3'), (1, ',"n":2'))) == "ties"


def test_a_row_with_an_unexpected_key_is_a_fallback() -> None:
    assert fallback(rows((1, ',"n":1'), ("01", ',"n":2'))) == "unexpected-key"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[] ",
        b'[{"id":1}]',
        b'[{"f0":null,"id":1}]',
        b'[{"f0":1,"id":1}]',
        b'[{"id":1,"f0":"1"}]',
        b'[{"f0":"1","id":1}',
        b'[{"f0":"1","id":1},{"f0":"2","id":2}]',
        b'[{"f0":"1","id":1}, \n {"id":2}, \n {"f0":"2"}',
        b'[ {"f0":"1","id":1}]',
        b'{"f0":"1","id":1}',
        b'[{"f0":"1"x}]',
        b'"[]"',
        b'[{"f0":"1","id":1}]\n',
    ],
)
def test_a_body_of_another_shape_is_a_fallback(body: bytes) -> None:
    assert fallback(body) == "shape"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Set-Cookie: a=1", "set-cookie"),
        ("X-Film: 2", "x-film"),
        ("Content-Range: 0-0/*", "content-range"),
        ("Content-Location: /t", "content-location"),
        ("Content-Encoding: gzip", "content-encoding"),
        ("ETag: x", "etag"),
        ("Content-Type: text/csv", "content-type"),
    ],
)
def test_an_unknown_header_is_a_fallback(line: str, name: str) -> None:
    assert demultiplexed(b"[]", head=f"{HEAD}\n{line}") == FallbackReason("headers", name)


ADDED = "\nsb-request-id: 7\nCF-Ray: 8-CDG\nVia: 1.1 a\nVia: 1.1 b"
COOKIE = "\nSet-Cookie: __cf_bm=abc; path=/; HttpOnly"


def test_gateway_headers_are_copied_in_place_and_its_cookies_dropped() -> None:
    slices = demultiplexed(b"[]", head=HEAD + ADDED + COOKIE, gateway=SUPABASE)
    assert isinstance(slices, dict)
    for slice_ in slices.values():
        assert isinstance(slice_, Slice)
        assert b"\r\nsb-request-id: 7\r\nCF-Ray: 8-CDG\r\nVia: 1.1 a\r\nVia: 1.1 b\r\n" in slice_.head
        assert b"cookie" not in slice_.head.lower()


@pytest.mark.parametrize(("added", "name"), [(ADDED, "sb-request-id"), (COOKIE, "set-cookie")])
def test_gateway_headers_are_a_fallback_under_another_profile(added: str, name: str) -> None:
    assert demultiplexed(b"[]", head=HEAD + added) == FallbackReason("headers", name)


def test_a_not_singular_result_has_the_date_and_the_gateway_headers() -> None:
    call = plan(
        [member(f"/t?id=eq.{n}", "Host: h\nAccept: application/vnd.pgrst.object+json") for n in (1, 2)],
        ALIAS,
        CallLimits(200, 7000),
    )[0]
    assert isinstance(call, MergedCall)
    slices = demultiplexed(b"[]", call, HEAD + ADDED + COOKIE, gateway=SUPABASE)
    assert isinstance(slices, dict)
    not_singular = slices[b"eq.1"]
    assert isinstance(not_singular, NotSingular)
    assert (not_singular.server, not_singular.rows) == (b"Server: postgrest/12.0.2", 0)
    assert not_singular.per_answer_lines == {
        b"date": b"Date: Sun, 22 Nov 2026 17:00:00 GMT\r\n",
        b"sb-request-id": b"sb-request-id: 7\r\n",
        b"cf-ray": b"CF-Ray: 8-CDG\r\n",
        b"via": b"Via: 1.1 a\r\nVia: 1.1 b\r\n",
    }


def test_a_compressed_body_is_a_fallback_that_names_content_encoding() -> None:
    assert demultiplexed(b"\x1f\x8b\x08", head=HEAD + "\nContent-Encoding: gzip") == FallbackReason(
        "headers", "content-encoding"
    )


@pytest.mark.parametrize("missing", ["Content-Range", "Content-Location"])
def test_a_head_without_a_header_of_every_read_is_a_fallback(missing: str) -> None:
    lines = "\n".join(line for line in HEAD.splitlines() if not line.startswith(missing))
    assert fallback(b"[]", head=lines) == "headers"


def test_a_one_character_key_of_a_possible_char_column_is_a_fallback() -> None:
    assert fallback(rows((1, ',"n":1')), merged(1, 12)) == "char"
    assert fallback(rows((1, ',"n":1')), merged(12, 15)) == "unexpected-key"


@pytest.mark.parametrize("type_", ["", "odd.one_byte", "extensions.citext"])
def test_an_unknown_or_user_defined_type_may_be_char(type_: str) -> None:
    assert fallback(rows((1, ',"n":1')), replace(merged(1, 12), column=Column(type_))) == "char"


@pytest.mark.parametrize("type_", ["integer", "text", "enum"])
def test_a_known_type_cannot_be_char(type_: str) -> None:
    assert slices_of(rows((1, ',"n":1')), replace(merged(1, 12), column=Column(type_)))[b"1"].rows == 1


def test_a_longer_key_proves_that_the_column_is_not_char() -> None:
    slices = slices_of(rows((1, ',"n":1'), (12, ',"n":2')), merged(1, 12))
    assert slices[b"12"].body == b'[{"n":2}]'


def test_literals_that_do_not_begin_with_another_are_not_ambiguous() -> None:
    assert slices_of(rows((1, ',"n":1')), merged(1, 2, 34))[b"1"].rows == 1


TEXT = st.text(alphabet='f0{}[]",:\\ \nné', max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.integers(0, 30), JSON, max_size=12))
def test_any_json_comes_back_byte_for_byte(columns: dict[int, object]) -> None:
    texts = {key: json.dumps(value, ensure_ascii=False) for key, value in columns.items()}
    body = rows(*[(key, f',"v":{text}') for key, text in texts.items()])
    result = rows_by_key(body, ALIAS, SEPARATOR) if columns else rows_by_key(b"[]", ALIAS, SEPARATOR)
    assert isinstance(result, dict)
    assert {key: [row.data for row in own] for key, own in result.items()} == {
        str(key).encode(): [f'{{"v":{text}}}'.encode()] for key, text in texts.items()
    }


@given(st.binary(max_size=60))
def test_arbitrary_bytes_give_a_fallback_or_rows_and_never_an_error(data: bytes) -> None:
    for body in (data, b"[" + data + b"]", b'[{"f0":"1",' + data + b"}]"):
        assert isinstance(rows_by_key(body, ALIAS, SEPARATOR), dict | FallbackReason)


@given(st.lists(st.sampled_from([b"Date", b"X-Odd", b"Content-Range", b"Content-Location", b"Vary"]), max_size=6))
def test_any_order_of_headers_gives_a_result_and_never_an_error(names: list[bytes]) -> None:
    head = tuple(HeaderField(name.lower(), b"*/*", name + b": */*") for name in names)
    result = demultiplex(merged(1, 2), ALIAS, Response(STATUS, head, b"[]"), False, POSTGREST)
    placed = [name for name in names if name in (b"Content-Range", b"Content-Location")]
    valid = placed == [b"Content-Range", b"Content-Location"] and b"X-Odd" not in names
    assert isinstance(result, dict) is valid


def test_rows_within_their_limits_are_demultiplexed() -> None:
    slices = slices_of(rows((1, ',"a":1'), (1, ',"a":2')), merged(1, 2, more="&limit=2"), ties=True)
    assert slices[b"1"].body == b'[{"a":1}, \n {"a":2}]'


@pytest.mark.parametrize("pairs", [[(1, ""), (1, "")], [(1, ""), (2, ""), (2, "")]])
def test_a_key_with_more_rows_than_its_limit_is_a_fallback(pairs: list[tuple[int, str]]) -> None:
    result = demultiplexed(rows(*pairs), merged(1, 2, more="&limit=1"), ties=True)
    assert isinstance(result, FallbackReason)
    assert result.reason == "limit"


def ordered_call(order: str, known: dict[bytes, Column], *values: str, more: str = "") -> MergedCall:
    batch = [member(f"/t?id={value}&order={order}{more}") for value in values]
    (call,) = plan(batch, ALIAS, CallLimits(200, 7000, known))
    assert isinstance(call, MergedCall)
    return call


def ordered_rows(*triples: tuple[object, str, str]) -> bytes:
    """A body. Each triple is a row's key text, the JSON of its order column, and the rest."""
    return rows(*[(key, f',"f00":{rank}{rest}') for key, rank, rest in triples])


DATES = {b"at": Column("date")}


def test_rows_of_a_key_without_ties_are_demultiplexed() -> None:
    call = ordered_call("at", DATES, "eq.1", "eq.2")
    slices = slices_of(
        ordered_rows((1, '"2024-01-01"', ',"n":1'), (2, '"2024-01-01"', ',"n":2'), (1, "null", ',"n":3')), call
    )
    assert slices[b"1"].body == b'[{"n":1}, \n {"n":3}]'
    assert slices[b"2"].body == b'[{"n":2}]'


@pytest.mark.parametrize("rank", ['"2024-01-01"', "null"])
def test_tied_rows_of_a_key_are_a_fallback(rank: str) -> None:
    call = ordered_call("at", DATES, "eq.1", "eq.2")
    assert fallback(ordered_rows((1, rank, ',"n":1'), (1, rank, ',"n":2')), call) == "ties"


def test_a_second_column_breaks_a_tie() -> None:
    call = ordered_call("at,n", DATES | {b"n": Column("integer")}, "eq.1", "eq.2")
    assert slices_of(rows((1, ',"f00":"x","f01":"1","n":1'), (1, ',"f00":"x","f01":"2"')), call)[b"1"].rows == 2


def test_an_absent_order_column_is_a_null() -> None:
    call = ordered_call("at", DATES, "eq.1", "eq.2")
    assert slices_of(ordered_rows((1, '"2024-01-01"', ""))[:-1] + b', \n {"f0":"1","n":1}]', call)[b"1"].rows == 2


def test_an_order_that_ends_in_a_unique_column_needs_no_proof() -> None:
    call = ordered_call("n", {b"n": Column("numeric", unique=True)}, "eq.1", "eq.2")
    assert slices_of(rows((1, ',"n":1'), (1, ',"n":2')), call)[b"1"].body == b'[{"n":1}, \n {"n":2}]'


def test_with_a_known_order_a_limit_keeps_the_first_rows_of_a_key() -> None:
    call = ordered_call("at", DATES, "eq.1", "eq.2", more="&limit=1")
    body = ordered_rows((1, '"2024-01-01"', ',"n":1'), (1, '"2024-01-02"', ',"n":2'))
    assert slices_of(body, call)[b"1"].body == b'[{"n":1}]'
    assert b"Content-Range: 0-0/*" in slices_of(body, call)[b"1"].head
    assert fallback(body.replace(b"01-02", b"01-01"), call) == "limit"


COUNT = "Host: h\nPrefer: count=exact"


def counted_call(more: str, lines: str = COUNT) -> MergedCall:
    batch = [member(f"/t?id=eq.{n}&order=at{more}", lines) for n in (1, 2, 3)]
    (call,) = plan(batch, ALIAS, CallLimits(200, 7000, DATES))
    assert isinstance(call, MergedCall)
    return call


THREE_ROWS = ordered_rows((1, '"2024-01-01"', ',"n":1'), (1, '"2024-01-02"', ',"n":2'), (2, "null", ',"n":3'))


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        ("&limit=1", COUNT),
        ("&limit=1&offset=0", COUNT),
        ("", f"{COUNT}\nRange: 0-0"),
        ("&limit=9", f"{COUNT}\nRange: 0-0"),
    ],
)
def test_a_page_of_counted_rows_is_partial_and_shows_the_number_of_all(more: str, lines: str) -> None:
    slices = slices_of(THREE_ROWS, counted_call(more, lines), HEAD + "\nPreference-Applied: count=exact")
    assert slices[b"1"].body == b'[{"n":1}]'
    assert slices[b"1"].head.startswith(b"HTTP/1.1 206 Partial Content\r\nDate: ")
    assert b"\r\nContent-Range: 0-0/2\r\n" in slices[b"1"].head
    assert slices[b"2"].head.startswith(b"HTTP/1.1 200 OK\r\nDate: ")
    assert b"\r\nContent-Range: 0-0/1\r\n" in slices[b"2"].head


def test_a_page_behind_a_gateway_with_other_status_lines_is_a_fallback() -> None:
    head = fields(HEAD.replace("0-1/*", "0-2/3") + "\nPreference-Applied: count=exact")
    answer = Response(StatusLine(200, 1, b"HTTP/1.1 200"), head, THREE_ROWS)
    result = demultiplex(counted_call("&limit=1"), ALIAS, answer, False, POSTGREST)
    assert isinstance(result, FallbackReason)
    assert result.reason == "limit"


@pytest.mark.parametrize(
    ("accept", "before", "after"),
    [("*/*", b"[", b"]"), ("application/vnd.pgrst.object+json", b"", b"")],
)
def test_a_count_is_the_number_of_rows_of_its_key(accept: str, before: bytes, after: bytes) -> None:
    batch = [member(f"/t?select=n:count&id=eq.{n}", f"Host: h\nAccept: {accept}") for n in (1, 2)]
    (call,) = plan(batch, ALIAS, CallLimits(200, 7000, {b"count": Column(NO_COLUMN)}))
    assert isinstance(call, MergedCall)
    slices = slices_of(rows((1, ""), (1, ""), (1, "")), call)
    assert [slices[key].body for key in (b"1", b"2")] == [before + body + after for body in (b'{"n":3}', b'{"n":0}')]
    assert [(slices[key].rows, slices[key].rows_read) for key in (b"1", b"2")] == [(1, 3), (1, 0)]
    assert all(b"\r\nContent-Range: 0-0/*\r\n" in slices[key].head for key in (b"1", b"2"))


def test_a_list_gets_the_rows_of_its_keys_in_the_order_of_the_batch() -> None:
    call = ordered_call("at", DATES, "in.(1,2)", "in.(2,3)")
    body = ordered_rows((3, '"2024-01-01"', ',"n":3'), (2, '"2024-01-02"', ',"n":2'), (1, '"2024-01-03"', ',"n":1'))
    result = demultiplexed(body, call)
    assert isinstance(result, dict)
    one, two = result[b"in.(1,2)"], result[b"in.(2,3)"]
    assert isinstance(one, Slice)
    assert isinstance(two, Slice)
    assert one.body == b'[{"n":2}, \n {"n":1}]'
    assert two.body == b'[{"n":3}, \n {"n":2}]'
    assert b"Content-Location: /t?id=in.%281%2C2%29&order=at\r\n" in one.head


def test_a_list_with_tied_rows_of_different_keys_is_a_fallback() -> None:
    call = ordered_call("at", DATES, "in.(1,2)", "in.(2,3)")
    assert fallback(ordered_rows((2, '"2024-01-01"', ""), (1, '"2024-01-01"', "")), call) == "ties"


def test_order_texts_are_compared_in_their_json_encoding() -> None:
    limits = CallLimits(200, 7000, {b"k": Column("text", deterministic=True)})
    literals = ["a%22b", "%5Cz", "x%0Ay", "%C3%A9", "", "%01w"]
    (call,) = plan([member(f"/t?k=eq.{literal}") for literal in literals], ALIAS, limits)
    assert isinstance(call, MergedCall)
    body = rows(
        ('a\\"b', ',"n":1'), ("\\\\z", ',"n":2'), ("x\\ny", ',"n":3'), ("é", ',"n":4'), ("", ""), ("\\u0001w", "")
    )
    slices = slices_of(body, call)
    assert [slices[key].body for key in (b'a"b', b"\\z", b"x\ny", "é".encode())] == [
        b'[{"n":%d}]' % n for n in (1, 2, 3, 4)
    ]
    assert slices[b""].rows == slices[b"\x01w"].rows == 1
    assert b"k=eq.a%22b\r\n" in slices[b'a"b'].head
    assert b"k=eq.%C3%83%C2%A9\r\n" in slices["é".encode()].head


def test_more_rows_than_content_range_says_are_a_fallback() -> None:
    head = HEAD.replace("0-1/*", "0-4/*")
    assert fallback(rows((1, ""), (2, "")), head=head) == "shape"


# Addresses.


def addressed_call(*literals: int, more: str = "", lines: str = "Host: h", unique: bool = True) -> MergedCall:
    batch = [member(f"/t?id=eq.{n}{more}", lines) for n in literals]
    known = {b"ctid": Column("tid", unique=unique)}
    (call,) = plan(batch, ALIAS, CallLimits(200, 7000, known, addressed=frozenset((b"id",))))
    assert isinstance(call, MergedCall)
    return call


def addressed_rows(*pairs: tuple[int, str], table: str = "") -> bytes:
    """A body. Each pair is a row's key and its ctid; the rest of the row is its index."""
    more = f',"f01":"{table}"' if table else ""
    return rows(*[(key, f',"f00":"{ctid}"{more},"n":{at}') for at, (key, ctid) in enumerate(pairs)])


@pytest.mark.parametrize("table", ["", "16442"])
def test_several_rows_in_the_order_of_their_addresses_are_demultiplexed(table: str) -> None:
    body = addressed_rows((1, "(0,9)"), (2, "(0,1)"), (1, "(0,10)"), (2, "(1,1)"), table=table)
    slices = slices_of(body, addressed_call(1, 2, 3, unique=not table))
    assert [slices[literal].body for literal in (b"1", b"2", b"3")] == [
        b'[{"n":0}, \n {"n":2}]',
        b'[{"n":1}, \n {"n":3}]',
        b"[]",
    ]


def test_a_key_whose_rows_have_another_order_has_no_slice() -> None:
    body = addressed_rows((1, "(0,9)"), (2, "(0,1)"), (1, "(0,10)"), (2, "(0,0)"), (3, "(0,7)"))
    result = demultiplexed(body, addressed_call(1, 2, 3))
    assert isinstance(result, dict)
    assert [value for value, own_slice in result.items() if own_slice is None] == [b"eq.2"]


def test_an_answer_with_another_order_of_most_keys_is_not_used() -> None:
    two_of_three = addressed_rows(*[(1, "(0,9)"), (1, "(0,8)"), (2, "(0,7)"), (2, "(0,6)"), (3, "(0,1)"), (3, "(0,2)")])
    assert fallback(two_of_three, addressed_call(1, 2, 3)) == "ties"
    assert fallback(addressed_rows((1, "(0,9)"), (1, "(0,8)"), (2, "(0,1)")), addressed_call(1, 2, 3)) == "ties"


def test_rows_of_several_tables_have_no_order() -> None:
    body = rows((1, ',"f00":"(0,1)","f01":"7","n":1'), (1, ',"f00":"(0,2)","f01":"8","n":2'))
    assert fallback(body, addressed_call(1, 2, unique=False)) == "ties"


def test_addresses_do_not_say_which_rows_a_limit_cuts_off() -> None:
    body = addressed_rows((1, "(0,1)"), (1, "(0,2)"))
    assert fallback(body, addressed_call(1, 2, more="&limit=1")) == "limit"
    assert slices_of(body, addressed_call(1, 2, more="&limit=2"))[b"1"].rows == 2


def heads_call(*literals: int) -> MergedCall:
    batch = [member(f"/t?id=eq.{n}", "Host: h\nPrefer: count=exact", method=b"HEAD") for n in literals]
    (call,) = plan(batch, ALIAS, CallLimits(200, 7000, {b"ctid": Column("tid")}))
    assert isinstance(call, MergedCall)
    return call


def test_heads_get_the_number_of_their_rows_and_no_body() -> None:
    body = addressed_rows((1, "(0,9)"), (2, "(0,1)"), (1, "(0,3)")).replace(b',"n":0', b"").replace(b',"n":2', b"")
    slices = slices_of(body, heads_call(1, 2, 3))
    assert [own_slice.body for own_slice in slices.values()] == [b"", b"", b""]
    assert [own_slice.rows for own_slice in slices.values()] == [2, 1, 0]
    heads = [own_slice.head for own_slice in slices.values()]
    for head, content_range in zip(heads, (b"0-1/2", b"0-0/1", b"*/0"), strict=True):
        assert b"\r\nContent-Range: " + content_range + b"\r\n" in head
        assert b"Content-Length" not in head
