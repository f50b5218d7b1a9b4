"""What an index that exists serves of a proposed one."""

from __future__ import annotations

import pytest

from proxy.advisor.existing import equal_index, wider_index
from proxy.plans.proposed_index import ProposedIndex
from proxy.schema.relation import Index, IndexKey, Relation


def table(*keys: IndexKey, where: str = "", valid: bool = True, method: str = "btree") -> Relation:
    index = Index("public", "t", "it", method, keys, where=where, valid=valid)
    return Relation(schema="public", name="t", kind="r", indexes=(index,))


A, B_DOWN = IndexKey("a", "a"), IndexKey("b", "b", descending=True, nulls_first=True)


def proposed(*keys: str, where: str = "") -> ProposedIndex:
    return ProposedIndex("public", "t", keys, where=where)


@pytest.mark.parametrize(
    ("relation", "candidate"),
    [
        (table(A), proposed("a")),
        (table(A, B_DOWN), proposed("a", "b DESC")),
        (table(B_DOWN), proposed("b")),
        (table(A, where="(s = 'x'::text)"), proposed("a", where="s = 'x'")),
        (table(A), proposed("a", where="s = 'x'")),
        (table(IndexKey("a", "a", "text_pattern_ops", default_opclass=False)), proposed("a text_pattern_ops")),
    ],
)
def test_an_index_with_the_same_keys_serves(relation: Relation, candidate: ProposedIndex) -> None:
    assert equal_index(candidate, relation) is not None


@pytest.mark.parametrize(
    ("relation", "candidate"),
    [
        (table(A, valid=False), proposed("a")),
        (table(A, where="s = 'x'"), proposed("a")),
        (table(A, where="s = 'X'"), proposed("a", where="s = 'x'")),
        (table(A, B_DOWN), proposed("a", "b")),
        (table(IndexKey("a", "a", collation="C")), proposed("a")),
        (table(IndexKey("a", "a", "text_pattern_ops", default_opclass=False)), proposed("a")),
        (table(A, method="hash"), proposed("a")),
    ],
)
def test_an_index_that_differs_does_not_serve(relation: Relation, candidate: ProposedIndex) -> None:
    assert equal_index(candidate, relation) is None
    assert wider_index(candidate, relation) is None


def test_an_index_with_more_keys_is_wider() -> None:
    assert equal_index(proposed("a"), table(A, B_DOWN)) is None
    assert wider_index(proposed("a"), table(A, B_DOWN)) is not None
