"""FAN032 policy-column-unindexed: a column that a policy compares with a value, and that no index starts with.

What it does
------------
Finds columns that USING of a policy compares by ``=``, ``IN`` or ``= ANY``, in tables of at least
``rules.policy_column_unindexed.min_rows`` rows or of unknown size, for which no whole index has the column as its first
key. Columns with few different values do not count: an index on them would pick too many rows. A column that is cast
before it is compared, as in ``cast(owner_id as text) = …``, needs an index on that cast. Comparisons inside of CASE,
COALESCE or NOT do not count, since no index serves them, nor does a policy that is the same for each row.

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

import re
from collections.abc import Iterator

from pydantic import Field

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix, IndexShape
from proxy.schema.access import unparsed
from proxy.schema.compared import can_be_indexed, casts_to_index, key_of, serves
from proxy.schema.expression import ComparedColumn
from proxy.schema.index_sql import create_index, create_index_on
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
        policies: dict[ComparedColumn, list[Policy]] = {}
        for policy in relation.policies:
            if policy.using is not None and not policy.using.parsed:
                yield unparsed(RULE.code, relation, policy, "USING")
            for compared in policy.using.equal_columns if policy.using is not None else ():
                policies.setdefault(compared, []).append(policy)
        for column in relation.columns:
            if _picks_few(column, thresholds):
                yield from _of_column(relation, column, policies, database)


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


def _of_column(
    relation: Relation, column: TableColumn, policies: dict[ComparedColumn, list[Policy]], database: Database
) -> Iterator[Finding]:
    """One finding per key that an index would need."""
    by_key: dict[tuple[str, ...], list[Policy]] = {}
    for compared, comparing in policies.items():
        if compared.name == column.name:
            by_key.setdefault(casts_to_index(column, compared), []).extend(comparing)
    for casts, comparing in by_key.items():
        if not any(serves(index, column, casts) for index in relation.indexes):
            yield _finding(relation, column, casts, comparing, database)


def _finding(
    relation: Relation, column: TableColumn, casts: tuple[str, ...], policies: list[Policy], database: Database
) -> Finding:
    name, key = qualified(relation.schema, relation.name), key_of(column, casts)
    indexed = can_be_indexed(column, casts)
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
        evidence=tuple(
            f"policy {policy.name}: using ({policy.using.text})" for policy in dict.fromkeys(policies) if policy.using
        ),
        fix=_fix(relation, column, casts, database),
        expected="Postgres reads the rows that the policy allows.",
        risk="Each write to the table writes to the index as well. CREATE INDEX CONCURRENTLY does not work in a"
        " transaction.",
        object=DatabaseObject("column", relation.schema, column.name, relation.name),
        index=IndexShape(relation.schema, relation.name, "btree", (key,)) if indexed else None,
    )


def _fix(relation: Relation, column: TableColumn, casts: tuple[str, ...], database: Database) -> Fix:
    if not casts:
        return Fix(sql=create_index(relation, (column.name,), database))
    own = f"compare {quoted(column.name)} in its own type, {column.type}: cast the other operand"
    if not can_be_indexed(column, casts):
        return Fix(reason=f"no index can have the cast to {casts[-1]}, which depends on settings: {own}")
    named = "_".join((column.name, *(re.sub(r"\W+", "_", cast) for cast in casts)))
    sql = create_index_on(relation, named, f"({key_of(column, casts)})", database)
    return Fix(sql=sql, reason=f"or, so that an index on the column serves: {own}")
