"""Statements of PostgREST and of others stand apart, and what may hold a secret is not shown."""

from __future__ import annotations

from proxy.audit.statements import UTILITY, RunCalls, statement_usages

OURS = RunCalls("WITH pgrst_source AS …", "anon", 10, 50.0, 10, True, "GET t?select=*")
OTHER = RunCalls("select  *\nfrom t where a = $1", "report", 1, 500.0, 7, False)


def test_roles_of_one_query_are_added_up_and_others_come_apart() -> None:
    again = RunCalls(OURS.text, "authenticated", 30, 150.0, 30, True, OURS.fingerprint)
    ours, other = statement_usages([OURS, OTHER, again], 10)
    assert (ours.calls, ours.total, ours.mean, ours.roles) == (40, 200.0, 5.0, ("anon", "authenticated"))
    assert (ours.postgrest, ours.text) == (True, "")
    assert (other.postgrest, other.text, other.rows) == (False, "select * from t where a = $1", 7)


def test_text_of_a_statement_that_changes_roles_is_never_shown() -> None:
    secret = RunCalls("alter role x password 'secret'", "postgres", 1, 1.0, 0, False)
    (usage,) = statement_usages([secret], 10)
    assert usage.text == UTILITY


def test_only_the_first_of_each_kind_are_listed() -> None:
    many = [RunCalls(f"select {n}", "a", 1, float(n), 0, False) for n in range(9)]
    assert [usage.total for usage in statement_usages([*many, OURS], 2)] == [50.0, 8.0, 7.0]
