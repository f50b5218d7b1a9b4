from __future__ import annotations

from proxy.schema.access import always_true, bound_roles, groups_of, unlimited_by
from proxy.schema.parsing import parse_expression
from proxy.schema.relation import Policy, Relation
from proxy.schema.snapshot import Database, Role

TRUE, OWN = parse_expression("1 = 1"), parse_expression("owner = auth.uid()")
DATABASE = Database(
    roles=(
        Role("anon", api=True, member_of=("a",)),
        Role("a", member_of=("anon",)),
        Role("s", api=True, bypass_rls=True),
    )
)


def test_roles_that_bypass_row_level_security_are_not_bound() -> None:
    assert bound_roles(DATABASE) == ("anon",)
    assert groups_of("anon", DATABASE) == {"anon", "a"}


def test_an_insert_policy_without_with_check_opens_nothing_and_update_uses_its_using() -> None:
    assert not always_true(Policy("p", True, "INSERT", ("public",)), "INSERT")
    assert not always_true(Policy("p", True, "UPDATE", ("public",), OWN), "UPDATE")
    assert always_true(Policy("p", True, "UPDATE", ("public",), TRUE, OWN), "UPDATE")


def test_a_restrictive_policy_limits_what_a_permissive_one_allows() -> None:
    opened = Policy("open", True, "ALL", ("a",), TRUE)
    limit = Policy("limit", False, "DELETE", ("public",), OWN)
    relation = Relation(schema="public", name="t", kind="r", row_security=True, policies=(opened, limit))
    assert unlimited_by(relation, "anon", "UPDATE", DATABASE) == opened
    assert unlimited_by(relation, "anon", "DELETE", DATABASE) is None
