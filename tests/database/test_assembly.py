"""A snapshot is made of the rows of its statements, and of nothing for parts that were not read."""

from __future__ import annotations

from proxy.database.assembly import assemble
from proxy.schema.snapshot import NotChecked

RELATION = {"oid": 1, "schema": "public", "name": "videos", "kind": "r", "exposed": True, "primary_key": ["id"]}
POLICY = {
    "oid": 1,
    "name": "own",
    "permissive": True,
    "command": "w",
    "roles": ["public"],
    "using": "(owner = auth.uid())",
    "check": None,
}
KEY = {
    "oid": 1,
    "name": "k",
    "columns": ["team"],
    "target_schema": "public",
    "target": "teams",
    "target_columns": ["id"],
    "on_delete": "c",
    "on_update": "a",
    "valid": True,
}


def test_what_belongs_to_a_relation_is_found_by_its_oid() -> None:
    other = {**POLICY, "oid": 2}
    database = assemble(("public",), {"relations": [RELATION], "policies": [POLICY, other], "foreign_keys": [KEY]}, ())
    (relation,) = database.relations
    assert (relation.full_name, relation.primary_key) == ("public.videos", ("id",))
    (policy,) = relation.policies
    assert (policy.command, policy.check, policy.using is not None) == ("UPDATE", None, True)
    assert [(key.columns, key.on_delete, key.on_update) for key in relation.foreign_keys] == [
        (("team",), "CASCADE", "NO ACTION")
    ]


def test_parts_without_rows_are_not_read_and_missing_ones_are_kept() -> None:
    missing = NotChecked("policies", "the role may not read it", "Grant it.")
    database = assemble(("public",), {"relations": [RELATION]}, [missing])
    assert database.read == {"relations"}
    assert database.not_checked == (missing,)
    assert (database.relations[0].stats, database.server.version) == (None, 0)


def test_statistics_stand_at_their_column_and_scans_at_their_index() -> None:
    column = {"oid": 1, "name": "id", "type": "bigint"}
    stats = {"oid": 1, "name": "id", "n_distinct": -1.0, "null_frac": 0.0, "avg_width": 8, "histogram": ["1", "9"]}
    stats |= {"common_values": None, "common_frequencies": None, "correlation": None}
    index = {"oid": 1, "schema": "public", "table": "videos", "name": "videos_pkey", "method": "btree", "keys": ["id"]}
    index |= {"key_columns": ["id"], "opclasses": ["int8_ops"], "default_opclasses": [True], "collations": [""]}
    index |= {"options": [3]}
    scans = {"schema": "public", "name": "videos_pkey", "scans": 7}
    rows = {"relations": [RELATION], "columns": [column], "column_stats": [stats], "indexes": [index]}
    (relation,) = assemble(("public",), {**rows, "index_stats": [scans]}, ()).relations  # type: ignore[dict-item]
    known = relation.columns[0].stats
    assert known is not None
    assert (known.histogram, known.common_values) == (("1", "9"), ())
    assert relation.indexes[0].scans == 7
    assert (relation.indexes[0].keys[0].descending, relation.indexes[0].keys[0].nulls_first) == (True, True)
    assert assemble(("public",), rows, ()).relations[0].indexes[0].scans is None  # type: ignore[arg-type]
