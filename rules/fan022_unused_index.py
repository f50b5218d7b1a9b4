"""FAN022 unused-index: an index that no query has used since the statistics began.

What it does
------------
Finds, in the schemas that PostgREST serves, indexes without a scan in statistics that are at least ``min_days`` old. An
index that enforces a constraint or uniqueness, that a foreign key, the replica identity or the index of a partitioned
table needs, or that is not valid is never reported. On a replica nothing is: its statistics count its own queries only.

Why it hurts
------------
Each write to the table also writes to the index, which takes space and memory, and no query is faster for it.

Example
-------
::

    create table public.videos (id bigint primary key, owner_id bigint, status text);
    create index videos_status on public.videos (status);
    insert into public.videos select n, n % 100, 'open' from generate_series(1, 1000) n;

Look-alike
----------
::

    create table public.videos (id bigint primary key, owner_id bigint, status text unique);
    create unique index videos_owner on public.videos (owner_id);
    insert into public.videos select n, n, n::text from generate_series(1, 1000) n;

Use instead
-----------
::

    create table public.videos (id bigint primary key, owner_id bigint, status text);
    insert into public.videos select n, n % 100, 'open' from generate_series(1, 1000) n;

Safety
------
Advice: fanin changes nothing. Postgres does not say when an index was created: it may be newer than the statistics, or
serve a report that runs once a year.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from pydantic import Field

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.volume import format_bytes
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix
from proxy.schema.index_sql import drop_index
from proxy.schema.relation import Index, Relation
from proxy.schema.snapshot import Database, NotChecked, Server
from proxy.settings_base import Count, Thresholds
from rules.fan023_duplicate_index import impact_of_size, shape_of


class UnusedIndex(Thresholds):
    table = "unused_index"

    min_days: Count = Field(
        7,
        description="FAN022: minimum age of the statistics in days. A week has the queries of each weekday.",
    )


DAY = 86_400


def inspect(database: Database, _: Workload, context: RuleContext[UnusedIndex]) -> Iterator[Finding | NotChecked]:
    """One finding per index."""
    server = database.server
    if server.replica:
        because = "the server is a replica, whose statistics do not count the queries of the primary"
        yield NotChecked(RULE.code, because, "Connect to the primary.")
        return
    least = context.thresholds.min_days
    if server.stats_reset is None or server.now - server.stats_reset < least * DAY:
        because = f"the statistics of the server are not known to be {least} days old"
        yield NotChecked(RULE.code, because, f"Try again when pg_stat_database.stats_reset is {least} days ago.")
        return
    for relation in database.own():
        for index in relation.indexes:
            if index.scans == 0 and not index.is_needed:
                yield _finding(relation, index, server, server.stats_reset)


RULE = Rule(
    code="FAN022",
    name="unused-index",
    safety="advice",
    document=__doc__,
    thresholds=UnusedIndex,
    inspect_database=inspect,
    needs=("server", "relations", "indexes", "index_stats"),
)


def _finding(relation: Relation, index: Index, server: Server, began: float) -> Finding:
    since = datetime.fromtimestamp(began, UTC).strftime("%Y-%m-%d")
    stats = relation.stats
    writes = f", {stats.inserted + stats.updated + stats.deleted} rows written" if stats else ""
    return Finding(
        code=RULE.code,
        impact=impact_of_size(index),
        confidence="medium",
        title=f"index {index.name} was not used since {since}",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem="Each write to the table maintains it, and no query read it.",
        current=f"{format_bytes(index.size)} on disk{writes}",
        evidence=(index.definition, f"0 scans in {(server.now - began) / DAY:.0f} days, since {since}"),
        fix=Fix(sql=drop_index(relation, index)),
        expected=f"{format_bytes(index.size)} less space, and one index less to write to.",
        risk="It may be newer than the statistics, serve a rare query, or be used on a replica."
        " DROP INDEX CONCURRENTLY does not work in a transaction.",
        object=DatabaseObject("index", index.schema, index.name, index.table),
        index=shape_of(index),
    )
