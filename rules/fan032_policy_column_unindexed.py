"""FAN032 policy-column-unindexed: a column that a policy compares with a value, and that no index starts with.

What it does
------------
Finds columns that USING of a policy compares by ``=``, ``IN`` or ``= ANY``, in tables of at least
``rules.policy_column_unindexed.min_rows`` rows or of unknown size, for which no whole index has the column as its first
key. Columns with few different values do not count: an index on them would pick too many rows.

Why it hurts
------------
Postgres adds the policy to each statement on the table. Without an index each of them reads the whole table, whatever
its own filters are.

Example
-------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    alter table public.videos enable row level security;
    create policy own on public.videos using (owner_id = (select auth.uid()));
    insert into public.videos select n, gen_random_uuid() from generate_series(1, 2000) n;
    analyze public.videos;

Look-alike
----------
::

    create table public.videos (id bigint primary key, owner_id uuid, open boolean);
    create index videos_owner on public.videos (owner_id, id);
    alter table public.videos enable row level security;
    create policy own on public.videos using (owner_id = (select auth.uid()) or open = true);
    create table public.teams (id bigint primary key, owner_id uuid);
    alter table public.teams enable row level security;
    create policy own on public.teams using (owner_id = (select auth.uid()));
    insert into public.videos select n, gen_random_uuid() from generate_series(1, 2000) n;
    insert into public.teams select n, gen_random_uuid() from generate_series(1, 20) n;
    analyze public.videos, public.teams;

Use instead
-----------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    alter table public.videos enable row level security;
    create policy own on public.videos using (owner_id = (select auth.uid()));
    insert into public.videos select n, gen_random_uuid() from generate_series(1, 2000) n;
    create index videos_owner_id_idx on public.videos (owner_id);
    analyze public.videos;

Safety
------
Advice: fanin changes nothing. Each write to the table writes to the index as well.
"""

from collections.abc import Iterator

from pydantic import Field

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix, IndexShape
from proxy.schema.access import unparsed
from proxy.schema.index_sql import create_index
from proxy.schema.names import qualified, quoted
from proxy.schema.relation import Policy, Relation, TableColumn
from proxy.schema.snapshot import Database, NotChecked
from proxy.settings_base import Count, Thresholds


class PolicyColumnUnindexed(Thresholds):
    table = "policy_column_unindexed"

    min_rows: Count = Field(
        1000,
        description="FAN032: minimum estimated rows of the table. Below, reading the whole table is as fast.",
    )
    min_values: Count = Field(
        10,
        description="FAN032: minimum different values of the column. With fewer, an index picks too many rows.",
    )


def inspect(
    database: Database, _: Workload, context: RuleContext[PolicyColumnUnindexed]
) -> Iterator[Finding | NotChecked]:
    """One finding per column."""
    thresholds = context.thresholds
    for relation in database.own():
        if not relation.is_table or not relation.row_security or 0 <= relation.rows < thresholds.min_rows:
            continue
        policies: dict[str, list[Policy]] = {}
        for policy in relation.policies:
            if policy.using is not None and not policy.using.parsed:
                yield unparsed(RULE.code, relation, policy, "USING")
            for compared in policy.using.equal_columns if policy.using is not None else ():
                policies.setdefault(compared, []).append(policy)
        for column in relation.columns:
            if column.name in policies and _picks_few(column, thresholds) and not _is_indexed(relation, column.name):
                yield _finding(relation, column, policies[column.name], database)


RULE = Rule(
    code="FAN032",
    name="policy-column-unindexed",
    safety="advice",
    document=__doc__,
    thresholds=PolicyColumnUnindexed,
    inspect_database=inspect,
    needs=("relations", "columns", "indexes", "policies"),
)


def _picks_few(column: TableColumn, thresholds: PolicyColumnUnindexed) -> bool:
    """Whether a value of the column is one of many; so taken where the statistics do not say."""
    few = column.stats is not None and 0 < column.stats.n_distinct < thresholds.min_values
    return column.type != "boolean" and not few


def _is_indexed(relation: Relation, column: str) -> bool:
    return any(
        index.valid and not index.where and index.method in ("btree", "hash") and index.keys[0].column == column
        for index in relation.indexes
    )


def _finding(relation: Relation, column: TableColumn, policies: list[Policy], database: Database) -> Finding:
    name, key = qualified(relation.schema, relation.name), quoted(column.name)
    return Finding(
        code=RULE.code,
        impact="HIGH" if relation.rows >= 100_000 else "MEDIUM",
        confidence="high" if column.stats else "medium",
        title=f"policies of {name} filter by {key}, which no index starts with",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem="Each statement on the table is filtered by the policy, and reads the whole table for it.",
        current=f"about {relation.rows:.0f} rows"
        if relation.rows >= 0
        else "rows not known: statistics never gathered",
        evidence=tuple(f"policy {policy.name}: using ({policy.using.text})" for policy in policies if policy.using),
        fix=Fix(sql=create_index(relation, (column.name,), database)),
        expected="Postgres reads the rows that the policy allows.",
        risk="Each write to the table writes to the index as well. CREATE INDEX CONCURRENTLY does not work in a"
        " transaction.",
        object=DatabaseObject("column", relation.schema, column.name, relation.name),
        index=IndexShape(relation.schema, relation.name, "btree", (key,)),
    )
