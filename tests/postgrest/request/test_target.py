"""Targets are split into parameters with their positions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.postgrest.request.target import (
    clean_text,
    decoded,
    function_of,
    is_plain_name,
    relation_of,
    split_target,
)


def test_parameters_have_their_order_and_position() -> None:
    target = b"/t?select=id,%20b&id=eq.1&&x"
    path_end, params = split_target(target)
    assert target[:path_end] == b"/t"
    assert [(p.name, p.value) for p in params] == [
        (b"select", b"id,%20b"),
        (b"id", b"eq.1"),
        (b"", b""),
        (b"x", b""),
    ]
    assert target[params[1].start :].startswith(b"eq.1")


@given(st.binary(max_size=60).filter(lambda raw: b"?" not in raw), st.binary(max_size=60))
def test_each_value_is_at_its_position(path: bytes, query: bytes) -> None:
    target = path + b"?" + query
    path_end, params = split_target(target)
    assert path_end == len(path)
    for param in params:
        assert target[param.start : param.start + len(param.value)] == param.value
    assert len(params) == query.count(b"&") + 1


def test_a_target_without_a_query_has_no_parameters() -> None:
    assert split_target(b"/t") == (2, ())


@pytest.mark.parametrize(
    ("target", "mount", "relation"),
    [
        (b"/t", b"", b"t"),
        (b"/t?x=1", b"", b"t"),
        (b"/rest/v1/t?x=/y", b"/rest/v1", b"t"),
        (b"/%74", b"", b"%74"),
        (b"/", b"", None),
        (b"/rpc", b"", None),
        (b"/rpc/f", b"", None),
        (b"/t/", b"", None),
        (b"//t", b"", None),
        (b"/auth/v1/user", b"/rest/v1", None),
        (b"/rest/v1", b"/rest/v1", None),
        (b"/rest/v1/", b"/rest/v1", None),
    ],
)
def test_a_relation_is_one_segment_under_the_mount(target: bytes, mount: bytes, relation: bytes | None) -> None:
    assert relation_of(target, split_target(target)[0], mount) == relation


@pytest.mark.parametrize(
    ("target", "mount", "function"),
    [
        (b"/rpc/f?a=1", b"", b"f"),
        (b"/rest/v1/rpc/%66", b"/rest/v1", b"%66"),
        (b"/rpc/f", b"/rest/v1", None),
        (b"/rpc/f/g", b"", None),
        (b"/rpc/", b"", None),
        (b"/rpc", b"", None),
        (b"/t", b"", None),
    ],
)
def test_a_function_is_one_segment_under_rpc(target: bytes, mount: bytes, function: bytes | None) -> None:
    assert function_of(target, split_target(target)[0], mount) == function


@pytest.mark.parametrize(
    ("raw", "text"),
    [(b"a+b", b"a b"), (b"a%2Bb", b"a+b"), (b"%41%6a", b"Aj"), (b"%zz%4", b"%zz%4"), (b"%C3%A9", b"\xc3\xa9")],
)
def test_malformed_encodings_are_kept(raw: bytes, text: bytes) -> None:
    assert decoded(raw) == text


@pytest.mark.parametrize("raw", [b"a%00b", b"%FF", b"\xff", b"%C3"])
def test_nul_and_invalid_utf8_are_not_clean_text(raw: bytes) -> None:
    assert clean_text(raw) is None


def test_utf8_is_clean_text() -> None:
    assert clean_text("é%C3%A9+".encode()) == "éé ".encode()


@pytest.mark.parametrize("name", [b"id", b"_a1", b"Id"])
def test_a_plain_name_needs_no_quotes(name: bytes) -> None:
    assert is_plain_name(name)


@pytest.mark.parametrize("name", [b"", b"1a", b"a.b", b"a-b", b"a b", b"a+", b"%69d", "é".encode(), b'"a"', b"a->>b"])
def test_other_names_are_not_plain(name: bytes) -> None:
    assert not is_plain_name(name)
