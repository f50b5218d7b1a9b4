"""Long lists: how they are parsed and split into parts, and how the answers of the parts are joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec.structs import replace

from proxy.errors.codes import BYPASS_REASONS, FALLBACK_REASONS
from proxy.http1.head import Response, StatusLine
from proxy.model import FallbackReason, Slice
from proxy.path.batches.chunking import (
    ChunkedList,
    PartAnswer,
    are_in_order,
    boundary_literals,
    chunk_list,
    concatenate,
    read_part,
    with_long_list,
)
from proxy.path.reading.fingerprint import read_query
from proxy.postgrest.request.in_list import shortened
from proxy.postgrest.response.gateway import POSTGREST
from tests.factories import fields, head, query

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from proxy.model import Query

LIST = "in.(" + ",".join(map(str, range(1000, 3000))) + ")"


def parsed(target: str, lines: str = "Host: h") -> Query:
    raw = target.encode()
    short, place = shortened(raw, 7000)
    return with_long_list(read_query(b"GET", short, head(lines), b"", "public", 7000), raw, place)


def test_a_query_with_a_long_list_has_the_fingerprint_of_one_with_a_short_list() -> None:
    long, short = parsed(f"/t?select=a&x=eq.7&id={LIST}&order=id"), query("/t?select=a&x=eq.7&id=in.(1)&order=id")
    assert (long.relation, long.fingerprint) == (short.relation, short.fingerprint)
    assert long.target == f"/t?select=a&x=eq.7&id={LIST}&order=id".encode()
    assert (long.bypass_reason, long.keys, long.select) == ("too-long", (), None)


def test_different_long_lists_give_different_filters() -> None:
    one, two = parsed(f"/t?x=eq.7&id={LIST}"), parsed(f"/t?x=eq.7&id={LIST[:-1]},1)")
    assert one.filters[0] == two.filters[0] == b"7"
    assert one.filters[1] != two.filters[1]


@pytest.mark.parametrize(
    ("bypass_reason", "target", "lines"),
    [
        ("offset", f"/t?id={LIST}&offset=3", "Host: h"),
        ("aggregate", f"/t?select=count()&id={LIST}", "Host: h"),
        ("semicolon", f"/t?id={LIST}&a=eq.;", "Host: h"),
        ("range", f"/t?id={LIST}", "Host: h\nRange: 1-9"),
        ("too-long", f"/t?id={LIST}", "Host: h\nRange: 0-9"),
        ("accept", f"/t?id={LIST}", "Host: h\nAccept: text/csv"),
        ("count", f"/t?id={LIST}", "Host: h\nPrefer: count=planned"),
        ("off", f"/t?id={LIST}", "Host: h\nX-Fanin: off"),
        ("not-a-relation", f"/rpc/t?id={LIST}", "Host: h"),
    ],
)
def test_other_bypass_reasons_have_precedence_over_too_long(bypass_reason: str, target: str, lines: str) -> None:
    assert parsed(target, lines).bypass_reason == bypass_reason


@pytest.mark.parametrize("target", ["/t?or=(" + "a.eq.1," * 2_000, "/t?" + "&" * 70_000, "/t?id=eq." + "1" * 9_000])
def test_a_target_that_is_too_long_to_parse_is_known_by_its_path(target: str) -> None:
    long = parsed(target)
    assert (long.relation, long.fingerprint, long.bypass_reason) == ("public.t", "GET t?…", "too-long")
    assert long.target == target.encode()


# Splitting.

ALIAS = b"f0"
LINES = "Host: h"


def chunk(target: str, lines: str = LINES, longest: int = 2000) -> ChunkedList:
    chunked_list = chunk_list(parsed(target, lines), head(lines), ALIAS, longest)
    assert isinstance(chunked_list, ChunkedList), chunked_list
    return chunked_list


def bypass_reason(target: str, lines: str = LINES, longest: int = 2000) -> str:
    chunked_list = chunk_list(parsed(target, lines), head(lines), ALIAS, longest)
    assert isinstance(chunked_list, str)
    assert chunked_list in BYPASS_REASONS
    return chunked_list


def list_filter(numbers: Iterable[object]) -> str:
    return f"in.({','.join(map(str, numbers))})"


NUMBERS = [n * 7919 % 9973 - 3000 for n in range(3000)]
UUIDS = [f"{n * 2654435761 % 2**32:08x}-0000-4000-8000-000000000000" for n in range(400)]


@pytest.mark.parametrize("longest", [100, 101, 500, 2000, 100_000])
def test_each_literal_is_in_one_part_and_each_part_within_the_byte_limit(longest: int) -> None:
    chunked_list = chunk(f"/t?select=a&id={list_filter(NUMBERS + NUMBERS[:50])}", longest=longest + 150)
    assert [literal for part in chunked_list.parts for literal in part] == [b"%d" % n for n in dict.fromkeys(NUMBERS)]
    sizes = [len(chunked_list.target(part)) for part in chunked_list.parts]
    assert max(sizes) <= longest + 150
    assert all(size > longest + 150 - 6 for size in sizes[:-1])


@pytest.mark.parametrize(
    ("target", "part"),
    [
        ("/t?id={}", "/t?select=f0:id::text,*&id=in.(1000)"),
        ("/t?select=a,b&id={}", "/t?select=f0:id::text,a,b&id=in.(1000)"),
        ("/t?id={}&select=a,b(*)&x=eq.1", "/t?id=in.(1000)&select=f0:id::text,a,b(*)&x=eq.1"),
        (
            "/t?or=(a.in.(1,2))&x.y=in.(1)&id={}&x.order=a&x.limit=3",
            "/t?select=f0:id::text,*&or=(a.in.(1,2))&x.y=in.(1)&id=in.(1000)&x.order=a&x.limit=3",
        ),
    ],
)
def test_only_the_list_and_the_select_are_changed(target: str, part: str) -> None:
    assert chunk(target.format(LIST)).target([b"1000"]) == part.encode()


def test_a_percent_encoded_list_is_chunked_like_a_plain_one() -> None:
    plain, escaped = f"/t?id={LIST}", f"/t?id={LIST.replace(',', '%2C').replace('(', '%28').replace(')', '%29')}"
    assert chunk(plain).parts == chunk(escaped).parts


@pytest.mark.parametrize(
    "order", ["id", "id.asc", "id.asc.nullslast", "id.nullsfirst", "id.desc", "id.desc.nullsfirst"]
)
@pytest.mark.parametrize("literals", [NUMBERS, UUIDS], ids=["integers", "uuids"])
def test_with_an_order_the_parts_are_ranges_in_that_order(literals: list[object], order: str) -> None:
    chunked_list = chunk(f"/t?id={list_filter(literals)}&order={order}")
    result = [literal for part in chunked_list.parts for literal in part]
    key = int if literals is NUMBERS else None
    assert result == sorted({str(n).encode() for n in literals}, key=key, reverse="desc" in order)
    assert chunked_list.ordered


@pytest.mark.parametrize(
    ("reason", "target", "lines"),
    [
        ("list", "/t?id=in.({},a)", LINES),
        ("list", "/t?id=in.({},00000000-0000-4000-8000-000000000000)", LINES),
        ("list", "/t?id=in.({})&id=gt.4", LINES),
        ("list", "/t?id=in.({})&%69d=gt.4", LINES),
        ("list", "/t?id=in.({})&k=in.(1,2)", LINES),
        ("list", "/t?id=in.({})&k=%69n.(1,2)", LINES),
        ("list", "/t?x.id=in.({})", LINES),
        ("list", "/t?data->>id=in.({})", LINES),
        ("list", "/t?or=in.({})", LINES),
        ("list", "/t?columns=in.({})", LINES),
        ("list", "/t?id=not.in.({})", LINES),
        ("list", "/t?or=(id.in.({}))", LINES),
        ("list-total", "/t?id=in.({})&limit=9", LINES),
        ("list-total", "/t?id=in.({})", "Host: h\nPrefer: count=exact"),
        ("list-total", "/t?id=in.({})", "Host: h\nAccept: application/vnd.pgrst.object+json"),
        ("list-order", "/t?id=in.({})&order=name", LINES),
        ("list-order", "/t?id=in.({})&order=id,name", LINES),
        ("list-order", "/t?id=in.({})&order=id.down", LINES),
        ("list-order", "/t?id=in.({})&order=idx.asc", LINES),
        ("list-order", "/t?id=in.({})&order=", LINES),
        ("list-order", "/t?id=in.({})&order=id&order=id", LINES),
    ],
)
def test_a_query_that_parts_cannot_answer_is_not_chunked(reason: str, target: str, lines: str) -> None:
    assert bypass_reason(target.format(LIST[4:-1]), lines) == reason


def test_a_list_that_needs_too_many_parts_is_not_chunked() -> None:
    assert bypass_reason(f"/t?id={LIST}&x=eq.{'y' * 1900}") == "chunk-limit"
    assert bypass_reason(f"/t?id={LIST}", longest=120) == "chunk-limit"


# Joining.

HEAD = "Date: {date}\nServer: s\nContent-Range: {range}\nContent-Location: /t?{location}\nContent-Type: {type}\n{more}"
CHUNKED = chunk(f"/t?id={LIST}")


def answer_of(rows: dict[int, str] | list[int], more: str = "X: y", **changes: str) -> Response:
    bodies = rows if isinstance(rows, dict) else {n: f'"id":{n}' for n in rows}
    body = ", \n ".join(f'{{"f0":"{n}"{"," if row else ""}{row}}}' for n, row in bodies.items())
    values = {"date": "now", "range": "?", "location": "x", "type": "application/json; charset=utf-8", "more": more}
    lines = HEAD.format(**{**values, **changes}).replace("X: y", "Vary: y")
    return Response(StatusLine(200, 1, b"HTTP/1.1 200 OK"), fields(lines), b"[" + body.encode() + b"]")


def part_of(rows: dict[int, str] | list[int], more: str = "X: y", **changes: str) -> PartAnswer:
    numbers = [b"%d" % n for n in rows]
    part = read_part(CHUNKED, numbers, ALIAS, answer_of(rows, more, **changes), POSTGREST, head())
    assert isinstance(part, PartAnswer), part
    return part


def fallback(answer: Response, literals: Sequence[bytes] = (b"1", b"2")) -> FallbackReason:
    result = read_part(CHUNKED, literals, ALIAS, answer, POSTGREST, head())
    assert isinstance(result, FallbackReason)
    assert result.reason in FALLBACK_REASONS
    return result


def joined(*parts: PartAnswer) -> Slice:
    joined_answer = concatenate(CHUNKED, parts)
    assert isinstance(joined_answer, Slice), joined_answer
    return joined_answer


def test_the_rows_of_all_parts_are_concatenated_unchanged() -> None:
    awkward = '"j":[{"a":1}, \n {"a":2}],"t":"}, \\n {"'
    joined_answer = joined(part_of({1: '"id":1', 2: awkward}), part_of([]), part_of({7: '"id":7.50', 3: ""}))
    assert joined_answer.body == b'[{"id":1}, \n {' + awkward.encode() + b'}, \n {"id":7.50}, \n {}]'
    assert joined_answer.rows == 4


def test_the_head_is_that_of_the_first_part_without_content_location() -> None:
    joined_answer = joined(part_of([1, 2], date="one", location="a"), part_of([3], date="two", location="b"))
    assert joined_answer.head == (
        b"HTTP/1.1 200 OK\r\nDate: one\r\nServer: s\r\nContent-Range: 0-2/*\r\n"
        b"Content-Type: application/json; charset=utf-8\r\nVary: y\r\nContent-Length: 34\r\n"
    )


def test_no_rows_are_an_empty_array() -> None:
    joined_answer = joined(part_of([]), part_of([]))
    assert (joined_answer.body, joined_answer.rows) == (b"[]", 0)
    assert b"Content-Range: */*\r\n" in joined_answer.head


def test_preference_applied_does_not_show_fanins_own_count() -> None:
    counted = part_of([1], "Preference-Applied: count=exact, handling=lenient")
    assert b"Preference-Applied: handling=lenient\r\n" in joined(counted).head
    joined_answer = joined(part_of([1], "Preference-Applied: count=exact"), part_of([2], "Server-Timing: a"))
    assert b"Preference-Applied" not in joined_answer.head


def test_parts_with_different_heads_are_not_concatenated() -> None:
    result = concatenate(CHUNKED, [part_of([1], "Vary: a"), part_of([2], "Vary: b")])
    assert result == FallbackReason("headers", "vary")


@pytest.mark.parametrize(
    ("reason", "detail", "answer"),
    [
        ("headers", "x-film", answer_of([1], "X-Film: 1")),
        ("headers", "set-cookie", answer_of([1], "Set-Cookie: a=b")),
        ("headers", "content-range", answer_of([1], "Content-Range: 0-0/*")),
        ("headers", "content-type", answer_of([1], type="text/plain")),
        ("headers", "content-type", answer_of([1], "Content-Type: application/json; charset=utf-8")),
        ("unexpected-key", "", answer_of([1, 3])),
        ("shape", "", replace(answer_of([]), body=b"")),
        ("shape", "", replace(answer_of([]), body=b'{"f0":"1"}')),
        ("shape", "", replace(answer_of([]), body=b'[{"id":1}]')),
        ("shape", "", replace(answer_of([]), body=b'[{"f0":"1"}')),
        ("shape", "", replace(answer_of([]), body=b'[{"f0":"1"},{"f0":"2"}]')),
        ("shape", "", replace(answer_of([]), body=b'[{"f0":"1","id":1}x]')),
    ],
)
def test_a_part_with_an_unexpected_answer_is_not_used(reason: str, detail: str, answer: Response) -> None:
    assert fallback(answer) == FallbackReason(reason, detail)


def test_stripped_rows_are_joined_by_a_comma_without_blanks() -> None:
    lines = "Host: h\nAccept: application/vnd.pgrst.array+json;nulls=stripped"
    chunked_list = chunk(f"/t?id={LIST}", lines)
    kind = "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8"
    parts = []
    for numbers in ([1, 2], [3]):
        answer = answer_of(numbers, type=kind)
        answer = replace(answer, body=answer.body.replace(b", \n ", b","))
        part = read_part(chunked_list, [b"%d" % n for n in numbers], ALIAS, answer, POSTGREST, head())
        assert isinstance(part, PartAnswer)
        parts.append(part)
    joined_answer = concatenate(chunked_list, parts)
    assert isinstance(joined_answer, Slice)
    assert joined_answer.body == b'[{"id":1},{"id":2},{"id":3}]'


# Order.


def test_boundary_literals_are_the_first_and_last_keys_of_parts_with_rows() -> None:
    assert boundary_literals([part_of([1, 2, 3]), part_of([]), part_of([5]), part_of([7, 8])]) == (
        b"1",
        b"3",
        b"5",
        b"7",
        b"8",
    )
    assert boundary_literals([part_of([]), part_of([1, 2, 3])]) == ()
    assert boundary_literals([]) == ()


def test_parts_are_in_order_if_upstream_orders_the_boundary_literals_so() -> None:
    keys = [b"1", b"3", b"5"]
    assert are_in_order(keys, part_of([1, 3, 5]))
    assert not are_in_order(keys, part_of([1, 5, 3]))
    assert not are_in_order(keys, part_of([1, 5]))
    twice = msgspec.structs.replace(part_of([1]), keys=(b"1", b"1", b"3", b"5"))
    assert are_in_order(keys, twice)
    assert not are_in_order(keys, msgspec.structs.replace(twice, keys=(b"1", b"3", b"1", b"5")))
