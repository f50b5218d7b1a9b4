"""What is known of columns, and when it is forgotten."""

from __future__ import annotations

from proxy.model import Column
from proxy.path.evidence.columns import MAX_BAD_VALUES, RETRY_UNKNOWN_AFTER, ColumnRegistry, table_of, unknown_columns
from proxy.postgrest.types import NO_COLUMN
from tests.factories import member

TEXT, INTEGER = Column("text"), Column("integer")


def test_a_learned_column_is_known_for_its_lifetime() -> None:
    columns = ColumnRegistry(60.0, 9)
    columns.learn(("t", ""), b"k", TEXT, 0.0)
    assert columns.known(("t", ""), 60.0) == {b"k": TEXT}
    assert columns.known(("t", ""), 60.1) == {}
    assert columns.known(("u", ""), 0.0) == {}


def test_an_unknown_type_expires_early() -> None:
    columns = ColumnRegistry(300.0, 9)
    columns.learn(("t", ""), b"k", Column(""), 0.0)
    assert columns.known(("t", ""), RETRY_UNKNOWN_AFTER) == {b"k": Column("")}
    assert columns.known(("t", ""), RETRY_UNKNOWN_AFTER + 1) == {}


def test_the_catalog_has_precedence_over_learned_columns() -> None:
    columns = ColumnRegistry(60.0, 9)
    columns.apply_catalog({"t": {b"k": INTEGER}})
    columns.learn(("t", ""), b"k", TEXT, 0.0)
    columns.learn(("t", ""), b"computed", TEXT, 0.0)
    assert columns.known(("t", ""), 0.0) == {b"k": INTEGER, b"computed": TEXT}


def test_a_new_catalog_replaces_learned_columns() -> None:
    columns = ColumnRegistry(60.0, 9)
    columns.learn(("t", ""), b"k", TEXT, 0.0)
    columns.apply_catalog({"t": {b"id": INTEGER}})
    assert columns.known(("t", ""), 0.0) == {b"id": INTEGER}


def test_a_contradicted_table_is_forgotten() -> None:
    columns = ColumnRegistry(60.0, 9)
    columns.apply_catalog({"t": {b"k": INTEGER}, "u": {b"k": INTEGER}})
    columns.learn(("t", ""), b"x", TEXT, 0.0)
    assert columns.forget(("t", ""))
    assert columns.known(("t", ""), 0.0) == {}
    assert columns.known(("u", ""), 0.0) == {b"k": INTEGER}
    columns.learn(("t", ""), b"x", TEXT, 0.0)
    assert not columns.forget(("t", ""))
    assert columns.known(("t", ""), 0.0) == {}


def test_bad_values_are_stored_up_to_a_limit() -> None:
    columns = ColumnRegistry(60.0, 9)
    for n in range(MAX_BAD_VALUES + 5):
        columns.record_bad_value(("t", ""), b"k", "enum", b"%d" % n, 0.0)
    column = columns.known(("t", ""), 0.0)[b"k"]
    assert column.type == "enum"
    assert len(column.bad_values) == MAX_BAD_VALUES
    columns.record_bad_value(("t", ""), b"k", "integer", b"x", 0.0)
    assert columns.known(("t", ""), 0.0)[b"k"] == Column("integer", bad_values=frozenset((b"x",)))


def test_bad_values_are_added_to_the_catalogs_columns() -> None:
    columns = ColumnRegistry(60.0, 9)
    columns.apply_catalog({"t": {b"ip": Column("inet", deterministic=True)}})
    assert not columns.record_bad_value(("t", ""), b"ip", "inet", b"1", 0.0)
    assert columns.known(("t", ""), 0.0) == {b"ip": Column("inet", deterministic=True, bad_values=frozenset((b"1",)))}


def test_a_table_of_the_catalog_with_another_type_than_upstream_is_forgotten() -> None:
    columns = ColumnRegistry(60.0, 9)
    columns.apply_catalog({"t": {b"k": TEXT}})
    assert columns.record_bad_value(("t", ""), b"k", "integer", b"a", 0.0)
    assert columns.known(("t", ""), 0.0) == {}


def test_columns_learned_with_a_profile_are_not_used_without_it() -> None:
    """They are two tables if PostgREST's first schema is not that of the settings."""
    with_profile, without_profile = (
        table_of(member("/t", f"Host: h{lines}")) for lines in ("\nAccept-Profile: public", "")
    )
    columns = ColumnRegistry(60.0, 9)
    columns.learn(with_profile, b"k", TEXT, 0.0)
    assert columns.known(without_profile, 0.0) == {}
    columns.apply_catalog({"public.t": {b"k": INTEGER}})
    assert columns.known(without_profile, 0.0) == columns.known(with_profile, 0.0) == {b"k": INTEGER}


def test_the_number_of_learned_tables_is_bounded() -> None:
    columns = ColumnRegistry(60.0, 2)
    for name in ("a", "b", "c"):
        columns.learn((name, ""), b"k", TEXT, 0.0)
    assert columns.known(("a", ""), 0.0) == {}
    assert columns.known(("c", ""), 0.0) == {b"k": TEXT}


def needed(*targets: str, known: dict[bytes, Column] | None = None) -> list[bytes]:
    return unknown_columns([member(target) for target in targets], known or {})


def test_a_single_request_needs_no_type() -> None:
    assert needed("/t?k=eq.a") == []


def test_varying_texts_need_the_type_of_their_column_and_of_the_order() -> None:
    assert needed("/t?k=eq.a&s=eq.x&order=at", "/t?k=eq.b&s=eq.x&order=at") == [b"k", b"at"]
    assert needed("/t?k=eq.a", "/t?k=eq.b", known={b"k": TEXT}) == []


def test_canonical_integers_need_no_type_but_their_order_does() -> None:
    assert needed("/t?k=eq.1", "/t?k=eq.2") == []
    assert needed("/t?k=eq.1&order=at,k", "/t?k=eq.2&order=at,k") == [b"at", b"k"]


def test_equal_requests_and_json_text_need_no_type() -> None:
    assert needed("/t?k=eq.a&order=at", "/t?k=eq.a&order=at") == []
    assert needed("/t?d->>k=eq.a", "/t?d->>k=eq.b") == []


def test_a_name_that_could_be_an_aggregate_is_unknown_until_it_is_asked_for() -> None:
    batch = [member(f"/t?select=count&id=eq.{n}") for n in (1, 2)]
    assert unknown_columns(batch, {}) == [b"count"]
    assert unknown_columns(batch, {b"count": INTEGER}) == []
    assert unknown_columns(batch, {b"count": Column(NO_COLUMN)}) == [b"count"], "it could have been added"
    others = [member(f"/t?select=k,count&id=eq.{n}") for n in (1, 2)]
    assert unknown_columns(others, {b"count": Column(NO_COLUMN)}) == []
    assert unknown_columns(batch[:1], {}) == []
