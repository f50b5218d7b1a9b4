"""FAN012 deep-offset: pages by a large offset, for which Postgres reads and discards all rows before them.

What it does
------------
Finds reads that skip at least ``rules.deep_offset.min_offset`` rows by ``offset`` (``.range(from, to)`` of the
clients). The code of the fix needs the primary key of the table, which fanin knows with ``db_uri`` or
``detect.openapi``.

Why it hurts
------------
Postgres reads every skipped row in order and discards it: page 500 costs 500 times as much as page 1, and the cost of
reading a whole table page by page grows with the square of its length. Rows that are inserted or deleted in the
meantime shift the pages, so some rows appear twice and others never.

Example
-------
::

    GET /videos?select=*&order=at.desc&limit=50&offset=12000 → 50 rows

Use instead
-----------
::

    GET /videos?select=*&order=at.desc,id.desc&limit=50&or=(at.lt.2024-05-01,and(at.eq.2024-05-01,id.lt.9)) → 50 rows

Safety
------
Advice: fanin changes nothing. Keyset pages can only be read in sequence: a pager with page numbers needs another
design.
"""

from collections.abc import Iterator, Sequence

from pydantic import Field

from proxy.analysis.fingerprint import ParsedFingerprint, parse_fingerprint
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.spans import by_fingerprint, caller_of, is_read, rows_text, total_seconds
from proxy.analysis.values.unique_key import page_key
from proxy.findings.model import Finding, impact_of
from proxy.fixes.reads.page_code import seek_order
from proxy.fixes.reads.page_fix import next_page_fix, nulls_risk
from proxy.model import Span, Trace
from proxy.settings_base import Count, Thresholds
from proxy.text.counted import counted


class DeepOffset(Thresholds):
    table = "deep_offset"

    min_offset: Count = Field(
        1000,
        description="FAN012: minimum rows skipped by one read. Below, skipping costs less than the request itself.",
    )


IMPACTS = ((100_000, "CRITICAL"), (20_000, "HIGH"), (5_000, "MEDIUM"))
"""Minimum rows skipped in total per impact; below the last step the impact is LOW."""


@InSteps
def detect(trace: Trace, context: RuleContext[DeepOffset]) -> Iterator[Finding | None]:
    """One finding per fingerprint."""
    least = context.thresholds.min_offset
    for spans in by_fingerprint([span for span in trace.spans if span.offset >= least and is_read(span)]).values():
        yield None
        yield _finding(trace, spans, context)


RULE = Rule(
    code="FAN012",
    name="deep-offset",
    safety="advice",
    document=__doc__,
    thresholds=DeepOffset,
    detect=detect,
)


def _finding(trace: Trace, spans: Sequence[Span], context: RuleContext[DeepOffset]) -> Finding:
    parsed, deepest = parse_fingerprint(spans[0].fingerprint), max(span.offset for span in spans)
    skipped, rows = sum(span.offset for span in spans), rows_text(spans)
    return Finding(
        code=RULE.code,
        impact=impact_of(IMPACTS, skipped),
        confidence="high",
        title=f"{counted(skipped, 'row')} of {parsed.name} read and discarded to return {rows}",
        relation=spans[0].relation,
        fingerprint=spans[0].fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application pages through {parsed.name} by offset: Postgres reads all rows before each page.",
        current=f"{counted(len(spans), 'request')}, offsets up to {deepest}, {rows}"
        f" in {1000 * total_seconds(spans):.0f} ms",
        evidence=(f"{counted(len(spans), 'page')} with an offset, the largest is {deepest}",),
        fix=next_page_fix(parsed, context.facts, _index(parsed, context)),
        expected=f"Each page reads only its own rows, with an index on {_columns(parsed, context)}.",
        risk=f"Pages are read one after another, from a first one on.{nulls_risk(parsed, context.facts)}",
    )


def _columns(parsed: ParsedFingerprint, context: RuleContext[DeepOffset]) -> str:
    key = page_key(parsed, context.facts)
    equal = [one.column for one in parsed.filters if one.operator == "eq"]
    names = dict.fromkeys([*equal, *(order.column for order in seek_order(parsed, key))])
    return ", ".join([*names, *([] if key else ["the primary key"])])


def _index(parsed: ParsedFingerprint, context: RuleContext[DeepOffset]) -> str:
    return f"-- with an index on {' '.join(f'{parsed.name}: {_columns(parsed, context)}'.split())}\n"
