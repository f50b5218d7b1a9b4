"""FAN011 select-star: all columns, where a few are read.

What it does
------------
Finds reads that name no columns (``select=*``, or none) and moved at least ``rules.select_star.min_bytes`` within one
trace. Which columns the code uses nobody can see from here: the finding says what was sent, and asks.

Why it hurts
------------
Wide columns (notes, addresses, JSON) are read from disk, often from TOAST, turned into JSON, sent and parsed, for
nothing; an index that holds all columns asked for could have answered without the table. A column that is added later,
a secret among them, reaches every caller by itself.

Example
-------
::

    GET /creators?select=*&order=created_at → 200 rows, 96 kB

Use instead
-----------
::

    GET /creators?select=id,handle,status&order=created_at → 200 rows, 14 kB

Safety
------
Advice: fanin changes nothing.
"""

from collections.abc import Iterator, Sequence

from pydantic import Field

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.spans import by_fingerprint, caller_of, is_read, total_bytes, total_rows
from proxy.analysis.volume import format_bytes, plural, volume_impact
from proxy.findings.model import Finding, Fix
from proxy.fixes.advice_code import narrow_js, narrow_py
from proxy.fixes.sql.read import narrow_sql
from proxy.model import Span, Trace
from proxy.settings_base import Count, Thresholds


class SelectStar(Thresholds):
    table = "select_star"

    min_bytes: Count = Field(
        50_000,
        description="FAN011: bytes moved without named columns in one trace. Below, nobody would notice the gain.",
    )


KEY = "id"
"""The column that the code of the fix begins with."""


def detect(trace: Trace, context: RuleContext[SelectStar]) -> Iterator[Finding]:
    """One finding a fingerprint."""
    found = (span for span in trace.spans if is_read(span) and span.rows > 0)
    for fingerprint, spans in by_fingerprint(found).items():
        size = total_bytes(spans)
        if size >= context.thresholds.min_bytes and "*" in parse_fingerprint(fingerprint).select.split(","):
            yield _finding(trace, spans, size)


RULE = Rule(
    code="FAN011",
    name="select-star",
    safety="advice",
    document=__doc__,
    thresholds=SelectStar,
    detect=detect,
)


def _finding(trace: Trace, spans: Sequence[Span], size: int) -> Finding:
    shown, rows = parse_fingerprint(spans[0].fingerprint), total_rows(spans)
    return Finding(
        code=RULE.code,
        impact=volume_impact(size, 0),
        confidence="medium",
        title=f"All columns of {shown.name}: {format_bytes(size)} for {rows} rows",
        relation=spans[0].relation,
        fingerprint=spans[0].fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application asks for every column of {shown.name}, those that it does not read too.",
        current=f"{plural(len(spans), 'request')}, {rows} rows, {format_bytes(size)}: {size // rows} bytes a row",
        evidence=("select is * or absent, so that every column is sent, and every one that is added later",),
        fix=Fix(sql=narrow_sql(shown, KEY), supabase_js=narrow_js(shown, KEY), supabase_py=narrow_py(shown, KEY)),
        expected=f"Each column that is not named is not read, sent or parsed, {rows} times.",
        risk="Code that reads a column which is not named gets undefined (JavaScript) or KeyError (Python): generated"
        " types find it before it runs.",
    )
