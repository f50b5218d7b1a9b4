"""FAN040 recomputed-aggregate: requests compute the same sums and counts of many rows again.

What it does
------------
Finds views with GROUP BY or an aggregate function, and requests with aggregates (``select=month,amount.sum()``), that
are read at least ``min_calls`` times, where the tables behind them have at least ``min_rows`` rows and were written at
most once per ``min_reads_per_write`` reads. Requests that pick a group by a column with an index do not count.

Why it hurts
------------
Postgres reads and groups all rows for each request, although few of them changed since the last one.

Example
-------
::

    create table public.tracking (id bigint primary key, month text, quota int);
    insert into public.tracking select n, '2026-' || n % 12, n % 9 from generate_series(1, 20000) n;
    create view public.summary as
      select month, sum(quota) as total, count(*) as trackings from public.tracking group by month;
    analyze public.tracking;
    -- 20 × GET /summary?order=month

Look-alike
----------
::

    create table public.tracking (id bigint primary key, month text, quota int);
    insert into public.tracking select n, '2026-' || n % 12, n % 9 from generate_series(1, 20000) n;
    create index tracking_month on public.tracking (month);
    create view public.summary as select month, sum(quota) as total from public.tracking group by month;
    create view public.recent as select id, month, quota from public.tracking where id > 19000;
    create table public.kinds (id bigint primary key, quota int);
    create view public.kinds_total as select sum(quota) as total from public.kinds;
    analyze;
    -- 20 × GET /summary?month=eq.2026-4
    -- 20 × GET /recent
    -- 20 × GET /kinds_total

Use instead
-----------
::

    create table public.tracking (id bigint primary key, month text, quota int);
    insert into public.tracking select n, '2026-' || n % 12, n % 9 from generate_series(1, 20000) n;
    create schema private;
    create materialized view private.summary as
      select month, sum(quota) as total, count(*) as trackings from public.tracking group by month;
    create unique index summary_key on private.summary (month);
    create view public.summary as select * from private.summary;
    refresh materialized view concurrently private.summary;
    analyze;
    -- 20 × GET /summary?order=month

Safety
------
Advice: fanin changes nothing. A materialized view shows the rows of its last refresh.
"""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field

from proxy.analysis.observed_tables import ObservedRequests, observed_requests, rows_of
from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix, impact_of
from proxy.schema.aggregate import Aggregate, UnparsedQueryError, aggregate_of_select, parse_aggregate
from proxy.schema.materialized import Materialized, materialized
from proxy.schema.names import qualified
from proxy.schema.relation import Relation
from proxy.schema.snapshot import Database, NotChecked
from proxy.settings_base import Count, Thresholds
from proxy.text.counted import counted


class RecomputedAggregate(Thresholds):
    table = "recomputed_aggregate"

    min_rows: Count = Field(
        10_000,
        description="FAN040: minimum rows of the tables. Fewer are grouped in a few milliseconds.",
    )
    min_calls: Count = Field(
        10,
        description="FAN040: minimum requests for the aggregate. Fewer do not pay for a refresh.",
    )
    min_reads_per_write: Count = Field(
        5,
        description="FAN040: minimum reads per write of the tables. With more writes a refresh is soon out of date.",
    )


IMPACTS = ((20_000_000, "HIGH"), (500_000, "MEDIUM"))
"""Minimum rows that the observed requests grouped per impact; below the last step the impact is LOW."""


class Recomputed(Materialized, frozen=True):
    """An aggregate with the requests that compute it."""

    requests: tuple[ObservedRequests, ...] = ()
    tables: tuple[Relation, ...] = ()

    @property
    def calls(self) -> int:
        """Number of requests."""
        return sum(each.usage.calls for each in self.requests)

    @property
    def rows(self) -> float:
        """The rows that each of them groups."""
        return sum(map(rows_of, self.tables))


def inspect(
    database: Database, workload: Workload, context: RuleContext[RecomputedAggregate]
) -> Iterator[Finding | NotChecked]:
    """One finding per view, and per ``select`` with aggregates."""
    least = context.thresholds
    found: dict[tuple[str, str], list[ObservedRequests]] = {}
    for observed in observed_requests(database, workload):
        if observed.usage.method in ("GET", "HEAD"):
            select = "" if observed.relation.view else observed.query.select
            found.setdefault((observed.relation.full_name, select), []).append(observed)
    for requests in found.values():
        try:
            one = _recomputed(requests, database)
        except UnparsedQueryError:
            because = "the definition of the view could not be parsed"
            yield NotChecked(RULE.code, because, "Check the view yourself.", requests[0].relation.full_name)
            continue
        writes = sum(workload.writes.get(name, 0) for name in _written_names(one, database)) if one else 0
        often = max(least.min_calls, least.min_reads_per_write * writes)
        if one is not None and one.calls >= often and one.rows >= least.min_rows:
            yield _finding(one, writes, database)


RULE = Rule(
    code="FAN040",
    name="recomputed-aggregate",
    safety="advice",
    document=__doc__,
    thresholds=RecomputedAggregate,
    inspect_database=inspect,
    needs=("extensions", "relations", "columns", "indexes", "functions", "views", "grants", "table_stats"),
)


def _recomputed(requests: Sequence[ObservedRequests], database: Database) -> Recomputed | None:
    """The aggregate that the requests read, without those that an index answers; None if there is none."""
    relation, query = requests[0].relation, requests[0].query
    if relation.kind == "v" and relation.view is not None:
        aggregate = parse_aggregate(relation.view.definition)
        statement, tables = relation.view.definition.strip().rstrip(";"), _tables_of(relation, database)
    elif relation.is_table:
        asked = aggregate_of_select(query.select, qualified(relation.schema, relation.name))
        aggregate, statement = asked or (None, "")
        tables = (relation,)
    else:
        return None
    if aggregate is None:
        return None
    kept = tuple(each for each in requests if not _picks_a_group(each, aggregate, tables))
    return Recomputed(relation, statement, aggregate, kept, tables) if kept else None


def _tables_of(view: Relation, database: Database) -> tuple[Relation, ...]:
    """The tables that a view reads, also through further views."""
    by_name = {relation.full_name: relation for relation in database.relations}
    waiting, found = [view], dict[str, Relation]()
    while waiting:
        relation = waiting.pop()
        if relation.full_name not in found:
            found[relation.full_name] = relation
            names = relation.view.depends_on if relation.kind == "v" and relation.view else ()
            waiting += [by_name[name] for name in names if name in by_name]
    return tuple(relation for _, relation in sorted(found.items()) if relation.kind in ("r", "p", "f"))


def _picks_a_group(requests: ObservedRequests, aggregate: Aggregate, tables: Sequence[Relation]) -> bool:
    """Whether the query names a group by a column that an index starts with: Postgres filters before it groups."""
    columns: Mapping[str, str] = {key.name: key.column for key in aggregate.keys}
    equal = {columns.get(one.column, "") for one in requests.query.filters if one.operator in ("eq", "in")} - {""}
    leading = {index.keys[0].column for table in tables for index in table.indexes if index.valid and not index.where}
    return not equal.isdisjoint(leading)


def _written_names(one: Recomputed, database: Database) -> Iterator[str]:
    """The names of its tables as the workload has them."""
    for table in one.tables:
        yield table.full_name
        if table.schema == database.schemas[0]:
            yield table.name


def _finding(one: Recomputed, writes: int, database: Database) -> Finding:
    name = one.relation.full_name
    what = f"view {name}" if one.relation.view else f"aggregates of {name}"
    return Finding(
        code=RULE.code,
        impact=impact_of(IMPACTS, one.calls * one.rows),
        confidence="medium",
        title=f"{what} computed {counted(one.calls, 'time')} from about {one.rows:.0f} rows, with"
        f" {counted(writes, 'write')} between",
        relation=name,
        fingerprint="",
        route="",
        caller="",
        problem="Postgres groups all rows for each request, although few of them changed.",
        current=f"{counted(one.calls, 'request')}, each over about {one.rows:.0f} rows",
        evidence=(
            *(each.usage.fingerprint for each in one.requests),
            f"writes to {', '.join(table.full_name for table in one.tables)}: {writes}",
        ),
        fix=_fix(one, database),
        expected="A request reads the groups, which the last refresh computed.",
        risk="The rows are those of the last refresh, and times such as now() those of its moment."
        " REFRESH … CONCURRENTLY lets others read meanwhile, and needs the unique index.",
        queries=tuple(each.usage.fingerprint for each in one.requests),
        object=DatabaseObject("view" if one.relation.view else "table", one.relation.schema, one.relation.name),
    )


def _fix(one: Recomputed, database: Database) -> Fix:
    reason = _of_caller(one, database)
    return Fix(reason=reason) if reason else Fix(sql=materialized(one, database))


def _of_caller(one: Recomputed, database: Database) -> str:
    """Why one result cannot serve all requests; empty if it can."""
    view = one.relation.view
    if view is None and one.relation.row_security:
        return "row-level security of the table gives each caller other rows: aggregate them in a view of its owner"
    if view is not None and view.security_invoker:
        return "the view reads its tables as its caller (security_invoker), so that each caller may see other groups"
    if varying := _varying(one.aggregate, database):
        return f"the result depends on its caller: it calls {varying}"
    keys = {key.name for key in one.aggregate.keys}
    filters = (each.column for request in one.requests for each in request.query.filters)
    outside = next((column for column in filters if view is None and column not in keys), "")
    return f"the requests filter the rows by {outside} before they are grouped: group by it too" if outside else ""


def _varying(aggregate: Aggregate, database: Database) -> str:
    """A function of the query that may return something else for another caller; empty if there is none."""
    if aggregate.of_caller:
        return "current_user or current_setting()"
    for call in aggregate.calls:
        found = database.overloads(call.schema, call.name) if call.schema not in ("", "pg_catalog") else ()
        if any(function.volatility != "i" for function in found):
            return f"{call.qualified}()"
    return ""
