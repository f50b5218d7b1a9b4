"""Plans: which requests share a call."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.model import Column, Identical, MergedCall, Single
from proxy.path.batches.plan import CallLimits, originals, partition, plan, why_not_merged
from proxy.postgrest.request.literals import canonical
from proxy.postgrest.request.set_filter import merged_range
from proxy.postgrest.response.content_location import canonical_query
from proxy.postgrest.types import NO_COLUMN, can_merge
from tests.factories import member

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.model import PendingRequest, PlannedCall

U = "0b5e7c1a-9f0e-4d55-8f6b-3a4b5c6d7e8"
CALL_LIMITS = CallLimits(max_keys=200, max_url=7000)


def planned(*targets: str, limits: CallLimits = CALL_LIMITS, lines: str = "Host: h") -> list[PlannedCall]:
    return plan([member(target, lines) for target in targets], b"A", limits)


def shapes(calls: Sequence[PlannedCall]) -> list[list[bytes]]:
    """The filter values of each merged call targets their `eq.`, and the target of each original."""
    return [
        [value.removeprefix(b"eq.") for value in call.requests_by_value]
        if isinstance(call, MergedCall)
        else [requests_of(call)[0].query.target]
        for call in calls
    ]


def requests_of(call: PlannedCall) -> Sequence[PendingRequest]:
    return [call.request] if isinstance(call, Single) else call.requests


def test_requests_that_differ_in_one_literal_share_a_call() -> None:
    (call,) = planned("/t?id=eq.1&x=gt.0", "/t?id=eq.2&x=gt.0", "/t?id=eq.3&x=gt.0")
    assert isinstance(call, MergedCall)
    assert call.target == b"/t?select=A:id::text,*&id=in.(1,2,3)&x=gt.0"
    assert call.key == b"id"


def test_a_single_request_is_sent_unchanged() -> None:
    assert isinstance(planned("/t?id=eq.1")[0], Single)


def test_equal_requests_in_a_merged_call_share_the_rows_of_their_key() -> None:
    (call,) = planned("/t?id=eq.1", "/t?id=eq.2", "/t?id=eq.1")
    assert isinstance(call, MergedCall)
    assert [len(requests) for requests in call.requests_by_value.values()] == [2, 1]


def test_equal_requests_alone_share_an_original() -> None:
    (call,) = planned("/t?id=eq.1", "/t?id=eq.1", "/t?id=eq.1")
    assert isinstance(call, Identical)
    assert len(call.requests) == 3


def test_equal_requests_that_cannot_be_merged_share_an_original() -> None:
    one_key = CallLimits(max_keys=1, max_url=7000)
    assert [len(requests_of(call)) for call in planned(*["/t?id=eq.1", "/t?id=eq.2"] * 2, limits=one_key)] == [2, 2]
    short = CallLimits(max_keys=200, max_url=20)
    assert [len(requests_of(call)) for call in planned(*["/t?id=eq.1", "/t?id=eq.2"] * 2, limits=short)] == [2, 2]
    assert [len(requests_of(call)) for call in planned(*["/t?id=eq.01"] * 3)] == [3]


def test_originals_are_shared_only_if_target_method_and_coalescing_identity_are_equal() -> None:
    requests = [
        member("/t?id=eq.1"),
        member("/t?id=eq.1", "Host: h\ntraceparent: 00-1\nX-Retry-Count: 1"),
        member("/t?id=eq.1", "Host: h\nAccept-Encoding: gzip"),
        member("/t?id=eq.1", "Host: h\nIf-None-Match: x"),
        member("/t?id=eq.1", "Host: h\nCookie: a=b"),
        member("/t?id=eq.%31"),
        member("/t?id=eq.1", method=b"HEAD"),
    ]
    assert [list(requests_of(call)) for call in originals(requests)] == [
        requests[:2],
        *[[request] for request in requests[2:]],
    ]


def test_the_varying_filter_of_two_is_the_key() -> None:
    assert shapes(planned("/t?a=eq.1&b=eq.5", "/t?a=eq.2&b=eq.5")) == [[b"1", b"2"]]
    assert shapes(planned("/t?a=eq.1&b=eq.5", "/t?a=eq.1&b=eq.6")) == [[b"5", b"6"]]


def test_the_group_key_with_the_most_requests_comes_first() -> None:
    calls = planned("/t?a=eq.1&b=eq.1", "/t?a=eq.2&b=eq.1", "/t?a=eq.1&b=eq.2", "/t?a=eq.1&b=eq.3")
    assert shapes(calls) == [[b"1", b"2", b"3"], [b"/t?a=eq.2&b=eq.1"]]
    assert isinstance(calls[0], MergedCall)
    assert calls[0].key == b"b"


def test_among_group_keys_of_one_size_the_leftmost_parameter_wins() -> None:
    calls = planned("/t?a=eq.1&b=eq.2", "/t?a=eq.1&b=eq.3", "/t?a=eq.4&b=eq.2")
    assert isinstance(calls[0], MergedCall)
    assert calls[0].key == b"a"


def test_requests_that_differ_elsewhere_share_no_call() -> None:
    pairs = [
        ("/t?id=eq.1&x=gt.0", "/t?id=eq.2&x=gt.1"),
        ("/t?id=eq.1&x=gt.0", "/t?x=gt.0&id=eq.2"),
        ("/t?id=eq.1", "/t?id=eq.2&"),
        ("/t?id=eq.1", "/%74?id=eq.2"),
        ("/t?id=eq.1&select=a", "/t?id=eq.2&select=b"),
    ]
    for pair in pairs:
        assert all(isinstance(call, Single) for call in planned(*pair))


def test_integers_and_uuids_never_share_a_call() -> None:
    calls = planned("/t?id=eq.1", "/t?id=eq.2", f"/t?id=eq.{U}1", f"/t?id=eq.{U}2")
    assert shapes(calls) == [[b"1", b"2"], [f"{U}1".encode(), f"{U}2".encode()]]


def test_two_identities_never_share_a_call() -> None:
    batch = [member(f"/t?id=eq.{n}", f"Host: h\nCookie: request={n % 2}") for n in range(4)]
    calls = plan(batch, b"A", CALL_LIMITS)
    assert sorted(shapes(calls)) == [[b"0", b"2"], [b"1", b"3"]]


def test_a_number_and_its_opposite_never_share_a_call() -> None:
    calls = planned(*[f"/t?id=eq.{n}" for n in (1, -1, 2, -2, -3, 3)])
    assert len(calls) == 2
    for literals in shapes(calls):
        assert len({literal.lstrip(b"-") for literal in literals}) == len(literals)


def test_calls_are_split_by_unique_keys() -> None:
    calls = planned(*[f"/t?id=eq.{n // 2}" for n in range(20)], limits=CallLimits(max_keys=4, max_url=7000))
    assert [len(literals) for literals in shapes(calls)] == [4, 4, 2]


def test_calls_are_split_by_the_bytes_of_their_target() -> None:
    calls = planned(*[f"/t?id=eq.{10**17 + n}" for n in range(50)], limits=CallLimits(max_keys=200, max_url=200))
    assert len(calls) > 5
    assert all(isinstance(call, MergedCall) and len(call.target) <= 200 for call in calls)
    assert sum(len(call.requests_by_value) for call in calls if isinstance(call, MergedCall)) == 50


def test_a_target_without_space_for_hidden_columns_is_sent_unchanged() -> None:
    calls = planned("/t?id=eq.1", "/t?id=eq.1", "/t?id=eq.2", limits=CallLimits(max_keys=9, max_url=20))
    assert [type(call) for call in calls] == [Identical, Single]


def test_a_literal_that_is_not_of_the_learned_type_is_sent_alone() -> None:
    limits = CallLimits(200, 7000, {b"id": Column("smallint")})
    assert shapes(planned("/t?id=eq.1", "/t?id=eq.40000", "/t?id=eq.2", limits=limits)) == [
        [b"1", b"2"],
        [b"/t?id=eq.40000"],
    ]


def test_content_location_is_split_around_the_filter_value() -> None:
    (call,) = planned("/t?z=gt.0&id=eq.1&a=gt.%20", "/t?z=gt.0&id=eq.2&a=gt.%20")
    assert isinstance(call, MergedCall)
    before, after = call.content_location
    assert before + b"eq.2" + after == canonical_query(b"z=gt.0&id=eq.2&a=gt.%20")


TARGETS = st.builds(
    "/t?a=eq.{}&b=eq.{}{}".format,
    st.integers(-4, 4),
    st.one_of(st.integers(0, 3), st.sampled_from([f"{U}1", f"{U}2", "01", "x", "X", "%C3%A9", "", "a,b", "y"])),
    st.sampled_from(["", "&select=a", "&c=gt.0", "&order=c"]),
)
BATCHES = st.lists(st.tuples(TARGETS, st.sampled_from(["Host: h", "Host: h\nCookie: c=1"])), min_size=1, max_size=60)
LIMITS = st.builds(
    CallLimits,
    st.integers(1, 9),
    st.integers(10, 200),
    st.sampled_from(
        [
            {},
            {b"a": Column("smallint")},
            {b"b": Column("uuid")},
            {b"a": Column("uuid"), b"b": Column("integer")},
            {b"b": Column("text")},
            {b"b": Column("text", deterministic=True), b"c": Column("integer", unique=True)},
            {b"a": Column('"char"'), b"b": Column("enum")},
        ]
    ),
)


@given(BATCHES, LIMITS)
def test_every_request_is_in_exactly_one_call_that_can_answer_it(
    batch: list[tuple[str, str]], limits: CallLimits
) -> None:
    requests = [member(target, lines) for target, lines in batch]
    calls = plan(requests, b"A", limits)
    placed: Counter[PendingRequest] = Counter()
    for call in calls:
        placed.update(requests_of(call))
        if isinstance(call, Identical):
            assert (
                len({(request.query.target, request.head.coalescing_identity) for request in call.requests})
                == 1
                < len(call.requests)
            )
        if isinstance(call, MergedCall):
            check_merged(call, limits)
    assert placed == Counter(requests)


def check_merged(call: MergedCall, limits: CallLimits) -> None:
    assert len(call.requests_by_value) > 1
    assert len(call.literals) <= limits.max_keys
    assert len(call.target) <= limits.max_url
    assert len({member.head.identity for member in call.requests}) == 1
    assert len({literal.lstrip(b"-") for literal in call.literals}) == len(call.literals)
    assert all(can_merge(literal, call.column) for literal in call.literals)
    if call.column is None:
        assert len({canonical(literal) for literal in call.literals}) == 1
    targets = set()
    for value, requests in call.requests_by_value.items():
        for request in requests:
            (key,) = [key for key in request.query.keys if key.name == call.key]
            assert key.value == value
            assert key.literals == call.literals_by_value[value]
            targets.add(request.query.target[: key.start] + request.query.target[key.end :])
    assert len(targets) == 1


@given(BATCHES)
def test_a_plan_depends_on_the_batch_only(batch: list[tuple[str, str]]) -> None:
    requests = [member(target, lines) for target, lines in batch]
    assert shapes(plan(requests, b"A", CALL_LIMITS)) == shapes(plan(requests, b"A", CALL_LIMITS))


@given(BATCHES)
def test_groups_come_largest_first_and_singles_last(batch: list[tuple[str, str]]) -> None:
    groups = partition([member(target, lines) for target, lines in batch], {})
    sizes = [len(requests) for key, requests in groups if key is not None]
    assert sizes == sorted(sizes, reverse=True)
    assert all(size > 1 for size in sizes)
    assert all(key is not None for key, _ in groups[:-1])


def test_a_batch_of_pairs_gives_one_call_per_pair() -> None:
    calls = planned(*[f"/t?a=eq.{n}&b=eq.{n // 2}" for n in range(2000)])
    assert all(isinstance(call, MergedCall) and len(call.requests_by_value) == 2 for call in calls)
    assert len(calls) == 1000


TEXT = {b"k": Column("text")}
ANY = CallLimits(200, 7000, TEXT)


def test_texts_share_a_call_if_their_column_is_known() -> None:
    targets = ("/t?k=eq.ann", "/t?k=eq.b%20o", "/t?k=eq.7")
    assert all(isinstance(call, Single) for call in planned(*targets))
    (call,) = planned(*targets, limits=ANY)
    assert isinstance(call, MergedCall)
    assert call.target == b"/t?select=A:k::text,*&k=in.(ann,b%20o,7)"
    assert call.literals_by_value == {b"eq.ann": (b"ann",), b"eq.b o": (b"b o",), b"eq.7": (b"7",)}


def test_literals_that_need_quotes_are_sent_as_an_array() -> None:
    (call,) = planned("/t?k=eq.", "/t?k=eq.a", limits=ANY)
    assert isinstance(call, MergedCall)
    assert call.target == b"/t?select=A:k::text,*&k=eq(any).%7B%22%22,%22a%22%7D"


def test_texts_that_may_be_equal_under_a_collation_never_share_a_call() -> None:
    calls = planned("/t?k=eq.Abc", "/t?k=eq.ABC", "/t?k=eq.x", "/t?k=eq.y", limits=ANY)
    assert shapes(calls) == [[b"Abc", b"x", b"y"], [b"/t?k=eq.ABC"]]


def test_a_repeated_literal_is_one_key() -> None:
    (call,) = planned("/t?k=eq.a%20b", "/t?k=eq.a+b", "/t?k=eq.c", limits=ANY)
    assert isinstance(call, MergedCall)
    assert [len(requests) for requests in call.requests_by_value.values()] == [2, 1]


def test_json_text_needs_no_type() -> None:
    (call,) = planned("/t?d->>k=eq.a", "/t?d->>k=eq.b")
    assert isinstance(call, MergedCall)
    assert call.target == b"/t?select=A:d-%3E%3Ek,*&d->>k=in.(a,b)"


@pytest.mark.parametrize(
    ("order", "known", "hidden", "total"),
    [
        ("", {}, b"A:id::text", False),
        ("&order=at", {}, b"A:id::text", False),
        ("&order=at.desc", {b"at": Column("date")}, b"A:id::text,A0:at::text", False),
        ("&order=at,n", {b"at": Column("date"), b"n": Column("numeric")}, b"A:id::text", False),
        ("&order=at,n", {b"at": Column("date"), b"n": Column("uuid", unique=True)}, b"A:id::text", True),
        ("&order=n,at", {b"n": Column("numeric", unique=True)}, b"A:id::text", True),
        ("&order=d->>x", {}, b"A:id::text,A0:d-%3E%3Ex", False),
    ],
)
def test_order_columns_are_selected_if_they_can_prove_that_no_rows_are_tied(
    order: str, known: dict[bytes, Column], hidden: bytes, total: bool
) -> None:
    limits = CallLimits(200, 7000, known)
    (call,) = planned(f"/t?id=eq.1&select=a{order}", f"/t?id=eq.2&select=a{order}", limits=limits)
    assert isinstance(call, MergedCall)
    assert call.target.split(b"select=")[1].split(b"&")[0] == hidden + b",a"
    assert call.order_is_total is total
    assert len(call.order_columns) == hidden.count(b",")


def test_lists_share_a_call_only_with_a_known_order() -> None:
    targets = ("/t?id=in.(1,2)&order=at", "/t?id=in.(2,3)&order=at")
    assert all(isinstance(call, Single) for call in planned(*targets))
    (call,) = planned(*targets, limits=CallLimits(200, 7000, {b"at": Column("date")}))
    assert isinstance(call, MergedCall)
    assert call.target == b"/t?select=A:id::text,A0:at::text,*&id=in.(1,2,3)&order=at"
    assert call.literals_by_value == {b"in.(1,2)": (b"1", b"2"), b"in.(2,3)": (b"2", b"3")}


def test_a_list_with_more_than_max_keys_literals_is_sent_unchanged() -> None:
    limits = CallLimits(4, 7000, {b"at": Column("date")})
    calls = planned("/t?id=in.(1,2,3,4,5)&order=at", "/t?id=in.(6,7)&order=at", limits=limits)
    assert [type(call) for call in calls] == [Single, Single]


def test_the_bypass_reason_is_literal_only_if_no_key_can_be_shared() -> None:
    assert why_not_merged(member("/t?k=eq.a"), {}) == "literal"
    assert why_not_merged(member("/t?k=eq.a"), TEXT) is None
    assert why_not_merged(member("/t?k=eq.a&id=eq.1"), {}) is None
    assert why_not_merged(member("/t?k=in.(1,2)&order=at"), {}) == "literal"


NAMED = [
    ("/t?%22Order%20Id%22=eq.{}", b"/t?select=A:%22Order%20Id%22::text,*&%22Order%20Id%22=in.(1,2)"),
    ("/t?Order%20Id=eq.{}", b"/t?select=A:%22Order%20Id%22::text,*&Order%20Id=in.(1,2)"),
    ("/t?id=eq.{}&offset=0", b"/t?select=A:id::text,*&id=in.(1,2)&offset=0"),
    ("/t?id=eq.{}&offset=0&limit=5", b"/t?select=A:id::text,*&id=in.(1,2)&offset=0&limit=11"),
    ("/t?id=in.({})", b"/t?select=A:id::text,*&id=in.(1,2)"),
    ("/t?select=id,kids!inner()&id=eq.{}", b"/t?select=A:id::text,id,kids!inner()&id=in.(1,2)"),
    ("/t?d%20c->>%22k%20x%22=eq.{}", b"/t?select=A:d%20c-%3E%3E%22k%20x%22,*&d%20c->>%22k%20x%22=in.(1,2)"),
]


@pytest.mark.parametrize(("target", "expected"), NAMED)
def test_what_clients_send_of_themselves_is_merged(target: str, expected: bytes) -> None:
    (call,) = planned(target.format(1), target.format(2))
    assert isinstance(call, MergedCall)
    assert call.target == expected
    query = canonical_query(target.format(1).partition("?")[2].encode())
    before, after = call.content_location
    value = b"eq.1" if b"eq." in query else b"in.%281%29"
    assert before + value + after == query


def test_an_order_column_is_quoted_where_it_must_be() -> None:
    limits = CallLimits(200, 7000, {b"a.b": Column("integer")})
    (call,) = planned("/t?id=eq.1&order=%22a.b%22", "/t?id=eq.2&order=%22a.b%22", limits=limits)
    assert isinstance(call, MergedCall)
    assert call.target == b"/t?select=A:id::text,A0:%22a.b%22::text,*&id=in.(1,2)&order=%22a.b%22"


def test_the_lower_of_limit_and_range_counts() -> None:
    lines = "Host: h\nRange: 0-2"
    (call,) = planned("/t?id=eq.1&limit=9", "/t?id=eq.2&limit=9", lines=lines)
    assert isinstance(call, MergedCall)
    assert (call.limit, merged_range(call)) == (3, b"Range: 0-6\r\n")
    assert b"limit=7" in call.target
    (call,) = planned("/t?id=eq.1", "/t?id=eq.2", lines=lines)
    assert isinstance(call, MergedCall)
    assert (call.limit, merged_range(call)) == (3, b"Range: 0-6\r\n")
    (call,) = planned("/t?id=eq.1&limit=9", "/t?id=eq.2&limit=9")
    assert isinstance(call, MergedCall)
    assert (call.limit, merged_range(call)) == (9, b"")


def test_a_name_that_may_be_an_aggregate_needs_a_column() -> None:
    targets = "/t?select=id,count&id=eq.1", "/t?select=id,count&id=eq.2"
    for known in ({}, {b"count": Column("")}, {b"count": Column(NO_COLUMN)}):
        limits = CallLimits(200, 7000, known)
        calls = planned(*targets, limits=limits)
        assert [type(call) for call in calls] == [Single, Single]
        assert why_not_merged(requests_of(calls[0])[0], known) == "aggregate"
    assert len(planned(*targets, limits=CallLimits(200, 7000, {b"count": Column("bigint")}))) == 1


COUNTED = CallLimits(200, 7000, {b"count": Column(NO_COLUMN)})


@pytest.mark.parametrize("select", ["count", "n:count", "%22count%22"])
def test_a_count_alone_reads_the_keys_only(select: str) -> None:
    (call,) = planned(f"/t?select={select}&id=eq.1", f"/t?select={select}&id=eq.2", limits=COUNTED)
    assert isinstance(call, MergedCall)
    assert call.target == b"/t?select=A:id::text&id=in.(1,2)"
    assert call.counted == (b"n" if select[0] == "n" else b"count")


@pytest.mark.parametrize(
    ("more", "lines"), [("&order=id", ""), ("&limit=1", ""), ("", "\nPrefer: count=exact"), ("", "\nRange: 0-1")]
)
def test_a_count_with_an_order_a_limit_or_a_count_is_sent_unchanged(more: str, lines: str) -> None:
    calls = planned(*[f"/t?select=count&id=eq.{n}{more}" for n in (1, 2)], limits=COUNTED, lines="Host: h" + lines)
    assert [type(call) for call in calls] == [Single, Single]


# Addresses.

TABLE = {b"ctid": Column("tid")}


@pytest.mark.parametrize(
    ("known", "addressed", "hidden"),
    [
        (TABLE, {b"k"}, b"A:k::text,A0:ctid::text,A1:tableoid::text,*"),
        ({b"ctid": Column("tid", unique=True)}, {b"k"}, b"A:k::text,A0:ctid::text,*"),
        (TABLE, {b"id"}, b"A:k::text,*"),
        ({}, {b"k"}, b"A:k::text,*"),
        ({b"ctid": Column("")}, {b"k"}, b"A:k::text,*"),
    ],
)
def test_a_call_by_an_addressed_key_selects_the_addresses_of_rows(
    known: dict[bytes, Column], addressed: set[bytes], hidden: bytes
) -> None:
    limits = CallLimits(200, 7000, known, addressed=frozenset(addressed))
    (call,) = planned("/t?k=eq.1", "/t?k=eq.2", limits=limits)
    assert isinstance(call, MergedCall)
    assert call.target == b"/t?select=" + hidden + b"&k=in.(1,2)"
    assert call.address_columns == hidden.count(b"::text") - 1


@pytest.mark.parametrize("select", ["", "select=*&"])
def test_heads_share_a_call_that_selects_what_is_counted(select: str) -> None:
    batch = [
        member(f"/t?{select}k=eq.{n}&order=a", "Host: h\nPrefer: count=exact", method=b"HEAD") for n in range(1, 4)
    ]
    (call,) = plan(batch, b"A", CallLimits(200, 7000, TABLE))
    assert isinstance(call, MergedCall)
    assert call.target == b"/t?select=A:k::text,A0:ctid::text&k=in.(1,2,3)&order=a&limit=3001"
    assert (call.counts, call.address_columns) == (True, 0)
    assert all(isinstance(call, Single) for call in plan(batch, b"A", CallLimits(200, 7000)))
    one_column = [member(f"/t?select=id&k=eq.{n}", "Host: h\nPrefer: count=exact", method=b"HEAD") for n in range(1, 4)]
    (call,) = plan(one_column, b"A", CallLimits(200, 7000))
    assert isinstance(call, MergedCall)
    assert call.target == b"/t?select=A:k::text,id&k=in.(1,2,3)&limit=3001"
    assert why_not_merged(batch[0], {}) == "head"
    assert why_not_merged(batch[0], TABLE) is None
