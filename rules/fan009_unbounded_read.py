"""FAN009 unbounded-read: a read without a limit on its number of rows.

What it does
------------
Finds reads of tables and views without limit, offset, Range, list of keys (``in``) or unique key that returned at least
``rules.unbounded_read.min_rows`` rows. FAN010 finds answers that PostgREST truncated.
The code of the fix needs the primary key of the table, which fanin knows with ``db_uri`` or
``detect.openapi``.

Why it hurts
------------
The answer grows with the table: it takes more memory in Postgres, PostgREST and the application and more time on the
network, and the page is slowest for the users with most data. Above db-max-rows, PostgREST truncates the answer without
an error, and rows are missing.

Example
-------
::

    GET /videos?select=*&status=eq.pending_review → 2400 rows, 900 kB

Use instead
-----------
::

    GET /videos?select=*&status=eq.pending_review&order=id&limit=100 → 100 rows, 38 kB
    then GET /videos?select=*&status=eq.pending_review&order=id&limit=100&id=gt.100 → 100 rows, 38 kB

Safety
------
Advice: fanin changes nothing. A job that needs all rows can read them page by page. If the application only counts or
adds up the rows, let the database do it.
"""

from collections.abc import Iterator, Sequence

from pydantic import Field

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.spans import by_fingerprint, caller_of, total_bytes, total_seconds, unbounded_reads
from proxy.analysis.volume import format_bytes, volume_impact
from proxy.findings.model import Finding
from proxy.fixes.reads.page_fix import next_page_fix, nulls_risk
from proxy.model import Span, Trace
from proxy.settings_base import Count, Thresholds
from proxy.text.counted import counted


class UnboundedRead(Thresholds):
    table = "unbounded_read"

    min_rows: Count = Field(
        500, description="FAN009: minimum rows of one answer without a limit. Half of Supabase's default for max-rows."
    )


@InSteps
def detect(trace: Trace, context: RuleContext[UnboundedRead]) -> Iterator[Finding | None]:
    """One finding per fingerprint."""
    least = context.thresholds.min_rows
    found = yield from unbounded_reads([span for span in trace.spans if span.rows >= least and not span.cut])
    for fingerprint, spans in by_fingerprint(found).items():
        yield None
        if not any(one.operator == "in" for one in parse_fingerprint(fingerprint).filters):
            yield _finding(trace, spans, context)


RULE = Rule(
    code="FAN009",
    name="unbounded-read",
    safety="advice",
    document=__doc__,
    thresholds=UnboundedRead,
    detect=detect,
    reads=("rows",),
)


def _finding(trace: Trace, spans: Sequence[Span], context: RuleContext[UnboundedRead]) -> Finding:
    parsed, most = parse_fingerprint(spans[0].fingerprint), max(spans, key=lambda span: span.rows)
    size = total_bytes(spans)
    return Finding(
        code=RULE.code,
        impact=volume_impact(size, most.rows),
        confidence="high",
        title=f"{counted(most.rows, 'row')} of {parsed.name} in one answer, and no limit",
        relation=spans[0].relation,
        fingerprint=spans[0].fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application reads {parsed.name} without a limit: the answer grows with the table.",
        current=f"{counted(len(spans), 'request')}, up to {counted(most.rows, 'row')} each, {format_bytes(size)}"
        f" in {1000 * total_seconds(spans):.0f} ms",
        evidence=("the request has no limit, offset, Range or list of keys",),
        fix=next_page_fix(parsed, context.facts),
        expected=f"A page of 100 rows has about {format_bytes(100 * most.size // most.rows)}"
        f" instead of {format_bytes(most.size)}.",
        risk="Code that needs every row has to request each page, and a row that is moved to another place in the order"
        " meanwhile may be in two pages or in none." + nulls_risk(parsed, context.facts),
    )
