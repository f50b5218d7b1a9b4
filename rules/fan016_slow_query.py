"""FAN016 slow-query: a kind of query that takes half a second, again and again.

What it does
------------
Finds, over the whole workload, kinds of queries of which 5 in 100, and at least ``rules.slow_query.min_calls`` in all,
take longer than ``rules.slow_query.p95`` seconds. The time is what a caller of fanin waited, so that it also holds
waiting for a connection, and the way to PostgREST and back. Inserts, whose plans tell nothing, are left out.

Why it hurts
------------
Whoever waits for it waits long; and while it runs it holds one of PostgREST's few connections (10 by default), so that
queries that take a millisecond wait behind it.

Example
-------
::

    6 × GET /videos?select=*&status=eq.pending_review&order=created_at.desc → 40 rows, 900 ms

Use instead
-----------
::

    6 × GET /videos?select=*&status=eq.pending_review&order=created_at.desc → 40 rows, 4 ms

which is the same query with an index for its filters and its order; its plan tells whether that is what it lacks.

Safety
------
Advice: fanin changes nothing. An index costs space and slows down writes of its columns.
"""

from collections.abc import Iterator, Sequence

from pydantic import Field

from proxy.analysis.fingerprint import ParsedFingerprint, parse_fingerprint
from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import DURATION_BOUNDS, Usage, Workload
from proxy.findings.model import Finding, Fix, impact_of
from proxy.fixes.plan_code import plan_js, plan_py, plan_sql
from proxy.fixes.sql.index import index_columns, index_sql
from proxy.settings_base import Count, Positive, Thresholds


class SlowQuery(Thresholds):
    table = "slow_query"

    p95: Positive = Field(0.5, description="FAN016: seconds that 5 of 100 requests take longer than. Users notice.")
    min_calls: Count = Field(
        5,
        description="FAN016: requests that took longer. Fewer may have met a cold cache, a new connection, or a lock.",
    )


PLANNED = ("GET", "HEAD", "PATCH", "DELETE")
"""Methods with filters: the plan of an insert tells nothing."""
STEP = DURATION_BOUNDS[1] / DURATION_BOUNDS[0]
"""A quantile is at most this many times too high: what is found is surely as slow as it says."""
HOUR = 3600.0
IMPACTS = ((360.0, "CRITICAL"), (60.0, "HIGH"), (10.0, "MEDIUM"))
"""Seconds spent within an hour from which an impact holds (360: one connection is busy for a tenth of the time); below
the last it is LOW. Less than an hour counts as one.
"""


def inspect(workload: Workload, context: RuleContext[SlowQuery]) -> Iterator[Finding]:
    """One finding a fingerprint."""
    bounds = context.thresholds
    for usage in workload:
        slow = usage.quantile(0.95) / STEP
        often = slow >= bounds.p95 and usage.count_at_least(bounds.p95) >= bounds.min_calls
        if usage.method in PLANNED and often:
            yield _finding(parse_fingerprint(usage.fingerprint), usage, slow)


RULE = Rule(
    code="FAN016",
    name="slow-query",
    safety="advice",
    document=__doc__,
    thresholds=SlowQuery,
    inspect=inspect,
)


def _finding(shown: ParsedFingerprint, usage: Usage, slow: float) -> Finding:
    hours = max(usage.last_end - usage.first_start, HOUR) / HOUR
    spent = usage.seconds / hours
    mean = 1000 * usage.seconds / usage.calls
    columns = [item.column for item in index_columns(shown)]
    return Finding(
        code=RULE.code,
        impact=impact_of(IMPACTS, spent),
        confidence="medium",
        title=f"{shown.method} {shown.name} takes more than {1000 * slow:.0f} ms in 5 of 100 cases",
        relation=usage.relation,
        fingerprint=usage.fingerprint,
        route="",
        caller=usage.caller,
        problem=f"Requests of this kind have taken {usage.seconds:.1f} s so far, and hold a connection while they do.",
        current=f"{usage.calls} requests, {mean:.0f} ms on average, {usage.rows} rows in all",
        evidence=tuple(_evidence(usage, columns, spent)),
        fix=Fix(
            sql="\n".join(text for text in (plan_sql(shown), index_sql(shown)) if text),
            supabase_js=plan_js(shown),
            supabase_py=plan_py(shown),
        ),
        expected="With an index that fits, the time depends on the rows that are asked for, and not on those that are"
        " there."
        if columns
        else "A limit, or fewer columns: the plan tells where the time goes.",
        risk="An index that exists already, or is not used by the plan, cures nothing: look at the plan first. Building"
        " one concurrently takes a while, and cannot be done in a transaction.",
    )


def _evidence(usage: Usage, columns: Sequence[str], spent: float) -> Iterator[str]:
    yield f"{spent:.0f} s an hour, half of its requests take more than {1000 * usage.quantile(0.5) / STEP:.0f} ms"
    yield f"filters and order use {', '.join(columns)}" if columns else "no filter or order that a plain index serves"
    if usage.routes:
        yield f"asked by {', '.join(usage.routes)}"
