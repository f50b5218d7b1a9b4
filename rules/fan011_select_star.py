"""FAN011 select-star: a read asks for all columns, although the code probably uses a few.

What it does
------------
Finds reads that name no columns (``select=*``, or none) and moved at least ``rules.select_star.min_bytes`` within one
trace. fanin does not see which columns the code uses: the finding states what was sent, for you to decide. With
``db_uri`` or ``detect.openapi`` fanin knows the columns, and the code of the fix names all of them: leave out what
the code does not read.

Why it hurts
------------
Wide columns (notes, addresses, JSON) are read from disk, often from TOAST, converted to JSON, sent and parsed without
need. With fewer columns, an index-only scan may be enough. A column that is added later, perhaps with secrets, is sent
to every caller without a change of code.

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

from proxy.analysis.answer_shape import as_asked, shape_risk
from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.spans import by_fingerprint, caller_of, is_read, total_bytes, total_rows
from proxy.analysis.volume import format_bytes, volume_impact
from proxy.findings.model import Finding
from proxy.fixes.reads.narrow_code import narrow_fix, starred
from proxy.model import Span, Trace
from proxy.settings_base import Count, Thresholds
from proxy.text.counted import counted


class SelectStar(Thresholds):
    table = "select_star"

    min_bytes: Count = Field(
        50_000,
        description="FAN011: minimum bytes of reads without named columns in one trace. Below, the gain is small.",
    )


@InSteps
def detect(trace: Trace, context: RuleContext[SelectStar]) -> Iterator[Finding | None]:
    """One finding per fingerprint."""
    found = [span for span in trace.spans if span.rows > 0 and is_read(span)]
    for fingerprint, spans in by_fingerprint(found).items():
        yield None
        size = total_bytes(spans)
        if size >= context.thresholds.min_bytes and starred(parse_fingerprint(fingerprint)):
            yield _finding(trace, spans, size, context)


RULE = Rule(
    code="FAN011",
    name="select-star",
    safety="advice",
    document=__doc__,
    thresholds=SelectStar,
    detect=detect,
    reads=("rows",),
)


def _finding(trace: Trace, spans: Sequence[Span], size: int, context: RuleContext[SelectStar]) -> Finding:
    parsed, rows = as_asked(parse_fingerprint(spans[0].fingerprint), spans), total_rows(spans)
    names = " and ".join(starred(parsed))
    fix = narrow_fix(parsed, context.facts)
    return Finding(
        code=RULE.code,
        impact=volume_impact(size, 0),
        confidence="medium",
        title=f"All columns of {names}: {format_bytes(size)} for {counted(rows, 'row')}",
        relation=spans[0].relation,
        fingerprint=spans[0].fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application asks for every column of {names}, also for those that it does not use.",
        current=f"{counted(len(spans), 'request')}, {counted(rows, 'row')}, {format_bytes(size)}:"
        f" {size // rows} bytes per row",
        evidence=(f"select={parsed.select}: every column of {names} is sent, also those that are added later",),
        fix=fix,
        expected=f"The columns of {counted(rows, 'row')} that are not named are not read, sent or parsed.",
        risk="Code that uses a column which is not named gets undefined (JavaScript) or a KeyError (Python); generated"
        f" types find this before the code runs.{shape_risk(spans, fix)}",
    )
