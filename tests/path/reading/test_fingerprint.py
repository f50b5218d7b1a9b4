"""How a request is parsed, and every bypass reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors.codes import BYPASS_REASONS
from proxy.model import LiteralClass, Query
from proxy.path.reading.fingerprint import MAX_FINGERPRINT, MAX_KEYS, MAX_NAME, MAX_PARAMS, _query_shape, read_query
from proxy.postgrest.request.target import decoded
from tests.factories import head, query

U = "0b5e7c1a-9f0e-4d55-8f6b-3a4b5c6d7e8f"
REFUSED_BY_TARGET = [
    ("not-a-relation", "/"),
    ("not-a-relation", "/rpc/f?id=eq.1"),
    ("not-a-relation", "/t/x?id=eq.1"),
    ("limit", "/t?id=eq.1&limit=0"),
    ("limit", "/t?id=eq.1&limit=-1"),
    ("limit", "/t?id=eq.1&limit=abc"),
    ("limit", "/t?id=eq.1&limit=2&limit=1"),
    ("limit", "/t?id=eq.1&limit=%31"),
    ("limit", "/t?id=eq.1&limit=1000000000"),
    ("limit", "/t?id=eq.1&lim%69t=1"),
    ("offset", "/t?id=eq.1&offset=1"),
    ("offset", "/t?id=eq.1&offset=0&offset=0"),
    ("offset", "/t?id=eq.1&offset="),
    ("offset", "/t?id=eq.1&offset=-0"),
    ("offset", "/t?id=eq.1&offset"),
    ("aggregate", "/t?select=count()&id=eq.1"),
    ("aggregate", "/t?select=a.sum%28%29&id=eq.1"),
    ("select", "/t?select=&id=eq.1"),
    ("select", "/t?select=,a&id=eq.1"),
    ("select", "/t?select=a,&id=eq.1"),
    ("select", "/t?select=%0Aa&id=eq.1"),
    ("select", "/t?select=...x&id=eq.1"),
    ("select", "/t?select=...x!inner,a&id=eq.1"),
    ("select", "/t?select=*x&id=eq.1"),
    ("select", "/t?select=->>a&id=eq.1"),
    ("select", "/t?select=:a&id=eq.1"),
    ("repeated", "/t?select=a&select=b&id=eq.1"),
    ("repeated", "/t?select=a&s%65lect=b&id=eq.1"),
    ("repeated", "/t?id=eq.1&id=gt.0"),
    ("repeated", "/t?id=eq.1&i%64=gt.0"),
    ("semicolon", "/t?select=a;id=eq.1"),
    ("encoding", "/t?id=eq.1&x=eq.%00"),
    ("encoding", "/t?id=eq.1&x=eq.%FF"),
    ("too-long", "/t?id=eq.1&x=eq." + "a" * 7000),
    ("too-long", "/t?id=eq.1" + "&" * 1001),
    ("no-key", "/t"),
    ("no-key", "/t?id=gt.1"),
    ("no-key", "/t?id=in.(1,2)"),
    ("no-key", "/t?id=not.eq.1"),
    ("no-key", "/t?r.id=eq.1"),
    ("no-key", "/t?data->a=eq.1"),
    ("no-key", "/t?id=in.(1,2)&order=a->b"),
    ("no-key", "/t?id=in.(1,2)&order=r(a)"),
    ("no-key", "/t?id=in.(1,2)&order=a&order=b"),
    ("no-key", "/t?id=in.(1,1)&order=a"),
    ("no-key", "/t?or=eq.1"),
    ("no-key", "/t?%22*%22=eq.1"),
    ("no-key", "/t?a.b=eq.1"),
    ("no-key", "/t?%22id=eq.1"),
    ("no-key", "/t?%22id%22=eq.1&id=eq.2"),
    ("no-key", "/t?id=in.()"),
    ("no-key", "/t?order=eq.1"),
    ("no-key", "/t?and=eq.1"),
]
REFUSED_BY_HEAD = [
    ("off", "Host: h\nX-Fanin: off"),
    ("body", "Host: h\nContent-Length: 2"),
    ("expect", "Host: h\nExpect: 100-continue"),
    ("accept", "Host: h\nAccept: text/csv"),
    ("range", "Host: h\nRange: 1-2"),
    ("count", "Host: h\nPrefer: count=planned"),
]
BY_THE_CATALOG = {"foreign-table", "volatile-view", "volatile-column", "volatile-policy", "security-barrier", "rules"}
"""Reasons of ``path.evidence.unsafe_reads``."""
WRITES = {"write-form", "write-key", "write-table"}  # tests/path/batches/test_writes.py
ELSEWHERE = {"differing-header", "mode", "paused", "mismatch-paused", "mismatched", "recent-writes"}
ELSEWHERE |= {"literal", "large-rows", "busy"}
"""Reasons that depend on more than the request; tested in tests/merging/test_merger.py."""
LISTS = {"oversized", "list", "list-order", "list-total", "chunk-limit"}
"""Reasons why a long list is not chunked; tested in tests/path/batches/test_chunking.py."""


@pytest.mark.parametrize(("reason", "target"), REFUSED_BY_TARGET)
def test_a_target_has_its_bypass_reason(reason: str, target: str) -> None:
    assert query(target).bypass_reason == reason


@pytest.mark.parametrize(("reason", "lines"), REFUSED_BY_HEAD)
def test_a_head_has_its_bypass_reason(reason: str, lines: str) -> None:
    assert query("/t?id=eq.1", lines).bypass_reason == reason


def test_http_1_0_is_not_merged() -> None:
    assert head("Host: h", minor=0).bypass_reason == "http-1.0"


@pytest.mark.parametrize("method", [b"POST", b"PATCH", b"DELETE", b"PUT", b"OPTIONS", b"FOO"])
def test_only_reads_are_merged(method: bytes) -> None:
    assert query("/t?id=eq.1", method=method).bypass_reason == "method"


@pytest.mark.parametrize(
    ("target", "lines", "reason"),
    [
        ("/t?id=eq.1", "Prefer: count=exact", None),
        ("/t?select=*&id=eq.1&order=x.desc", "Prefer: count=exact, tx=rollback", None),
        ("/t?select=%2A&id=eq.1", "Prefer: count=exact", None),
        ("/t?id=eq.1", "Prefer: tx=rollback", "head"),
        ("/t?id=eq.1&limit=5", "Prefer: count=exact", "head"),
        ("/t?select=id&id=eq.1", "Prefer: count=exact", None),
        ("/t?select=id,x&id=eq.1", "Prefer: count=exact", "head"),
        ("/t?select=count&id=eq.1", "Prefer: count=exact", "head"),
        ("/t?select=id::text&id=eq.1", "Prefer: count=exact", "head"),
        ("/t?select=*,x(*)&id=eq.1", "Prefer: count=exact", "head"),
        ("/t?id=eq.1", "Prefer: count=exact\nAccept: application/vnd.pgrst.object+json", "head"),
        ("/t?id=eq.1&offset=5", "Prefer: count=exact", "offset"),
        ("/t?id=eq.1", "Prefer: count=planned", "count"),
        ("/t?id=eq.1", "Prefer: count=exact\nRange: 0-4", "head"),
        ("/t?id=gt.1", "Prefer: count=exact", "no-key"),
    ],
)
def test_a_head_is_merged_if_it_counts_all_rows_and_selects_one_or_all(
    target: str, lines: str, reason: str | None
) -> None:
    assert query(target, f"Host: h\n{lines}", b"HEAD").bypass_reason == reason


def test_a_target_outside_the_mount_is_not_parsed() -> None:
    outside = query("/auth/v1/user/secret?id=eq.1", mount=b"/rest/v1")
    assert outside.bypass_reason == "outside-mount"
    assert outside.fingerprint == "GET /auth"
    assert query("/rest/v10/t?id=eq.1", mount=b"/rest/v1").bypass_reason == "outside-mount"


@pytest.mark.parametrize("path", ["", "/", "?select=id", "/?select=id", "/rpc/f", "//t", "/t/1", "/rpc/f/g"])
def test_each_target_under_the_mount_is_for_postgrest(path: str) -> None:
    assert query(f"/rest/v1{path}", mount=b"/rest/v1").bypass_reason == "not-a-relation"


def test_every_bypass_reason_of_the_table_is_tested() -> None:
    tested = {reason for reason, _ in REFUSED_BY_TARGET + REFUSED_BY_HEAD}
    elsewhere = WRITES | ELSEWHERE | LISTS | BY_THE_CATALOG | {"http-1.0", "method", "head", "outside-mount"}
    assert tested | elsewhere == set(BYPASS_REASONS)


@pytest.mark.parametrize(
    "target",
    [
        "/t?id=eq.1",
        f"/t?id=eq.{U}&select=*",
        "/t?select=a,r(b)&r.limit=1&r.order=b&id=eq.1&or=(a.eq.1,b.eq.2)&order=a",
        "/t?id=eq.1&x=eq.abc",
        "/t?id=eq.1&x=gt.1&x=lt.9",
        "/we%20ird?id=eq.1",
        "/t?id=eq.1&columns=a&on_conflict=b",
    ],
)
def test_the_basic_case_has_no_bypass_reason(target: str) -> None:
    assert query(target).bypass_reason is None


def test_a_key_has_the_position_of_its_literal() -> None:
    read = query(f"/t?select=a&id=eq.-7&owner=eq.{U}&x=eq.abc")
    assert [(key.name, key.literals, key.kind) for key in read.keys] == [
        (b"id", (b"-7",), LiteralClass.INTEGER),
        (b"owner", (U.encode(),), LiteralClass.UUID),
        (b"x", (b"abc",), LiteralClass.TEXT),
    ]
    assert all(read.target[key.start : key.end] == key.value for key in read.keys)


def test_a_key_has_the_literal_that_postgrest_decodes() -> None:
    read = query("/t?d-%3E%3Ek=eq.a%20b&i%64=in.%281%2C2%29&order=d-%3E%3Ek.desc.nullslast,at")
    assert [(key.name, key.value, key.literals) for key in read.keys] == [
        (b"d->>k", b"eq.a b", (b"a b",)),
        (b"id", b"in.(1,2)", (b"1", b"2")),
    ]
    assert read.target[read.keys[0].start : read.keys[0].end] == b"eq.a%20b"
    assert read.order == (b"d->>k", b"at")


@pytest.mark.parametrize("order", ["a.b", "a.desc.asc.nullslast", "", "a,", "r(a).desc", "a->b", "a,b,c,d,e"])
def test_only_an_order_by_a_few_plain_columns_is_parsed(order: str) -> None:
    assert query(f"/t?id=eq.1&order={order}").order == ()


def test_queries_that_differ_in_texts_only_have_one_fingerprint() -> None:
    assert query("/t?name=eq.ann").fingerprint == query("/t?name=eq.b%20o%20b").fingerprint == "GET t?name=eq.?"


def test_select_is_found_if_its_name_is_encoded() -> None:
    for target in ("/t?select=a&id=eq.1", "/t?%73elect=a&id=eq.1"):
        read = query(target)
        assert read.select is not None
        assert read.target[slice(*read.select)] == b"a"


def test_a_fingerprint_contains_no_value() -> None:
    read = query("/t?id=eq.4711&name=like.*smith*&or=(a.eq.77,b.is.null)&limit=33&select=a,b&mail=joe.x@y.z")
    assert read.fingerprint == ("GET t?id=eq.?&name=like.?&or=(a.eq.?,b.is.null)&limit=?&select=a,b&mail=?")
    assert len(read.filters) == 6


@pytest.mark.parametrize(
    ("target", "fingerprint"),
    [
        ("/t?eyJhbGciOiJ", "GET t?…"),
        ("/t?id=eq.1&1699", "GET t?id=eq.?&…"),
        ("/t?select=...eyJh", "GET t?select=…"),
        ("/t?select=@eyJh", "GET t?select=…"),
        ("/t?select=id)eyJh", "GET t?select=id…"),
        ("/t?select=(eyJh)", "GET t?select=…"),
        ("/t?select=id,r(a,b)", "GET t?select=id,r(a,b)"),
        ("/t?select=%C3%A4,b", "GET t?select=ä,b"),
        ("/t?select=*", "GET t?select=*"),
        ("/t?select=", "GET t?select="),
    ],
)
def test_text_that_postgrest_ignores_is_not_in_a_fingerprint(target: str, fingerprint: str) -> None:
    assert query(target).fingerprint == fingerprint


def test_queries_that_differ_in_ignored_text_differ() -> None:
    for one, other in (("/t?a&id=eq.1", "/t?b&id=eq.1"), ("/t?select=id)a&id=eq.1", "/t?select=id)b&id=eq.1")):
        assert query(one).filters != query(other).filters


def test_only_queries_of_one_shape_have_one_fingerprint() -> None:
    assert query("/t?id=eq.1&x=eq.5").fingerprint == query("/t?id=eq.2&x=eq.6").fingerprint
    assert query("/t?id=eq.1&x=eq.5").fingerprint != query("/t?x=eq.5&id=eq.1").fingerprint
    assert query("/t?id=eq.1").fingerprint != query("/u?id=eq.1").fingerprint


def named(target: str, profile: str = "", schema: str = "public") -> tuple[str, str]:
    read = query(target, f"Host: h\nAccept-Profile: {profile}" if profile else "Host: h", schema=schema)
    return read.relation, read.fingerprint


def test_a_table_has_one_name_whether_a_profile_names_its_schema_or_not() -> None:
    assert named("/t?id=eq.1") == named("/t?id=eq.1", "public") == ("public.t", "GET t?id=eq.?")
    assert named("/t?id=eq.1", schema="api") == named("/t?id=eq.1", "api", schema="api") == ("api.t", "GET t?id=eq.?")


def test_tables_of_two_schemas_have_two_names_and_two_fingerprints() -> None:
    assert named("/t?id=eq.1", "api") == ("api.t", "GET api.t?id=eq.?")
    assert named("/t?id=eq.1", "public", schema="api") == ("public.t", "GET public.t?id=eq.?")


def test_a_relation_with_a_dot_differs_from_a_table_of_another_schema() -> None:
    assert named("/api.t") == named("/api.t", "public") == ("public.api.t", "GET public.api.t")
    assert named("/t", "api") == ("api.t", "GET api.t")


def test_a_target_without_relation_has_no_schema() -> None:
    assert named("/rpc/f", "api") == named("/rpc/f") == ("", "GET /rpc")


@pytest.mark.parametrize(
    ("method", "relation"),
    [(b"GET", "a.t"), (b"HEAD", "a.t"), (b"OPTIONS", "a.t"), (b"POST", "c.t"), (b"PATCH", "c.t"), (b"DELETE", "c.t")],
)
def test_which_header_names_the_schema_depends_on_the_method(method: bytes, relation: str) -> None:
    both = "Host: h\nAccept-Profile: a\nContent-Profile: c"
    assert query("/t?id=eq.1", both, method).relation == relation
    other = "Content-Profile: c" if relation == "a.t" else "Accept-Profile: a"
    assert query("/t?id=eq.1", f"Host: h\n{other}", method).relation == "public.t"


@given(st.binary(max_size=200))
def test_every_target_is_parsed_without_an_error(raw: bytes) -> None:
    read = query(b"/t?" + raw)
    assert read.bypass_reason is None or read.bypass_reason in BYPASS_REASONS
    for key in read.keys:
        assert decoded(read.target[key.start : key.end]) == key.value


def test_the_first_max_keys_filters_are_keys() -> None:
    read = query("/t?" + "&".join(f"a{n}=eq.{n}" for n in range(300)))
    assert [key.name for key in read.keys] == [f"a{n}".encode() for n in range(MAX_KEYS)]


def test_a_tree_of_any_depth_is_parsed() -> None:
    assert query("/t?or=" + "(and" * 15_000).bypass_reason == "too-long"


def test_a_plain_limit_is_found_with_its_position() -> None:
    read = query("/t?limit=25&id=eq.1")
    assert read.bypass_reason is None
    assert read.limit == (25, 9, 11)
    assert query("/t?id=eq.1&r.limit=2").limit is None


def test_a_query_with_too_many_parameters_is_not_parsed_and_its_fingerprint_says_so() -> None:
    just = query("/t?" + "&".join(f"a{n}=eq.1" for n in range(MAX_PARAMS)))
    more = query("/t?" + "&".join(f"a{n}=eq.1" for n in range(MAX_PARAMS + 1)))
    assert (just.bypass_reason, len(just.filters)) == (None, MAX_PARAMS)
    assert (more.bypass_reason, more.filters, more.fingerprint) == ("too-long", (), "GET t?…")


def test_a_fingerprint_and_a_name_have_a_largest_length_beyond_which_nothing_is_merged() -> None:
    def read(target: str) -> Query:
        return read_query(b"GET", target.encode(), head("Host: h"), b"", "public", 100_000)

    long = read("/t?id=eq.1&select=" + "a" * MAX_FINGERPRINT)
    assert (long.bypass_reason, long.fingerprint) == ("too-long", "GET t?…")
    named = read("/" + "t" * (MAX_NAME + 1) + "?id=eq.1")
    assert (named.bypass_reason, named.relation) == ("too-long", "public." + "t" * MAX_NAME)


@pytest.mark.parametrize("params", [["a" * 5000 + "=eq.1"], [f"a{n}=eq.1" for n in range(100)]])
def test_the_cache_holds_no_large_shape(params: list[str]) -> None:
    held = _query_shape.cache_info().currsize
    assert query("/cached?" + "&".join(params)).bypass_reason is None
    assert _query_shape.cache_info().currsize == held
