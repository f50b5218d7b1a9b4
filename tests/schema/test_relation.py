"""What a relation says of itself."""

from __future__ import annotations

from proxy.schema.expression import Expression
from proxy.schema.relation import Policy, Privilege, Relation


def test_a_view_and_a_foreign_table_are_no_tables() -> None:
    kinds = {kind: Relation(schema="public", name="t", kind=kind).is_table for kind in ("r", "p", "v", "m", "f")}
    assert kinds == {"r": True, "p": True, "v": False, "m": False, "f": False}


def test_the_roles_of_a_verb_include_those_with_some_columns() -> None:
    held = (Privilege("anon", "SELECT", ("id",)), Privilege("authenticated", "SELECT"), Privilege("anon", "DELETE"))
    relation = Relation(schema="public", name="t", kind="r", privileges=held)
    assert relation.full_name == "public.t"
    assert relation.roles_with("SELECT") == ("anon", "authenticated")
    assert relation.roles_with("UPDATE") == ()


def test_the_clauses_of_a_policy_are_those_that_it_has() -> None:
    using, check = Expression("a"), Expression("b")
    assert Policy("p", True, "ALL", ("public",), using, check).expressions == (("USING", using), ("WITH CHECK", check))
    assert Policy("p", True, "INSERT", ("public",), None, check).expressions == (("WITH CHECK", check),)
