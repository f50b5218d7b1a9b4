"""FAN043 connection-pressure: more calls in flight at once than PostgREST has connections, or than Postgres allows.

What it does
------------
Finds more upstream calls in flight at once, in one trace or on average over a second, than PostgREST's pool has
connections (``pool``: its setting ``db-pool``, 10 unless set), and pools of all its instances (``instances``) that are
larger together than ``max_connections``.

Why it hurts
------------
Each call holds a connection while it runs. A call above the pool waits, and fails after ``db-pool-acquisition-timeout``
(504, PGRST003). Pools that are larger than what Postgres allows leave none for migrations, jobs and administrators.

Example
-------
::

    create table public.videos (id bigint primary key, status text);
    -- 25 of GET /videos?status=eq.open

Look-alike
----------
::

    create table public.videos (id bigint primary key, status text);
    -- 25 × GET /videos?status=eq.open

Use instead
-----------
::

    create table public.videos (id bigint primary key, status text);
    -- GET /videos?status=in.(open,new,closed)

Safety
------
Advice: fanin changes nothing. It does not see other clients of the database, so that the real peak may be higher.
"""

from collections.abc import Iterator

from pydantic import Field

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix
from proxy.schema.snapshot import Database, NotChecked
from proxy.settings_base import Count, Share, Thresholds


class ConnectionPressure(Thresholds):
    table = "connection_pressure"

    pool: Count = Field(
        10,
        description="FAN043: connections of PostgREST's pool, its setting db-pool. 10 is its default.",
    )
    instances: Count = Field(
        1,
        description="FAN043: processes of PostgREST that connect to the database, each with a pool.",
    )
    max_share: Share = Field(
        0.8,
        description="FAN043: maximum share of max_connections for these pools. The rest is for jobs and people.",
    )


WORSE = 2
"""Peak, as a multiple of the pool, from which the impact is HIGH."""
STEP = 5
"""The pool that is proposed is a multiple of it."""


def inspect(
    database: Database, workload: Workload, context: RuleContext[ConnectionPressure]
) -> Iterator[Finding | NotChecked]:
    """At most one finding."""
    bounds = context.thresholds
    pools = bounds.pool * bounds.instances
    allowed = int(bounds.max_share * database.server.max_connections)
    peak = workload.in_flight.most
    if peak > pools or (len(workload) and pools > allowed):
        yield _finding(peak, pools, allowed, database, bounds)


RULE = Rule(
    code="FAN043",
    name="connection-pressure",
    safety="advice",
    document=__doc__,
    thresholds=ConnectionPressure,
    inspect_database=inspect,
    needs=("server",),
)


def _finding(peak: int, pools: int, allowed: int, database: Database, bounds: ConnectionPressure) -> Finding:
    server = database.server
    waits = peak > pools
    return Finding(
        code=RULE.code,
        impact="HIGH" if pools > allowed or peak > WORSE * pools else "MEDIUM",
        confidence="medium",
        title=f"at least {peak} calls were in flight at once, with {pools} connections in PostgREST's pool"
        if waits
        else f"PostgREST may open {pools} of the {server.max_connections} connections that Postgres allows",
        relation=server.database,
        fingerprint="",
        route="",
        caller="",
        problem="Calls above the pool wait for a connection, and fail after db-pool-acquisition-timeout."
        if waits
        else "Jobs, migrations and administrators find no connection while the pools are full.",
        current=f"peak {peak}, pool {pools}, max_connections {server.max_connections}",
        evidence=(
            f"calls in flight at once, without those that were merged into one: {peak}",
            f"rules.connection_pressure: pool {bounds.pool}, instances {bounds.instances}",
            f"max_connections {server.max_connections}",
        ),
        fix=Fix(reason=_reason(peak, pools, allowed, bounds)),
        expected="No call waits for a connection, and Postgres has some left.",
        risk="More connections than processors make each statement slower: first send fewer calls at once.",
        object=DatabaseObject("database", "", server.database),
    )


def _reason(peak: int, pools: int, allowed: int, bounds: ConnectionPressure) -> str:
    """What to set in place of SQL."""
    setting = "it is a setting of PostgREST, not SQL: db-pool (PGRST_DB_POOL)"
    most = max(1, allowed // bounds.instances)
    wanted = -(-max(peak, 1) // (STEP * bounds.instances)) * STEP
    if pools > allowed:
        return f"{setting} = {most}, or a pooler before Postgres, or a larger max_connections"
    if wanted > most:
        return f"{setting} = {most} at most, by max_connections: it is less than the peak, so send fewer calls at once"
    return f"{setting} = {wanted}, or fewer calls at once"
