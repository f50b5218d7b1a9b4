"""What a snapshot is asked for."""

from __future__ import annotations

from proxy.schema.relation import Relation
from proxy.schema.snapshot import Database, Extension, Function, Role

TABLE = Relation(schema="public", name="videos", kind="r")
MANAGED = Relation(schema="public", name="spatial_ref_sys", kind="r", managed=True)
HIDDEN = Relation(schema="private", name="videos", kind="r", exposed=False)
PLAIN = Function("public", "f", "", "sql", "v")
OVERLOAD = Function("public", "f", "integer", "sql", "v", exposed=False)
DATABASE = Database(
    roles=(Role("anon", api=True), Role("postgres")),
    extensions=(Extension("hypopg", "extensions", "1.4"),),
    relations=(HIDDEN, MANAGED, TABLE),
    functions=(PLAIN, OVERLOAD),
    read=frozenset(("relations", "columns")),
)


def test_rules_look_at_exposed_objects_that_no_extension_owns() -> None:
    assert list(DATABASE.own()) == [TABLE]
    assert list(DATABASE.own_functions()) == [PLAIN]


def test_objects_are_found_by_name() -> None:
    assert DATABASE.relation("private", "videos") is HIDDEN
    assert DATABASE.relation("public", "songs") is None
    assert DATABASE.overloads("public", "f") == (PLAIN, OVERLOAD)
    assert (DATABASE.role("anon"), DATABASE.role("nobody")) == (DATABASE.roles[0], None)
    assert (DATABASE.extension("hypopg"), DATABASE.extension("postgis")) == (DATABASE.extensions[0], None)
    assert PLAIN.full_name == "public.f"


def test_a_part_that_was_not_read_is_missing() -> None:
    assert DATABASE.has("relations", "columns")
    assert not DATABASE.has("relations", "policies")
