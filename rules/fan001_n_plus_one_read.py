"""FAN001 n-plus-one-read: one request a key, where one request for all keys would do.

What it does
------------
Finds, within one trace, at least ``rules.n_plus_one.min_calls`` reads that differ in the value of one ``eq`` filter
only, with at least ``rules.n_plus_one.min_distinct`` different values, at least half of which were in flight together;
those made one after another are FAN002's. Retries of a client, pages of a list and repeated reads of one row do not
count, and traces that may mix several requests of the application are not judged.

Why it hurts
------------
Every read pays the whole way: a connection of the client, a transaction in PostgREST with its role and settings, a
parse and a plan in Postgres. A hundred keys pay it a hundred times and fill the connection pool that everybody shares,
and the number grows with the data: what is fast in development is slow where there are customers.

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
Safe: calls that are in flight together are merged, and each caller gets the answer it would have got alone; where that
is not certain, the originals are sent.
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
from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.spans import caller_of, count_calls, elapsed_seconds, literal_kind, seconds_saved, total_rows
from proxy.analysis.volume import plural
from proxy.findings.model import Finding, Fix
from proxy.fixes.batch_code import batch_js, batch_name, batch_py
from proxy.fixes.sql.batch import batch_sql
from proxy.model import Trace
from proxy.settings_base import Count, Positive


class NPlusOne(LoopThresholds):
    table = "n_plus_one"

    min_calls: Count = Field(
        5, description="FAN001, FAN002: look-alikes in one trace. Fewer may well be as many fields of one form."
    )
    min_distinct: Count = Field(
        5, description="FAN001, FAN002: different keys among them: one row asked again and again is FAN003's."
    )
    max_pause: Positive = Field(
        0.5,
        description="FAN002: a longer wait between two look-alikes ends their loop: a timer or a person made it, and "
        "it would stay.",
    )


def detect(trace: Trace, context: RuleContext[NPlusOne]) -> Iterator[Finding]:
    """One finding a fingerprint that fans out in ``trace``."""
    for shown, found in fan_outs(trace, parallel_fan_out, context.thresholds):
        yield _finding(trace, shown, found)


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
        impact=call_impact(len(spans), seconds_saved(spans)),
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
        risk="None for the rows; a list of more than about 200 keys should be sent in several calls.",
    )
