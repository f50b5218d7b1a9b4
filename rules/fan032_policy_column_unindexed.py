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
from collections.abc import Iterator, Sequence

from pydantic import Field

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix, IndexShape
from proxy.schema.access import unparsed
from proxy.schema.compared import can_be_indexed, key_of
from proxy.schema.index_sql import create_index, create_index_on
from proxy.schema.names import qualified, quoted
from proxy.schema.policy_search import PolicySearch, SearchKey, key_text, picks_few, searches
from proxy.schema.relation import Relation, TableColumn
from proxy.schema.snapshot import Database, NotChecked, PolicyPlan
from proxy.settings_base import Count, Thresholds

UNPROVEN = "by the text of the policies: a plan with HypoPG, or --trial on a copy, proves it"


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
    for relation in database.own():
        if not relation.is_table or not relation.row_security or 0 <= relation.rows < context.thresholds.min_rows:
            continue
        for policy in relation.policies:
            if policy.using is not None and not policy.using.parsed:
                yield unparsed(RULE.code, relation, policy, "USING")
        yield from _of_relation(relation, database, context.thresholds)


RULE = Rule(
    code="FAN032",
    name="policy-column-unindexed",
    safety="advice",
    document=__doc__,
    thresholds=PolicyColumnUnindexed,
    inspect_database=inspect,
    needs=("relations", "columns", "indexes", "policies"),
)


def _of_relation(
    relation: Relation, database: Database, thresholds: PolicyColumnUnindexed
) -> Iterator[Finding | NotChecked]:
    """One finding per key that an index would need, with the policies that compare it."""
    found: dict[SearchKey, list[tuple[PolicySearch, PolicyPlan | None]]] = {}
    doubtful: dict[tuple[str, ...], PolicySearch] = {}
    for search in searches(relation, database, lambda column: picks_few(column, thresholds.min_values)):
        plan = database.policy_plan(search.id(relation))
        known = plan is not None and not plan.unknown
        if search.doubtful and not known:
            doubtful.setdefault(search.id(relation), search)
        elif plan is None or plan.unknown or plan.used:
            for key in search.missing:
                found.setdefault(key, []).append((search, plan))
    order = {column.name: number for number, column in enumerate(relation.columns)}
    for key in sorted(found, key=lambda one: (order[one.column], one.casts)):
        yield _finding(relation, key, found[key], database)
    for search in doubtful.values():
        if not found.keys() & set(search.missing):
            yield _not_checked(relation, search, database)


def _not_checked(relation: Relation, search: PolicySearch, database: Database) -> NotChecked:
    keys = ", ".join(key_text(relation, key) for key in search.missing)
    others = ", ".join(quoted(name) for name in search.doubtful)
    plan = database.policy_plan(search.id(relation))
    because = f"policies let rows pass by {keys} or by {others}: whether an index helps depends on how many these are"
    if plan is not None:
        return NotChecked(RULE.code, f"{because} ({plan.unknown})", plan.remedy, relation.full_name)
    asked = bool(database.extension("hypopg") or database.policy_plans)  # others of this database, and not this one
    plannable = search.verb == "SELECT" and relation.kind != "p" and not asked
    remedy = (
        "CREATE EXTENSION hypopg, or use --trial on a copy." if plannable else "Ask EXPLAIN with an index on a copy."
    )
    return NotChecked(RULE.code, because, remedy, relation.full_name)


def _finding(
    relation: Relation,
    of: SearchKey,
    found: Sequence[tuple[PolicySearch, PolicyPlan | None]],
    database: Database,
) -> Finding:
    column = next(each for each in relation.columns if each.name == of.column)
    name, key, casts = qualified(relation.schema, relation.name), key_text(relation, of), of.casts
    indexed = can_be_indexed(column, casts)
    verbs = dict.fromkeys(search.verb for search, _ in found)
    writes = () if "SELECT" in verbs else tuple(verbs)
    plans = dict.fromkeys(line for _, plan in found if plan is not None and plan.used for line in plan.evidence)
    return Finding(
        code=RULE.code,
        impact="LOW" if writes else "HIGH" if relation.rows >= 100_000 else "MEDIUM",
        confidence="high" if plans or column.stats else "medium",
        title=f"policies of {name} filter by {key}, which no index starts with",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem=_problem(writes),
        current=f"about {relation.rows:.0f} rows"
        if relation.rows >= 0
        else "rows not known: statistics never gathered",
        evidence=(*_policies(column.name, found), *(plans or (UNPROVEN,))),
        fix=_fix(relation, column, casts, database),
        expected="Postgres reads the rows that the policy allows.",
        risk="Each write to the table writes to the index as well. CREATE INDEX CONCURRENTLY does not work in a"
        " transaction.",
        object=DatabaseObject("column", relation.schema, column.name, relation.name),
        index=IndexShape(relation.schema, relation.name, "btree", (key,)) if indexed else None,
    )


def _problem(writes: Sequence[str]) -> str:
    if writes:
        return (
            f"Each {' and '.join(writes)} of rows that no other condition finds reads the whole table for the policy."
        )
    return "Each statement on the table is filtered by the policy, and reads the whole table for it."


def _policies(column: str, found: Sequence[tuple[PolicySearch, PolicyPlan | None]]) -> Iterator[str]:
    """The policies that compare the column, each once."""
    policies = dict.fromkeys(policy for search, _ in found for policy in search.policies if policy.using)
    for policy in policies:
        if policy.using is not None and any(use.name == column for use in policy.using.columns):
            yield f"policy {policy.name}: using ({policy.using.text})"


def _fix(relation: Relation, column: TableColumn, casts: tuple[str, ...], database: Database) -> Fix:
    if not casts:
        return Fix(sql=create_index(relation, (column.name,), database))
    own = f"compare {quoted(column.name)} in its own type, {column.type}: cast the other operand"
    if not can_be_indexed(column, casts):
        return Fix(reason=f"no index can have the cast to {casts[-1]}, which depends on settings: {own}")
    named = "_".join((column.name, *(re.sub(r"\W+", "_", cast) for cast in casts)))
    sql = create_index_on(relation, named, f"({key_of(column, casts)})", database)
    return Fix(sql=sql, reason=f"or, so that an index on the column serves: {own}")
