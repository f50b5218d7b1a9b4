"""FAN025 sequentially-read-table: a large table that queries often read from the first row to the last.

What it does
------------
Finds, in the schemas that PostgREST serves, tables of at least ``min_rows`` rows that were read sequentially at least
``min_scans`` times, where such reads are at least ``min_share`` of all reads of the table and looked at least at a
tenth of its rows on average. A read that stops after a few rows, such as a list with a limit, does not count as one.

Why it hurts
------------
Each such read takes all pages of the table through memory, so that it grows slower with each new row, and takes the
place of what other queries need.

Example
-------
::

    create table public.videos (id bigint primary key, status text);
    insert into public.videos select n, n % 100 from generate_series(1, 20000) n;
    analyze public.videos;
    do $$ begin for n in 1..100 loop perform count(*) from public.videos where status = n::text; end loop; end $$;

Look-alike
----------
::

    create table public.videos (id bigint primary key, status text);
    insert into public.videos select n, n % 100 from generate_series(1, 20000) n;
    analyze public.videos;
    do $$ begin for n in 1..100 loop perform from public.videos limit 10; end loop; end $$;
    select count(*) from public.videos;

Use instead
-----------
::

    create table public.videos (id bigint primary key, status text);
    insert into public.videos select n, n % 100 from generate_series(1, 20000) n;
    create index videos_status on public.videos (status);
    analyze public.videos;
    do $$ begin for n in 1..100 loop perform count(*) from public.videos where status = n::text; end loop; end $$;

Safety
------
Advice: fanin changes nothing. Reports, exports and backups must read the whole table.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from pydantic import Field

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.volume import format_bytes
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix, impact_of
from proxy.schema.relation import Relation, TableStats
from proxy.schema.snapshot import Database, NotChecked, Server
from proxy.settings_base import Count, Share, Thresholds


class SequentiallyReadTable(Thresholds):
    table = "sequentially_read_table"

    min_rows: Count = Field(
        10_000,
        description="FAN025: minimum rows of the table. Of fewer, an index saves less than a millisecond.",
    )
    min_scans: Count = Field(
        100,
        description="FAN025: minimum sequential reads. Fewer are exports, backups and work by hand.",
    )
    min_share: Share = Field(
        0.1,
        description="FAN025: minimum share of sequential reads among all reads. Below, most queries have an index.",
    )


LOOKED_AT = 0.1
"""Minimum share of the rows that a sequential read looks at on average."""
PAGE = 8192
"""Bytes."""
IMPACTS = ((1_000_000, "HIGH"), (100_000, "MEDIUM"))
"""Minimum rows per sequential read per impact; below the last step the impact is LOW."""


def inspect(
    database: Database, _: Workload, context: RuleContext[SequentiallyReadTable]
) -> Iterator[Finding | NotChecked]:
    """One finding per table; partitions are tables."""
    for relation in database.own():
        if relation.stats and relation.kind in ("r", "m") and _is_guilty(relation, relation.stats, context.thresholds):
            yield _finding(relation, relation.stats, database.server)


RULE = Rule(
    code="FAN025",
    name="sequentially-read-table",
    safety="advice",
    document=__doc__,
    thresholds=SequentiallyReadTable,
    inspect_database=inspect,
    needs=("server", "relations", "table_stats"),
)


def _rows(relation: Relation, stats: TableStats) -> float:
    return max(relation.rows, stats.live)


def _is_guilty(relation: Relation, stats: TableStats, least: SequentiallyReadTable) -> bool:
    rows, scans = _rows(relation, stats), stats.seq_scan
    often = scans >= least.min_scans and scans >= least.min_share * (scans + stats.idx_scan)
    return often and rows >= least.min_rows and stats.seq_tup_read >= LOOKED_AT * rows * scans


def _finding(relation: Relation, stats: TableStats, server: Server) -> Finding:
    each = stats.seq_tup_read / stats.seq_scan
    began = server.stats_reset
    since = f" since {datetime.fromtimestamp(began, UTC).strftime('%Y-%m-%d')}" if began else ""
    return Finding(
        code=RULE.code,
        impact=impact_of(IMPACTS, each),
        confidence="medium",
        title=f"{relation.full_name} was read sequentially {stats.seq_scan} times{since}",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem=f"Each of these reads looked at {each:.0f} rows on average: no index served it.",
        current=f"{stats.seq_tup_read} rows read{since}, of a table of about {_rows(relation, stats):.0f} rows and"
        f" {format_bytes(relation.pages * PAGE)}",
        evidence=(
            f"pg_stat_user_tables: seq_scan {stats.seq_scan}, seq_tup_read {stats.seq_tup_read},"
            f" idx_scan {stats.idx_scan}",
            *(index.definition for index in relation.indexes),
        ),
        fix=Fix(reason="the statistics of a table do not say by which columns queries filter it"),
        expected="Queries that need few rows find them in an index.",
        risk="Reports, exports and backups read the whole table by intention.",
        object=DatabaseObject("table", relation.schema, relation.name),
    )
