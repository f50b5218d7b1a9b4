"""The indexes that a request could use, by its filters, order and limit."""

from __future__ import annotations

import pytest

from proxy.advisor.candidates import candidates, untried
from proxy.advisor.levels import read_levels
from proxy.schema.relation import ColumnStats, Index, IndexKey, Relation, TableColumn
from proxy.schema.snapshot import Database
from proxy.sql.fingerprints import request_of
from proxy.sql.relationships import DeclaredSchema

STATE = ColumnStats(3, 0, 8, ("done", "open"), (0.95, 0.05))
COLUMNS = (
    TableColumn("id", "bigint", stats=ColumnStats(-1, 0, 8)),
    TableColumn("owner", "bigint", stats=ColumnStats(-0.1, 0, 8)),
    TableColumn("state", "text", stats=STATE),
    TableColumn("at", "timestamp with time zone", stats=ColumnStats(-1, 0, 8)),
    TableColumn("facts", "jsonb", stats=ColumnStats(-1, 0, 80)),
    TableColumn("name", "text", stats=ColumnStats(-1, 0, 20)),
    TableColumn("words", "tsvector", stats=ColumnStats(-1, 0, 80)),
    TableColumn("sent", "boolean", stats=ColumnStats(2, 0, 1, ("t", "f"), (0.99, 0.01))),
    TableColumn("left", "date", stats=ColumnStats(5, 0.99, 4)),
    TableColumn("gone", "date", stats=ColumnStats(5, 0.5, 4)),
)
PRIMARY = Index("public", "t", "t_pkey", "btree", (IndexKey("id", "id"),), unique=True, primary=True)
TABLE = Relation(schema="public", name="t", kind="r", rows=1000, columns=COLUMNS, indexes=(PRIMARY,))
DECLARED = DeclaredSchema(columns={("public", "t"): {column.name: column.type for column in COLUMNS}})


def shapes(query: str, state: str = "", limit: int | None = None, offset: int = 0) -> set[str]:
    (level,) = read_levels(request_of(f"GET t?select=*&{query}", limit, offset), DECLARED)
    constants = {(("public", "t"), "state"): state} if state else {}
    found = candidates(level, TABLE, Database(), constants)
    return {", ".join(one.keys) + (f" where {one.where}" if one.where else "") for one in found}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("id=eq.?&state=eq.?", set()),
        ("state=eq.?&owner=eq.?", {"owner", "state", "owner, state"}),
        ("owner=eq.?&at=gt.?", {"owner", "owner, at"}),
        ("owner=eq.?&order=at.desc.nullslast", {"owner", "owner, at DESC NULLS LAST"}),
        ("order=at.desc", set()),
        ("or=(owner.eq.?,state.eq.?)", set()),
        ("owner=not.eq.?", set()),
        ("facts->>kind=eq.?", {"(facts ->> 'kind')"}),
        ("facts=cs.?", {"facts jsonb_path_ops"}),
        ("name=like.?", {"name text_pattern_ops"}),
        ("name=ilike.?", set()),
        ("words=fts(english).?", {"words"}),
        ("name=fts.?", set()),
    ],
)
def test_candidates_follow_from_filters_and_order(query: str, expected: set[str]) -> None:
    assert shapes(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("owner=eq.?", []),
        ("or=(owner.eq.?,state.eq.?)", ["or"]),
        ("and=(or(owner.eq.?,state.eq.?),name.neq.?)", ["or"]),
        ("not.or=(owner.eq.?,state.eq.?)", []),
        ("sent=is.false", ["sent=is.false"]),
        ("sent=is.true", []),
        ("left=is.null", []),
        ("left=not.is.null", ["left=not.is.null"]),
        ("owner=not.is.null", []),
        ("facts->>kind=not.is.null", []),
        ("owner=is.null", ["owner=is.null"]),
        ("name=match.?", ["name=match"]),
        ("name=ilike.?", ["name=ilike"]),
        ("name=like.?", []),
        ("words=wfts.?", []),
        ("name=fts.?", []),
        ("facts=cd.?", ["facts=cd"]),
        ("facts->kind=eq.?", ["facts->kind=eq"]),
        ("facts->>kind=eq.?", []),
        ("name=neq.?", []),
    ],
)
def test_conditions_that_an_index_could_serve_and_that_have_no_candidate_are_named(
    query: str, expected: list[str]
) -> None:
    (level,) = read_levels(request_of(f"GET t?select=*&{query}", None, 0), DECLARED)
    assert list(untried(level, TABLE, Database())) == expected


def test_a_partial_index_needs_a_constant_that_picks_few_rows() -> None:
    assert "state where state = 'open'" in shapes("state=eq.?", "open")
    assert shapes("state=eq.?", "done") == {"state"}
    assert "owner where state = 'open'" in shapes("state=eq.?&owner=eq.?", "open")


def test_a_condition_on_null_has_partial_indexes_beside_the_plain_ones() -> None:
    assert shapes("owner=eq.?&gone=is.null") == {"owner", "owner where gone IS NULL"}
    assert shapes("and=(owner.eq.?,left.not.is.null)") == {"owner", 'owner where "left" IS NOT NULL'}
    assert shapes("gone=is.null&order=at.desc&limit=?", limit=20) == {"at DESC", "at DESC where gone IS NULL"}


@pytest.mark.parametrize(
    "query",
    [
        "left=is.null",
        "at=is.null",
        "at=not.is.null",
        "or=(gone.is.null,at.is.null)",
        "not.and=(gone.is.null,at.is.null)",
        "facts->>kind=is.null",
        "unknown=is.null",
    ],
)
def test_a_condition_on_null_that_leaves_hardly_a_row_out_or_need_not_hold_has_no_partial_index(query: str) -> None:
    assert shapes(f"owner=eq.?&{query}") == {"owner"}


def test_an_order_alone_is_worth_an_index_only_with_a_limit_and_from_the_first_row() -> None:
    assert shapes("order=at.desc&limit=?", limit=20) == {"at DESC"}
    assert shapes("order=at.desc&limit=?&offset=?", limit=20, offset=4000) == set()
