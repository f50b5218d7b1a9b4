"""FAN013 exact-count: Postgres counts all rows of a result to show a number.

What it does
------------
Finds reads with ``Prefer: count=exact`` that counted at least ``rules.exact_count.min_rows`` rows, or that repeated the
same count at least ``rules.exact_count.min_calls`` times within one trace (a pager that counts again for each page).

Why it hurts
------------
Postgres does not store a count: each time, it visits every row that passes the filters and the policies. PostgREST
counts in the same statement that reads the page, so the first ten rows wait for the count of a million.

Example
-------
::

    GET /videos?select=*&order=id&limit=10 → 10 rows, 60000 in all, 45 ms

Use instead
-----------
::

    GET /videos?select=*&order=id&limit=10 → 10 rows, 2 ms

Safety
------
Advice: fanin changes nothing. An estimate may be wrong by a few per cent, or by more if statistics are old.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from proxy.analysis.answer_shape import as_asked, shape_risk
from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.spans import by_fingerprint, caller_of, group_by, is_read_or_count, total_seconds
from proxy.findings.model import Finding, impact_of
from proxy.fixes.clients.printable import printable_fix
from proxy.fixes.reads.advice_code import estimate_js, estimate_py
from proxy.fixes.sql.read import estimate_sql
from proxy.model import Span, Trace
from proxy.settings_base import Count, Thresholds
from proxy.text.counted import counted


class ExactCount(Thresholds):
    table = "exact_count"

    min_rows: Count = Field(
        10_000, description="FAN013: minimum rows counted by one read. Below, counting takes about a millisecond."
    )
    min_calls: Annotated[int, Field(ge=2)] = Field(
        3, description="FAN013: minimum counts of the same rows in one trace, for any number of rows."
    )


IMPACTS = ((1_000_000, "CRITICAL"), (200_000, "HIGH"), (50_000, "MEDIUM"))
"""Minimum rows counted in total per impact; below the last step the impact is LOW."""


@InSteps
def detect(trace: Trace, context: RuleContext[ExactCount]) -> Iterator[Finding | None]:
    """One finding per fingerprint."""
    for spans in by_fingerprint([span for span in trace.spans if span.total > 0 and _is_counted(span)]).values():
        yield None
        counted = _much(spans, context.thresholds)
        if counted:
            yield _finding(trace, counted)


RULE = Rule(
    code="FAN013",
    name="exact-count",
    safety="advice",
    document=__doc__,
    thresholds=ExactCount,
    detect=detect,
    reads=("total",),
)


def _is_counted(span: Span) -> bool:
    return is_read_or_count(span) and span.total > max(span.rows, 0)


def _much(spans: Sequence[Span], bounds: ExactCount) -> Sequence[Span]:
    """Those of ``spans``, which have one fingerprint, that counted many rows, or the same rows often; else none."""
    if max(span.total for span in spans) >= bounds.min_rows:
        return spans
    often = max(group_by(spans, lambda span: (span.literals, span.total)).values(), key=len)
    return often if len(often) >= bounds.min_calls else ()


def _finding(trace: Trace, spans: Sequence[Span]) -> Finding:
    parsed = as_asked(parse_fingerprint(spans[0].fingerprint), spans)
    visited = sum(span.total for span in spans)
    most = max(span.total for span in spans)
    once = f" {len(spans)} times" if len(spans) > 1 else ""
    fix = printable_fix(
        [parsed], lambda: estimate_sql(parsed), lambda: estimate_js(parsed), lambda: estimate_py(parsed)
    )
    return Finding(
        code=RULE.code,
        impact=impact_of(IMPACTS, visited),
        confidence="high",
        title=f"{counted(most, 'row')} of {parsed.name} counted{once} to show a number",
        relation=spans[0].relation,
        fingerprint=spans[0].fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application asks for an exact count of all rows of {parsed.name} that pass its filters.",
        current=f"{counted(len(spans), 'request')}, {counted(visited, 'row')} counted"
        f" in {1000 * total_seconds(spans):.0f} ms",
        evidence=(f"Prefer: count=exact, answered with up to {counted(most, 'row')} in all",),
        fix=fix,
        expected="The planner's estimate reads no rows; count=estimated counts exactly below db-max-rows.",
        risk="If the number has to be exact (invoices), count once and pass the number on with each page."
        + shape_risk(spans, fix),
    )
