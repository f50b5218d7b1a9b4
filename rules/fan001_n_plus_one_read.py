"""FAN001 n-plus-one-read: one request per key, where one request for all keys is enough.

What it does
------------
Finds, within one trace, at least ``rules.n_plus_one.min_calls`` reads that differ only in the value of one ``eq``
filter, with at least ``rules.n_plus_one.min_distinct`` different values, if at least half of the reads began before the
previous one ended. FAN002 finds those made one after another. Client retries, pages of a list and repeated reads of one
row do not count. Traces that may mix several requests of the application are not analysed.

Why it hurts
------------
Every read has the full cost of a request: a client connection, a transaction in PostgREST with its role and settings,
a parse and a plan in Postgres. A hundred keys have this cost a hundred times and fill the connection pool that all
clients share. The number of reads grows with the data: code that is fast in development is slow in production.

Example
-------
::

    GET /creator_payout_profiles?select=*&creator_id=eq.1
    GET /creator_payout_profiles?select=*&creator_id=eq.2
    GET /creator_payout_profiles?select=*&creator_id=eq.3
    GET /creator_payout_profiles?select=*&creator_id=eq.4
    GET /creator_payout_profiles?select=*&creator_id=eq.5

Use instead
-----------
::

    GET /creator_payout_profiles?select=*&creator_id=in.(1,2,3,4,5)

Safety
------
Safe: fanin merges calls that are in flight together, and each caller gets the same answer as from a call of its own.
If that is not certain, fanin sends the original calls.
"""

from collections.abc import Iterator

from pydantic import Field

from proxy.analysis.fan_out import (
    FanOut,
    LoopThresholds,
    call_impact,
    distinct_values,
    fan_outs,
    has_many_rows_per_key,
    parallel_fan_out,
)
from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.spans import caller_of, count_calls, elapsed_seconds, literal_kind, total_rows
from proxy.analysis.volume import plural
from proxy.findings.model import Finding, Fix
from proxy.fixes.batch_code import batch_js, batch_name, batch_py
from proxy.fixes.sql.batch import batch_sql
from proxy.model import Trace
from proxy.settings_base import Count, Positive


class NPlusOne(LoopThresholds):
    table = "n_plus_one"

    min_calls: Count = Field(
        5, description="FAN001, FAN002: minimum similar reads in one trace. Fewer are often the fields of one form."
    )
    min_distinct: Count = Field(
        5, description="FAN001, FAN002: minimum different keys among them. FAN003 finds repeated reads of one row."
    )
    max_pause: Positive = Field(
        0.5,
        description="FAN002: a longer pause between two similar reads ends their loop: a timer or a person caused it, "
        "and a batch read would not remove it.",
    )


@InSteps
def detect(trace: Trace, context: RuleContext[NPlusOne]) -> Iterator[Finding | None]:
    """One finding per fingerprint that fans out in ``trace``."""
    for found in fan_outs(trace, parallel_fan_out, context.thresholds):
        yield None if found is None else _finding(trace, *found)


RULE = Rule(
    code="FAN001",
    name="n-plus-one-read",
    safety="safe",
    document=__doc__,
    thresholds=NPlusOne,
    default_level="rewrite",
    can_rewrite=True,
    detect=detect,
)


def _finding(trace: Trace, shown: ParsedFingerprint, found: FanOut) -> Finding:
    spans, column = found.spans, found.key.column
    calls, listed = count_calls(spans), has_many_rows_per_key(shown, spans)
    return Finding(
        code=RULE.code,
        impact=call_impact(len(spans)),
        confidence="high" if trace.explicit else "medium",
        title=f"{len(spans)} reads of {shown.name}, one for each {column}",
        relation=spans[0].relation,
        fingerprint=spans[0].fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application asks for {shown.name} once per {column}: the number of queries grows with"
        " the number of rows.",
        current=f"{len(spans)} requests, {plural(calls, 'upstream call')}, {total_rows(spans)} rows in"
        f" {1000 * elapsed_seconds(spans):.0f} ms",
        evidence=(
            f"{len(spans)} requests differ only in {column}, with {distinct_values(spans, found.key)} different values",
            f"sent in parallel; fanin answered them with {plural(calls, 'upstream call')}",
        ),
        fix=Fix(
            sql=batch_sql(shown, column, literal_kind(spans, column)),
            supabase_js=batch_js(shown, column, listed),
            supabase_py=batch_py(shown, column, listed),
        ),
        expected=f"{batch_name(shown.relation, column)}(…) once instead of {len(spans)} calls: {len(spans)} requests"
        " become 1 per 200 keys.",
        risk="The rows are the same. A list of more than about 200 keys should be sent in several calls.",
    )
