"""FAN021 unindexed-foreign-key: a foreign key without an index on its columns.

What it does
------------
Finds, in the schemas that PostgREST serves, foreign keys whose columns are not the first keys of a valid index, in any
order. A partial index does not count, except for ``is not null`` on one of the columns. Nor does a key with a collation
of its own, or a method that is neither btree nor hash. Small tables have a low impact.

Why it hurts
------------
A delete, or a change of the key, in the referenced table reads the whole referencing table, once per row. So do embeds
from the referenced table, and filters on the columns.

Example
-------
::

    create table public.accounts (region int, id bigint, primary key (region, id));
    create table public.videos (id bigint primary key, region int, owner_id bigint, deleted_at timestamptz,
      foreign key (region, owner_id) references public.accounts);
    create index videos_owner on public.videos (owner_id);
    create index videos_open on public.videos (region, owner_id) where deleted_at is null;

Look-alike
----------
::

    create table public.accounts (region int, id bigint, primary key (region, id));
    create table public.videos (id bigint primary key, region int, owner_id bigint, deleted_at timestamptz,
      foreign key (region, owner_id) references public.accounts);
    create index videos_owner on public.videos (owner_id desc, region, deleted_at);

Use instead
-----------
::

    create table public.accounts (region int, id bigint, primary key (region, id));
    create table public.videos (id bigint primary key, region int, owner_id bigint, deleted_at timestamptz,
      foreign key (region, owner_id) references public.accounts);
    create index videos_region_owner_id_idx on public.videos (region, owner_id);

Safety
------
Advice: fanin changes nothing. An index makes each write to the table a little slower.
"""

from collections.abc import Iterator

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix, IndexShape, impact_of
from proxy.schema.index_sql import create_index, finds
from proxy.schema.names import quoted
from proxy.schema.relation import ForeignKey, Relation
from proxy.schema.snapshot import Database
from proxy.settings_base import Thresholds


class UnindexedForeignKey(Thresholds):
    table = "unindexed_foreign_key"


IMPACTS = ((1_000_000, "HIGH"), (10_000, "MEDIUM"))
"""Minimum rows of the referencing table per impact; below the last step the impact is LOW."""


def inspect(database: Database, _: Workload, __: RuleContext[UnindexedForeignKey]) -> Iterator[Finding]:
    """One finding per set of columns."""
    for relation in database.own():
        keys = {frozenset(key.columns): key for key in reversed(relation.foreign_keys)}
        for key in reversed(keys.values()):
            if not any(finds(index, key.columns) for index in relation.indexes):
                yield _finding(relation, key, database)


RULE = Rule(
    code="FAN021",
    name="unindexed-foreign-key",
    safety="advice",
    document=__doc__,
    thresholds=UnindexedForeignKey,
    inspect_database=inspect,
    needs=("relations", "indexes", "foreign_keys"),
)


def _finding(relation: Relation, key: ForeignKey, database: Database) -> Finding:
    rows = max(relation.rows, relation.stats.live if relation.stats else 0, 0)
    columns, target = ", ".join(map(quoted, key.columns)), f"{key.target_schema}.{key.target}"
    return Finding(
        code=RULE.code,
        impact=impact_of(IMPACTS, rows),
        confidence="high",
        title=f"no index on {relation.full_name} ({columns}), which references {target}",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem=f"A delete in {target}, and an embed from it, reads all of {relation.full_name}.",
        current=f"about {rows:.0f} rows in {relation.full_name}",
        evidence=(
            f"foreign key {key.name}: ({columns}) references {target}, on delete {key.on_delete.lower()}",
            *(index.definition for index in relation.indexes),
        ),
        fix=Fix(sql=create_index(relation, key.columns, database)),
        expected="Rows that reference a key are found in the index.",
        risk="Each write also writes to the index."
        + (
            " The table is locked against writes while it is built."
            if relation.kind == "p"
            else " CREATE INDEX CONCURRENTLY does not work in a transaction."
        ),
        object=DatabaseObject("table", relation.schema, f"{relation.name}.{key.name}", relation.name),
        index=IndexShape(relation.schema, relation.name, "btree", tuple(map(quoted, key.columns))),
    )
