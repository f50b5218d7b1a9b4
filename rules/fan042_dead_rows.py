"""FAN042 dead-rows: a table with many dead rows that autovacuum does not remove.

What it does
------------
Finds, in the schemas that PostgREST serves, tables with at least ``min_dead`` dead rows that are at least ``min_share``
of all its rows. It compares them with the number from which autovacuum cleans the table, by the settings of the server
and of the table, and says which setting to change: autovacuum is off, or its threshold is above what is there, or it is
late.

Why it hurts
------------
Dead rows take pages that each sequential read, and many index reads, must look at, and space that new rows cannot use.

Example
-------
::

    create table public.videos (id bigint primary key, status text) with (autovacuum_enabled = false);
    insert into public.videos select n, 'open' from generate_series(1, 5000) n;
    update public.videos set status = 'done' where id <= 2000;

Look-alike
----------
::

    create table public.videos (id bigint primary key, status text) with (autovacuum_enabled = false);
    insert into public.videos select n, 'open' from generate_series(1, 50000) n;
    update public.videos set status = 'done' where id <= 2000;

Use instead
-----------
::

    create table public.videos (id bigint primary key, status text) with (autovacuum_vacuum_scale_factor = 0.02);
    insert into public.videos select n, 'open' from generate_series(1, 5000) n;

Safety
------
Advice: fanin changes nothing. VACUUM runs beside reads and writes; an open transaction keeps rows dead that it may see.
"""

from collections.abc import Iterator, Mapping

from pydantic import Field

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix, impact_of
from proxy.schema.names import qualified
from proxy.schema.relation import Relation, TableStats
from proxy.schema.snapshot import Database, Server
from proxy.schema.undo import with_undo
from proxy.settings_base import Count, Share, Thresholds


class DeadRows(Thresholds):
    table = "dead_rows"

    min_dead: Count = Field(
        1000,
        description="FAN042: minimum dead rows. Fewer are in a few pages.",
    )
    min_share: Share = Field(
        0.1,
        description="FAN042: minimum share of dead rows among all rows. Below, reads are hardly slower.",
    )


IMPACTS = ((1_000_000, "HIGH"), (50_000, "MEDIUM"))
"""Minimum dead rows per impact; below the last step the impact is LOW."""
SCALE_FACTOR = "autovacuum_vacuum_scale_factor"
LOWER = 0.02
"""A scale factor for tables that change much."""


def inspect(database: Database, _: Workload, context: RuleContext[DeadRows]) -> Iterator[Finding]:
    """One finding per table; partitions are tables."""
    for relation in database.own():
        stats = relation.stats
        if stats is None or relation.kind not in ("r", "m"):
            continue
        least = max(context.thresholds.min_dead, context.thresholds.min_share * (stats.live + stats.dead))
        if stats.dead >= least:
            yield _finding(relation, stats, database.server)


RULE = Rule(
    code="FAN042",
    name="dead-rows",
    safety="advice",
    document=__doc__,
    thresholds=DeadRows,
    inspect_database=inspect,
    needs=("server", "relations", "table_stats"),
)


def _options(relation: Relation) -> Mapping[str, str]:
    return {name: value for name, _, value in (option.partition("=") for option in relation.options)}


def vacuum_threshold(relation: Relation, server: Server) -> float:
    """The dead rows from which autovacuum cleans the table (PostgreSQL, section 24.1.6)."""
    options = _options(relation)
    base = float(options.get("autovacuum_vacuum_threshold", server.vacuum_threshold))
    factor = float(options.get(SCALE_FACTOR, server.vacuum_scale_factor))
    highest = float(options.get("autovacuum_vacuum_max_threshold", server.vacuum_max_threshold))
    threshold = base + factor * max(relation.rows, 0)
    return threshold if highest < 0 else min(threshold, highest)


def _cause(relation: Relation, stats: TableStats, server: Server) -> tuple[str, str]:
    """Why autovacuum has not removed the rows, and the statements that change the setting, with their undo."""
    name, options = qualified(relation.schema, relation.name), _options(relation)
    threshold = vacuum_threshold(relation, server)
    enabled = options.get("autovacuum_enabled", "true")
    if enabled in ("false", "off", "no", "0"):
        return (
            f"autovacuum_enabled={enabled} is set on the table",
            with_undo(
                f"alter table {name} reset (autovacuum_enabled);",
                f"alter table {name} set (autovacuum_enabled = {enabled});",
            ),
        )
    if not server.autovacuum:
        return (
            "autovacuum is off on the server",
            "-- autovacuum = on in postgresql.conf, or: alter system set autovacuum = on; select pg_reload_conf();",
        )
    if stats.dead < threshold:
        before = options.get(SCALE_FACTOR)
        undo = f"set ({SCALE_FACTOR} = {before})" if before else f"reset ({SCALE_FACTOR})"
        return (
            f"autovacuum cleans the table from {threshold:.0f} dead rows on",
            with_undo(f"alter table {name} set ({SCALE_FACTOR} = {LOWER});", f"alter table {name} {undo};"),
        )
    return (
        f"autovacuum is late: it cleans the table from {threshold:.0f} dead rows on. Look for transactions that stay"
        " open (pg_stat_activity.xact_start), replication slots, and autovacuum_vacuum_cost_limit",
        "",
    )


def _finding(relation: Relation, stats: TableStats, server: Server) -> Finding:
    name = qualified(relation.schema, relation.name)
    cause, statements = _cause(relation, stats, server)
    share = 100 * stats.dead / (stats.live + stats.dead)
    return Finding(
        code=RULE.code,
        impact=impact_of(IMPACTS, stats.dead),
        confidence="high" if stats.dead >= vacuum_threshold(relation, server) else "medium",
        title=f"{share:.0f} % of the rows of {relation.full_name} are dead",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem=f"Reads look at pages of dead rows; {cause}.",
        current=f"{stats.dead} dead rows, {stats.live} live ones",
        evidence=(
            f"pg_stat_user_tables: n_dead_tup {stats.dead}, n_live_tup {stats.live}",
            f"autovacuum cleans from {vacuum_threshold(relation, server):.0f} dead rows on",
            *relation.options,
        ),
        fix=Fix(sql="\n".join(filter(None, (statements, f"vacuum (analyze) {name};")))),
        expected="New rows take the place of dead ones, and the table stops growing.",
        risk="VACUUM does not work in a transaction, reads the table once, and does not make its file smaller.",
        object=DatabaseObject("table", relation.schema, relation.name),
    )
