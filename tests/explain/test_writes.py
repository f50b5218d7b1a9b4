"""Whether a write would share a call is said with its reason, as the data path decides it."""

from __future__ import annotations

import pytest

from proxy.explain.facts import explain
from proxy.explain.request import read_columns, read_request
from proxy.explain.writes import GATEWAY, METHOD, NOT_A_RELATION, UNREAD
from proxy.postgrest.catalog import Catalog
from proxy.settings.loading import load

ON = {"rules.fan004": "rewrite", "db_uri": "postgresql://nowhere/x"}
COLUMNS = read_columns(("id=bigint unique", "code=uuid unique", "name=text unique", "team=bigint"), certain=True)
CATALOG = Catalog({"public.t": COLUMNS, "public.v": COLUMNS}, plain_tables=frozenset({"public.t"}))


def lines_of(
    words: str,
    *headers: str,
    body: str | None = '{"name":"x"}',
    catalog: Catalog = CATALOG,
    **changes: str | None,
) -> list[str]:
    named = {name.replace("__", "."): value for name, value in changes.items()}
    settings = load({name: value for name, value in (ON | named).items() if value is not None}).settings
    request = read_request(words, headers, None if body is None else body.encode())
    return list(explain(request, settings, "/", {}, catalog).write)


@pytest.mark.parametrize(
    ("words", "call"),
    [
        ("PATCH /t?id=eq.1", "PATCH /t?select=id::text&id=in.(1,2)"),
        ("DELETE /t?id=eq.1", "DELETE /t?id=in.(1,2)"),
        ("PATCH /t?team=eq.4&id=eq.7", "PATCH /t?select=id::text&team=eq.4&id=in.(7,8)"),
    ],
)
def test_a_write_of_one_row_by_a_unique_key_would_be_and_the_call_is_shown(words: str, call: str) -> None:
    first, *more, last = lines_of(words)
    assert first.startswith("yes, with others of its identity")
    assert GATEWAY in more
    assert last.replace("f…:", "") == call


def test_without_its_body_what_the_body_must_be_is_said() -> None:
    first, second, *_ = lines_of("PATCH /t?id=eq.1", body=None)
    assert first.startswith("yes")
    assert second.startswith("if its body is a JSON object of at most 16 kB that does not set id")


@pytest.mark.parametrize(
    ("words", "headers", "body", "code", "detail"),
    [
        ("PATCH /t?name=eq.x", (), "{}", "write-key", "name=x, a value of text"),
        ("PATCH /t?team=eq.1", (), '{"name":1}', "write-key", "team=1, a value of bigint, not unique"),
        ("PATCH /t?other=eq.1", (), '{"name":1}', "write-key", "other=1, a value of an unknown type, not unique"),
        ("PATCH /t?id=gt.1", (), '{"name":1}', "write-key", "no filter is column=eq.value"),
        ("PATCH /t?id=eq.1", (), '{"id":2}', "write-key", "the body sets id"),
        ("PATCH /t?id=eq.1", (), "[]", "write-form", "the body is not a JSON object"),
        ("PATCH /t?id=eq.1&limit=1", (), '{"name":1}', "write-form", ""),
        ("PATCH /t?id=eq.1", ("Prefer: tx=rollback",), '{"name":1}', "write-form", ""),
        ("PATCH /t?id=eq.1", (), f'{{"name":"{"x" * 16_384}"}}', "write-form", ""),
        ("PATCH /v?id=eq.1", (), '{"name":1}', "write-table", ""),
        ("DELETE /none?id=eq.1", (), "", "write-table", "the catalog has no relation public.none"),
        ("PATCH /t?id=eq.1", ("X-Fanin: off",), '{"name":1}', "off", ""),
    ],
)
def test_a_write_that_would_not_be_has_its_reason_and_a_remedy(
    words: str, headers: tuple[str, ...], body: str, code: str, detail: str
) -> None:
    first, *more, last = lines_of(words, *headers, body=body)
    assert first.startswith(f"no: {code}: ")
    assert last.startswith("To change that: ")
    assert [line.startswith(f"Here: {detail}") for line in more] == [True] * bool(detail)


def test_methods_that_are_never_merged_say_so_and_reads_say_nothing() -> None:
    assert lines_of("POST /t") == lines_of("PUT /t?id=eq.1") == [METHOD]
    assert lines_of("DELETE /a/b?id=eq.1") == [NOT_A_RELATION]
    assert lines_of("GET /t?id=eq.1") == lines_of("HEAD /t?id=eq.1") == []


@pytest.mark.parametrize(("name", "value"), [("rules__fan004", "report"), ("mode", "observe")])
def test_where_it_is_off_that_is_said_and_what_would_be(name: str, value: str) -> None:
    first, second, *_ = lines_of("PATCH /t?id=eq.1", **{name: value})  # type: ignore[arg-type]
    assert first.startswith("no: rules.fan004 is")
    assert second.startswith("yes")


def test_a_catalog_that_was_not_read_decides_nothing_and_none_at_all_is_a_no() -> None:
    assert lines_of("PATCH /t?id=eq.1", catalog=Catalog()) == [UNREAD]
    first, second, _ = lines_of("PATCH /t?id=eq.1", catalog=Catalog(), db_uri=None)
    assert first.startswith("no: write-table")
    assert second == "Here: db_uri is not set, so that there is no catalog"
