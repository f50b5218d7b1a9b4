"""Keys of rows are those that the database declares; a name such as ``id`` makes no column a key."""

from __future__ import annotations

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.values.unique_key import has_key, no_key_reason, page_key, row_key
from proxy.postgrest.database_facts import DatabaseFacts
from tests.factories import declared

READ = parse_fingerprint("GET t?select=id&order=at,code")


def test_the_key_of_pages_is_the_primary_key() -> None:
    assert page_key(READ, declared("t", "id,a,b,at", "a", "b")) == ("a", "b")
    assert page_key(READ, declared("t", "id,at")) == ()
    assert page_key(READ, DatabaseFacts()) == ()


def test_it_is_a_unique_column_of_the_order_if_there_is_one() -> None:
    assert page_key(READ, declared("t", "id,at,code", "id", unique="code")) == ("code",)
    assert page_key(READ, declared("t", "id,at,code", "id", unique="other")) == ("id",)


def test_a_row_is_found_by_a_primary_key_of_one_column() -> None:
    assert row_key(READ, declared("t", "n", "n")) == "n"
    assert row_key(READ, declared("t", "a,b", "a", "b")) == ""
    assert row_key(READ, DatabaseFacts()) == ""


def test_columns_have_a_key_if_a_whole_declared_one_is_among_them() -> None:
    assert has_key(READ, {"a", "b", "at"}, declared("t", "a,b,at", "a", "b"))
    assert has_key(READ, {"code"}, declared("t", "id,code", "id", unique="code"))
    assert not has_key(READ, {"a"}, declared("t", "a,b", "a", "b"))
    assert not has_key(READ, {"id"}, DatabaseFacts())


def test_the_reason_tells_an_unknown_key_from_a_missing_one() -> None:
    assert "is unknown; fanin reads columns and keys from the database (db_uri)" in no_key_reason(READ, DatabaseFacts())
    assert "t has no primary key" in no_key_reason(READ, declared("t", "id"))
