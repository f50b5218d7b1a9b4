"""Tables of which a write may do what no rollback undoes."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from proxy.schema.outside import reaches_outside
from proxy.schema.relation import ForeignKey, Relation, TableColumn, Trigger
from proxy.schema.snapshot import Database, Function

TRIGGER = Trigger("tr", "public", "f", True, False, ("INSERT",))
TABLE = Relation(schema="public", name="t", kind="r", triggers=(TRIGGER,))


def why(body: str, language: str = "plpgsql", table: Relation = TABLE, *more: Function) -> str:
    function = Function("public", "f", "", language, "v", body=body)
    return reaches_outside(table, Database(functions=(function, *more), relations=(table,)))


@pytest.mark.parametrize(
    "body",
    [
        "NOTIFY a",
        "perform pg_notify('a', 'b')",
        "perform dblink_send_query('a', 'b')",
        "perform net.http_post('a')",
        "select http ('GET')",
        "copy t to program 'x'",
        "perform setval('s', 1)",
    ],
)
def test_what_tells_others_something_reaches_outside(body: str) -> None:
    assert why(body).startswith("trigger tr of public.t uses ")


@pytest.mark.parametrize("body", ["new.at = now(); return new", "new.url = 'http://a'; return new", "new.notified = 1"])
def test_what_only_changes_rows_does_not(body: str) -> None:
    assert why(body) == ""


def test_a_body_that_cannot_be_read_is_taken_to_reach_outside() -> None:
    assert "could not be read" in why("", "c")
    assert "could not be read" in why("import os", "plpython3u")
    assert "could not be read" in reaches_outside(TABLE, Database(relations=(TABLE,)))


def test_triggers_of_extensions_and_of_postgres_are_known_by_their_names() -> None:
    moddatetime = replace(TRIGGER, function="moddatetime")
    member = Function("public", "moddatetime", "", "c", "v", managed=True)
    assert why("", "c", replace(TABLE, triggers=(moddatetime,)), member) == ""
    assert why("", "c", replace(TABLE, triggers=(replace(TRIGGER, function_schema="pg_catalog"),))) == ""
    hook = replace(TRIGGER, function="http_request")
    assert why("", "c", replace(TABLE, triggers=(hook,)), replace(member, name="http_request")) != ""


def test_a_function_that_a_body_names_counts_also_if_they_call_each_other() -> None:
    tell = Function("public", "tell", "", "plpgsql", "v", body="perform f(); notify a")
    assert why("perform tell()", "plpgsql", TABLE, tell) != ""
    quiet = replace(tell, body="perform f()")
    assert why("perform tell()", "plpgsql", TABLE, quiet) == ""


def test_a_trigger_that_is_off_does_not_count() -> None:
    assert why("notify a", "plpgsql", replace(TABLE, triggers=(replace(TRIGGER, enabled=False),))) == ""


def test_defaults_and_tables_that_are_changed_with_it_count() -> None:
    plain = replace(TABLE, triggers=())
    assert why("", table=replace(plain, columns=(TableColumn("a", "int", default="dblink('a')"),))) != ""
    child = replace(TABLE, name="c", foreign_keys=(ForeignKey("fk", ("a",), "public", "t", ("id",), "CASCADE"),))
    function = Function("public", "f", "", "plpgsql", "v", body="notify a")
    assert "of public.c" in reaches_outside(plain, Database(functions=(function,), relations=(plain, child)))
