"""FAN009 unbounded-read: a read of as many rows as there happen to be.

What it does
------------
Finds reads of tables and views without limit, offset, Range, list of keys (``in``) or unique key, that were answered at
least ``rules.unbounded_read.min_rows`` rows. Answers that end where PostgREST cuts are FAN010's.

Why it hurts
------------
The answer grows with the table: memory in Postgres, PostgREST and the application, time on the wire, and a page that is
slow where there is most to see. One day it passes db-max-rows, and from then on rows are missing without a word.

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
Advice: fanin changes nothing. A job that needs all rows reads them page by page just as well; what is only counted or
added up is better left to the database.
"""

from collections.abc import Iterator, Sequence

from pydantic import Field

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.spans import by_fingerprint, caller_of, is_unbounded_read, total_bytes, total_seconds
from proxy.analysis.volume import format_bytes, plural, volume_impact
from proxy.findings.model import Finding, Fix
from proxy.fixes.page_code import next_page_js, next_page_py, next_page_sql
from proxy.model import Span, Trace
from proxy.settings_base import Count, Thresholds


class UnboundedRead(Thresholds):
    table = "unbounded_read"

    min_rows: Count = Field(
        500, description="FAN009: rows of one answer without a limit. Half of what Supabase cuts at, so before it does."
    )


KEY = "id"
"""What pages are told apart by, in the code of the fix."""


def detect(trace: Trace, context: RuleContext[UnboundedRead]) -> Iterator[Finding]:
    """One finding a fingerprint."""
    least = context.thresholds.min_rows
    found = (span for span in trace.spans if span.rows >= least and _is_unbounded(span))
    for spans in by_fingerprint(found).values():
        yield _finding(trace, spans)


RULE = Rule(
    code="FAN009",
    name="unbounded-read",
    safety="advice",
    document=__doc__,
    thresholds=UnboundedRead,
    detect=detect,
)


def _is_unbounded(span: Span) -> bool:
    listed = any(one.operator == "in" for one in parse_fingerprint(span.fingerprint).filters)
    return is_unbounded_read(span) and not span.cut and not listed


def _finding(trace: Trace, spans: Sequence[Span]) -> Finding:
    shown, most = parse_fingerprint(spans[0].fingerprint), max(spans, key=lambda span: span.rows)
    size = total_bytes(spans)
    return Finding(
        code=RULE.code,
        impact=volume_impact(size, most.rows),
        confidence="high",
        title=f"{most.rows} rows of {shown.name} in one answer, and no limit",
        relation=spans[0].relation,
        fingerprint=spans[0].fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application reads all rows of {shown.name} that there are: the answer grows with the table.",
        current=f"{plural(len(spans), 'request')}, up to {most.rows} rows each, {format_bytes(size)}"
        f" in {1000 * total_seconds(spans):.0f} ms",
        evidence=("neither limit, offset, Range nor a list of keys bounds the answer",),
        fix=Fix(
            sql=next_page_sql(shown, KEY),
            supabase_js=next_page_js(shown, KEY),
            supabase_py=next_page_py(shown, KEY),
        ),
        expected=f"100 rows a page are about {format_bytes(100 * most.size // most.rows)},"
        f" not {format_bytes(most.size)}.",
        risk=f"Where {shown.name} has no unique column {KEY}, take its primary key. Code that needs every row has"
        " to ask for each page.",
    )
