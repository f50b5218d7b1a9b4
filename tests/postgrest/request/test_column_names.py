"""Names of columns: what a filter and an order name, and how fanin writes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.postgrest.request.column_names import column_reference, is_path, order_references, raw_name
from proxy.postgrest.request.target import decoded


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("id", "id"),
        ("_a1", "_a1"),
        ("Order Id", "Order Id"),
        ("Order Id ", "Order Id"),
        ('"Order Id"', "Order Id"),
        ("unit-price", "unit-price"),
        ("a - b", "a-b"),
        ("prénom", "prénom"),
        ("имя", "имя"),
        ("名前", "名前"),
        ('"हिन्दी"', "हिन्दी"),
        ("2fa", "2fa"),
        ("a$b", "a$b"),
        ('"a.b"', "a.b"),
        ('"a,b"', "a,b"),
        ('"a(b"', "a(b"),
        ('"a:b"', "a:b"),
        ('"a&b=c;d+e"', "a&b=c;d+e"),
        ('" lead "', " lead "),
        (r'"a\"b"', 'a"b'),
        (r'"a\\b"', "a\\b"),
        ('"select"', "select"),
    ],
)
def test_a_name_is_read_as_postgrest_reads_it(text: str, column: str) -> None:
    assert column_reference(text.encode()) == column.encode()


@pytest.mark.parametrize(
    "text",
    [
        *("data->>a", "data->a->>b", "data->0->>1", "data->a->1->>_b", "data col->>my key", '"data col"->>"my key"'),
        *("data->>k-1", "data->>ключ", 'data->>"a.b"'),
    ],
)
def test_a_path_to_json_text_stays_as_it_is_written(text: str) -> None:
    assert column_reference(text.encode()) == text.encode()
    assert is_path(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        *("", "*", '"*"', '""', "-dash", "dash-", "a--b", "a.b", "a'b", "a+b", "%41", "हिन्दी", '"open', '"a"b', '"a" '),
        *("data->a", "->>a", "data->>", "data->>a,b", "data->>a.b", '"a->b"', '"a->>b"', "rel(a)", "a:b", "a::text"),
    ],
)
def test_another_text_is_no_column(text: str) -> None:
    assert column_reference(text.encode()) is None


def test_bytes_that_are_no_text_are_no_column() -> None:
    assert column_reference(b"\xff") is None
    assert order_references(b"a,\xff", 4) == ()


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("id", ("id",)),
        ("id.desc,a.asc.nullslast, b.nullsfirst", ("id", "a", "b")),
        ('"Order Id".desc,unit-price', ("Order Id", "unit-price")),
        ('"a.b,c".asc,имя.desc', ("a.b,c", "имя")),
        ('data->>a.desc,data->>"b.c"', ("data->>a", 'data->>"b.c"')),
        ("", ()),
        ("id,", ()),
        ("data->a", ()),
        ("rel(a)", ()),
        ("id.up", ()),
        ("id.nullsfirst.desc", ()),
        ("*", ()),
    ],
)
def test_the_columns_of_an_order(text: str, columns: tuple[str, ...]) -> None:
    assert order_references(text.encode(), 4) == tuple(column.encode() for column in columns)


@given(st.text(min_size=1).filter(lambda name: "->" not in name and "\0" not in name and name != "*"))
def test_any_column_can_be_written_and_read_back(name: str) -> None:
    reference = name.encode("utf-8", "replace")
    assert column_reference(decoded(raw_name(reference))) == reference


@pytest.mark.parametrize("name", ["select", "order", "or", "not.and", "limit", "on_conflict"])
def test_a_column_is_never_written_as_another_parameter(name: str) -> None:
    assert raw_name(name.encode()) == b"%22" + name.encode() + b"%22"
