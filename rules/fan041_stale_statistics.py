"""FAN041 stale-statistics: a table that was never analyzed, or of which many rows changed since.

What it does
------------
Finds, in the schemas that PostgREST serves, tables with at least ``min_rows`` rows that were never analyzed, and those
of which at least ``min_changes`` rows, and ``min_share`` of all rows, were inserted, changed or deleted since. Views
and foreign tables are left alone. Where the counts are lost too, as after an upgrade or a reset, the size of the
table stands for its rows. Where the connected role may not see whether there are statistics, the table is
listed as not checked.

Why it hurts
------------
Postgres plans with the statistics. With wrong ones it reads a table sequentially where an index would do, or joins by
a loop over many rows.

Example
-------
::

    create table public.videos (id bigint primary key, status text) with (autovacuum_enabled = false);
    insert into public.videos select n, 'open' from generate_series(1, 2000) n;
    analyze public.videos;
    insert into public.videos select n, 'done' from generate_series(2001, 6000) n;

Look-alike
----------
::

    create table public.videos (id bigint primary key, status text) with (autovacuum_enabled = false);
    insert into public.videos select n, 'open' from generate_series(1, 6000) n;
    analyze public.videos;
    update public.videos set status = 'done' where id <= 500;
    create table public.plans (id bigint primary key, name text);
    insert into public.plans values (1, 'free'), (2, 'paid');

Use instead
-----------
::

    create table public.videos (id bigint primary key, status text);
    insert into public.videos select n, 'open' from generate_series(1, 6000) n;
    analyze public.videos;

Safety
------
Advice: fanin changes nothing. ANALYZE reads a sample and blocks neither reads nor writes.
"""

from collections.abc import Iterator

from pydantic import Field

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix, impact_of
from proxy.schema.names import qualified
from proxy.schema.relation import Relation, TableStats
from proxy.schema.snapshot import Database, NotChecked
from proxy.settings_base import Count, Share, Thresholds


class StaleStatistics(Thresholds):
    table = "stale_statistics"

    min_rows: Count = Field(
        1000,
        description="FAN041: minimum rows of a table that was never analyzed. Of fewer, each plan is fast.",
    )
    min_changes: Count = Field(
        1000,
        description="FAN041: minimum rows changed since ANALYZE.",
    )
    min_share: Share = Field(
        0.2,
        description="FAN041: minimum share of rows changed since ANALYZE. Autovacuum analyzes at half of it.",
    )


IMPACTS = ((1_000_000, "HIGH"), (10_000, "MEDIUM"))
"""Minimum rows of the table per impact; below the last step the impact is LOW."""
ROW = 80
"""Bytes of a small row with its header: the rows of a table that nobody counted are estimated by it."""


def inspect(database: Database, _: Workload, context: RuleContext[StaleStatistics]) -> Iterator[Finding | NotChecked]:
    """One finding per table; partitions are tables."""
    hidden = {each.object for each in database.not_checked if each.check == "column_stats"}
    least = context.thresholds
    for relation in database.own():
        stats = relation.stats
        if stats is None or relation.kind not in ("r", "m"):
            continue
        changed = stats.modified_since_analyze
        analyzed = stats.last_analyze is not None or any(column.stats for column in relation.columns)
        if not analyzed and _rows(stats) >= least.min_rows:
            if relation.full_name in hidden:
                because = "the role may not see whether it has statistics"
                yield NotChecked(RULE.code, because, "Grant it SELECT on the table.", relation.full_name)
            else:
                yield _finding(relation, stats, analyzed)
        elif analyzed and changed >= max(least.min_changes, least.min_share * stats.live):
            yield _finding(relation, stats, analyzed)


RULE = Rule(
    code="FAN041",
    name="stale-statistics",
    safety="advice",
    document=__doc__,
    thresholds=StaleStatistics,
    inspect_database=inspect,
    needs=("relations", "columns", "table_stats", "column_stats"),
)


def _rows(stats: TableStats) -> int:
    """The rows; estimated from the size where neither rows nor changes were counted."""
    counted = stats.live or stats.dead or stats.inserted or stats.updated or stats.deleted
    return stats.live if counted else stats.size // ROW


def _finding(relation: Relation, stats: TableStats, analyzed: bool) -> Finding:
    name, changed = qualified(relation.schema, relation.name), stats.modified_since_analyze
    rows = _rows(stats)
    about = "" if rows == stats.live else "about "
    off = "autovacuum_enabled=false" in relation.options
    return Finding(
        code=RULE.code,
        impact=impact_of(IMPACTS, rows),
        confidence="high",
        title=f"{changed} rows of {relation.full_name} changed since ANALYZE"
        if analyzed
        else f"{relation.full_name} was never analyzed",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem="Postgres plans queries on the table with statistics that do not describe its rows.",
        current=f"{about}{rows} rows, {changed} changed since the statistics were gathered",
        evidence=(
            f"pg_stat_user_tables: n_live_tup {stats.live}, n_mod_since_analyze {changed}",
            *(("autovacuum_enabled=false: autovacuum does not analyze it",) if off else ()),
        ),
        fix=Fix(sql=f"analyze {name};\n-- undo: none is needed"),
        expected="Plans for the rows that the table has.",
        risk="Plans change: compare the slowest queries before and after.",
        object=DatabaseObject("table", relation.schema, relation.name),
    )
