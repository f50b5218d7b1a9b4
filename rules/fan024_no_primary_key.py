"""FAN024 no-primary-key: a table without a primary key.

What it does
------------
Finds tables, unlogged ones too, in the schemas that PostgREST serves that have no primary key. Of a partitioned table
the whole is reported, not each partition. Views, materialized views and foreign tables cannot have one.

Why it hurts
------------
Nothing addresses one row: PostgREST has no target for upserts and no Location for a new row, equal rows cannot be told
apart, no order is total, so that pages may repeat rows, and logical replication rejects updates and deletes.

Example
-------
::

    create unlogged table public.views (video_id bigint, seen_at timestamptz);

Look-alike
----------
::

    create table public.views (video_id bigint, seen_at timestamptz, primary key (video_id, seen_at))
      partition by range (seen_at);
    create table public.views_2026 partition of public.views for values from ('2026-01-01') to ('2027-01-01');
    create view public.recent as select * from public.views;

Use instead
-----------
::

    create unlogged table public.views (id bigint generated always as identity primary key, video_id bigint,
      seen_at timestamptz);

Safety
------
Advice: fanin changes nothing. A new column with an identity rewrites the table under an exclusive lock.
"""

from collections.abc import Iterator

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix
from proxy.schema.names import qualified, quoted
from proxy.schema.relation import Index, Relation
from proxy.schema.snapshot import Database
from proxy.schema.undo import with_undo
from proxy.settings_base import Thresholds


class NoPrimaryKey(Thresholds):
    table = "no_primary_key"


def inspect(database: Database, _: Workload, __: RuleContext[NoPrimaryKey]) -> Iterator[Finding]:
    """One finding per table; one with a unique key that is never null has a lower impact."""
    for relation in database.own():
        if relation.is_table and not relation.partition and not relation.primary_key:
            yield _finding(relation, next((index for index in relation.indexes if _is_key(index, relation)), None))


RULE = Rule(
    code="FAN024",
    name="no-primary-key",
    safety="advice",
    document=__doc__,
    thresholds=NoPrimaryKey,
    inspect_database=inspect,
    needs=("relations", "columns", "indexes"),
)


def _is_key(index: Index, relation: Relation) -> bool:
    """Whether no two rows are equal in its columns, and none of them is null."""
    filled = {column.name for column in relation.columns if not column.nullable}
    return index.unique and index.valid and not index.where and {key.column for key in index.keys} <= filled


def _finding(relation: Relation, key: Index | None) -> Finding:
    name = qualified(relation.schema, relation.name)
    unique = (f"unique and not null: {key.definition}",) if key else ()
    return Finding(
        code=RULE.code,
        impact="LOW" if key else "MEDIUM",
        confidence="high",
        title=f"{relation.full_name} has no primary key",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem="Nothing addresses one row: no upsert without on_conflict, no total order, no logical replication.",
        current=f"about {max(relation.rows, 0):.0f} rows",
        evidence=(f"pg_index has no primary key of {name}", *unique),
        fix=_fix(relation, name, key),
        expected="Each row has a key.",
        risk="The table is locked against reads and writes while the statement runs."
        + ("" if key else " Clients that send or select all columns see a new one."),
        object=DatabaseObject("table", relation.schema, relation.name),
    )


def _fix(relation: Relation, name: str, key: Index | None) -> Fix:
    if key is not None:
        added = f"add constraint {quoted(f'{relation.name[:50]}_pkey')} primary key"
        columns = ", ".join(quoted(each.column) for each in key.keys)
        undo = f"alter table {name} drop constraint {quoted(f'{relation.name[:50]}_pkey')};"
        return Fix(sql=with_undo(f"alter table {name} {added} ({columns});", undo))
    if relation.kind == "p":
        return Fix(reason="the primary key of a partitioned table must contain the columns that it is partitioned by")
    taken = {column.name for column in relation.columns}
    column = next(
        each for each in ("id", "row_id", *(f"row_id{number}" for number in range(2000))) if each not in taken
    )
    return Fix(
        sql=with_undo(
            f"alter table {name} add column {column} bigint generated always as identity primary key;",
            f"alter table {name} drop column {column};",
        )
    )
