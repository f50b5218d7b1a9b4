"""FAN016 slow-query: a query that repeatedly takes half a second or more.

What it does
------------
Finds, over the whole workload, fingerprints of which 5 % of requests, and at least ``rules.slow_query.min_calls`` in
total, take longer than ``rules.slow_query.p95`` seconds. The time is the one that a client of fanin waits: it includes
the wait for a connection and the network to PostgREST. Inserts do not count, because their plans are not informative.

Why it hurts
------------
Its users wait, and while it runs it holds one of PostgREST's few database connections (10 by default), so queries that
take a millisecond wait for it.

Example
-------
::

    6 × GET /videos?select=*&status=eq.pending_review&order=created_at.desc → 40 rows, 900 ms

Use instead
-----------
::

    6 × GET /videos?select=*&status=eq.pending_review&order=created_at.desc → 40 rows, 4 ms

which is the same query with an index for its filters and its order; its plan shows whether such an index is missing.
With ``db_uri``, fanin knows the indexes: it prints none where one serves, as that of a primary key does.

Safety
------
Advice: fanin changes nothing. An index needs space and slows down writes to its columns.
"""

from collections.abc import Iterator

from msgspec.structs import replace
from pydantic import Field

from proxy.analysis.fingerprint import ParsedFingerprint, describes_body, parse_fingerprint
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.workload import DURATION_BOUNDS, Usage, Workload
from proxy.findings.model import Finding, Fix, impact_of
from proxy.fixes.clients.printable import printable_fix
from proxy.fixes.reads.plan_code import plan_js, plan_py, plan_sql
from proxy.fixes.sql.index import IndexAdvice, index_advice
from proxy.settings_base import Count, Positive, Thresholds
from proxy.text.counted import counted


class SlowQuery(Thresholds):
    table = "slow_query"

    p95: Positive = Field(
        0.5, description="FAN016: minimum 95th percentile of the time of a query. Users notice this time."
    )
    min_calls: Count = Field(
        5,
        description="FAN016: minimum requests that took longer. A cold cache or a lock can cause fewer.",
    )


PLANNED = ("GET", "HEAD", "PATCH", "DELETE")
"""Methods with filters; the plan of an insert is not informative."""
STEP = DURATION_BOUNDS[1] / DURATION_BOUNDS[0]
"""A quantile is too high by at most this factor; divided by it, it is a lower bound."""
HOUR = 3600.0
IMPACTS = ((360.0, "CRITICAL"), (60.0, "HIGH"), (10.0, "MEDIUM"))
"""Minimum seconds spent per hour per impact (360: one connection is busy for a tenth of the time); below the last step
the impact is LOW. Less than an hour of traffic counts as an hour.
"""


@InSteps
def inspect(workload: Workload, context: RuleContext[SlowQuery]) -> Iterator[Finding | None]:
    """One finding per fingerprint."""
    bounds = context.thresholds
    for usage in tuple(workload):
        yield None
        slow = usage.quantile(0.95) / STEP
        often = slow >= bounds.p95 and usage.count_at_least(bounds.p95) >= bounds.min_calls
        if usage.method in PLANNED and often:
            parsed = parse_fingerprint(usage.fingerprint)
            yield _finding(parsed, usage, slow, index_advice(parsed, context.facts))


RULE = Rule(
    code="FAN016",
    name="slow-query",
    safety="advice",
    document=__doc__,
    thresholds=SlowQuery,
    inspect=inspect,
)


def _finding(parsed: ParsedFingerprint, usage: Usage, slow: float, index: IndexAdvice) -> Finding:
    hours = max(usage.last_end - usage.first_start, HOUR) / HOUR
    spent = usage.seconds / hours
    mean = 1000 * usage.seconds / usage.calls
    return Finding(
        code=RULE.code,
        impact=impact_of(IMPACTS, spent),
        confidence="medium",
        title=f"{parsed.method} {parsed.name} takes more than {1000 * slow:.0f} ms in 5 of 100 cases",
        relation=usage.relation,
        fingerprint=usage.fingerprint,
        route="",
        caller=usage.caller,
        problem=f"Requests of this kind took {usage.seconds:.1f} s in total; each holds a connection while it runs.",
        current=f"{counted(usage.calls, 'request')}, {mean:.0f} ms on average, {counted(usage.rows, 'row')} in total",
        evidence=tuple(_evidence(usage, index, spent)),
        fix=_fix(parsed, index),
        expected="With a suitable index, the time depends on the rows in the answer, not on those in the table."
        if index.sql
        else "Less time with a limit or fewer columns; the plan shows which step takes the time.",
        risk="An index that exists already, or that the plan does not use, does not help: look at the plan first."
        " CREATE INDEX CONCURRENTLY takes long and does not work in a transaction."
        + (" An index of trigrams needs a pattern with three letters or more." if "gin_trgm_ops" in index.sql else ""),
    )


def _fix(parsed: ParsedFingerprint, index: IndexAdvice) -> Fix:
    """Its plan in the languages that express the whole query, and the index in any case."""
    whole = replace(parsed, rest=tuple(param for param in parsed.rest if not describes_body(param)))
    fix = printable_fix([whole], lambda: plan_sql(parsed), lambda: plan_js(parsed), lambda: plan_py(parsed))
    return replace(fix, sql="\n".join(text for text in (fix.sql, index.sql) if text))


def _evidence(usage: Usage, index: IndexAdvice, spent: float) -> Iterator[str]:
    yield f"{spent:.0f} s per hour; half of its requests take more than {1000 * usage.quantile(0.5) / STEP:.0f} ms"
    yield index.evidence
    if usage.routes:
        yield f"requested by {', '.join(usage.routes)}"
