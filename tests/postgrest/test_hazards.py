"""Hazards from rows of the system catalogs: what a relation reads at any depth counts."""

from __future__ import annotations

from typing import Any

from proxy.postgrest.hazards import Hazard, read_hazards


def relation(oid: int, name: str, sources: tuple[int, ...] = (), **more: Any) -> dict[str, object]:
    facts = dict.fromkeys(("foreign_table", "barrier", "rules", "sampled"), False)
    texts = dict.fromkeys(("volatile", "volatile_policy", "definition"), None)
    own = {"oid": oid, "schema": "api", "relation": name, "sources": list(sources)}
    return {**own, **facts, **texts, **more}


def test_a_relation_has_the_hazards_of_what_it_reads_also_in_a_circle() -> None:
    rows = [relation(1, "a", (2,)), relation(2, "b", (3, 1)), relation(3, "c", foreign_table=True), relation(4, "d")]
    found = read_hazards(rows, [], [])
    assert {name: hazard.reason for name, hazard in found.relations.items()} == dict.fromkeys(
        ("api.a", "api.b", "api.c"), "foreign-table"
    )
    assert found.relations["api.a"].detail == "api.a reads api.c, which is a foreign table"
    assert found.relations["api.c"].detail == "api.c is a foreign table"


def test_what_prevents_sharing_comes_before_what_prevents_only_merging() -> None:
    rows = [relation(1, "a", (2,), foreign_table=True), relation(2, "b", volatile="random")]
    assert read_hazards(rows, [], []).relations["api.a"].reason == "volatile-view"


def test_the_rules_of_a_table_concern_its_views_not() -> None:
    rows = [relation(1, "v", (2,)), relation(2, "t", rules=True)]
    assert set(read_hazards(rows, [], []).relations) == {"api.t"}


def test_a_function_of_a_row_is_unsafe_if_it_is_volatile_or_returns_unsafe_rows() -> None:
    rows = [relation(1, "a"), relation(2, "b", volatile="random")]
    functions = [
        {"oid": 1, "name": "token", "function": "token(a)", "volatile": True, "returns": 0},
        {"oid": 1, "name": "bs", "function": "bs(a)", "volatile": False, "returns": 2},
        {"oid": 1, "name": "self", "function": "self(a)", "volatile": False, "returns": 1},
        {"oid": 9, "name": "other", "function": "other(x)", "volatile": True, "returns": 0},
    ]
    columns = read_hazards(rows, functions, []).columns
    assert {name: hazard.reason for name, hazard in columns["api.a"].items()} == {
        "token": "volatile-column",
        "bs": "volatile-view",
    }
    assert set(columns) == {"api.a"}


def test_a_foreign_key_to_what_an_unsafe_view_reads_is_unsafe_by_its_name_and_its_column() -> None:
    rows = [relation(1, "a"), relation(2, "v", (1,), volatile="random"), relation(3, "b"), relation(4, "c")]
    keys = [
        {"name": "b_a", "oid": 3, "target": 1, "column": "a_id"},
        {"name": "b_c", "oid": 3, "target": 4, "column": "c_id"},
        {"name": "two", "oid": 1, "target": 4, "column": None},
    ]
    assert set(read_hazards(rows, [], keys).embeds) == {"b_a", "a_id", "two"}


def test_a_replaced_view_changes_what_was_read() -> None:
    one, two = (read_hazards([relation(1, "v", definition=text)], [], []) for text in ("x", "y"))
    assert one != two
    assert not one


def test_a_hazard_names_what_it_is() -> None:
    rows = [
        relation(1, "v", volatile="random"),
        relation(2, "t", volatile_policy="check"),
        relation(3, "s", sampled=True),
    ]
    assert [hazard.detail for hazard in read_hazards(rows, [], []).relations.values()] == [
        "api.v calls random, which is volatile",
        "api.t has a policy that calls check, which is volatile",
        "api.s reads a random sample (TABLESAMPLE)",
    ]
    assert isinstance(read_hazards(rows, [], []).relations["api.v"], Hazard)
