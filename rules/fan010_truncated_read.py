"""FAN010 truncated-read: an answer that PostgREST truncated, and no later request for the rest.

What it does
------------
Finds reads of tables and views without limit, offset or Range that returned exactly PostgREST's ``db-max-rows`` rows,
if no later request of the trace asked for more (an offset, a Range, or a keyset). Reads with a limit above the rows
returned are found too: PostgREST lowers it to ``db-max-rows``; and pages whose next page begins only where their limit
ends: the rows in between are in no page. Reads with a limit are not found if an exact count says that no row lacks, or
if they continue after a value of the column that they are ordered by. fanin takes ``db-max-rows`` from
``merge.max_rows``, or learns it from answers with an exact count. While it is unknown,
``rules.truncated_read.min_answers`` different reads with the same round number of rows, and no answer with more, count
as a hint, with lower confidence. An answer with as many rows as a list (``in``) has values is not reported. The code of
the fix needs the table's primary key, which fanin knows with ``db_uri`` or ``detect.openapi``.

Why it hurts
------------
PostgREST truncates without an error: the answer is a 200 with fewer rows. Totals are too low, rows are missing from
exports, and jobs skip rows. It begins when the table grows beyond ``db-max-rows`` (1000 on Supabase), long after the
code was tested.

Example
-------
::

    GET /videos?select=*&status=eq.draft → 1000 rows
    GET /videos?select=*&status=eq.published → 1000 rows

Use instead
-----------
::

    GET /videos?select=*&status=eq.draft&order=id&limit=1000 → 1000 rows
    GET /videos?select=*&status=eq.draft&id=gt.8714&order=id&limit=1000 → 312 rows

Safety
------
Advice: fanin changes nothing. The finding is wrong if the table has exactly that number of rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from proxy.analysis.fingerprint import UNPARSED, ParsedFingerprint, parse_fingerprint
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.spans import by_fingerprint, caller_of, is_read, total_bytes, total_seconds, unbounded_reads
from proxy.analysis.steps import Steps
from proxy.findings.model import Finding
from proxy.fixes.reads.page_fix import all_pages_fix, nulls_risk
from proxy.model import Span, Trace
from proxy.settings_base import Count, Thresholds
from proxy.text.counted import counted


class TruncatedRead(Thresholds):
    table = "truncated_read"

    min_answers: Annotated[int, Field(ge=2)] = Field(
        2, description="FAN010: minimum different reads with the same round number of rows, while max-rows is unknown."
    )
    round_to: Count = Field(100, description="FAN010: row counts that are multiples of this are round.")


PAST = ("gt", "gte", "lt", "lte")
"""Operators of a keyset."""


@InSteps
def detect(trace: Trace, context: RuleContext[TruncatedRead]) -> Iterator[Finding | None]:
    """One finding per fingerprint with an answer that was probably truncated."""
    if trace.mixed:
        return
    if True not in {span.cut for span in trace.spans} and not _most_rows(trace.spans, context.thresholds):
        return
    # A list with as many values as the answer has rows was most likely found whole: one row for each value.
    full = [span for span in trace.spans if span.rows > 0 and span.rows != span.listed]
    whole = yield from unbounded_reads(full)
    whole += yield from _below_their_limit(full)
    suspects = [span for span in whole if span.cut] or _hinted(whole, trace.spans, context.thresholds)
    further = (yield from _further_pages(trace.spans)) if suspects else {}
    cut = []
    for span in suspects:
        yield None
        if not _is_continued(span, further.get(span.relation, {})):
            cut.append(span)
    for spans in by_fingerprint(cut).values():
        yield None
        yield _finding(trace, spans, len({span.same for span in suspects}), context)


RULE = Rule(
    code="FAN010",
    name="truncated-read",
    safety="advice",
    document=__doc__,
    thresholds=TruncatedRead,
    detect=detect,
    reads=("rows",),
)


def _below_their_limit(spans: Iterable[Span]) -> Steps[list[Span]]:
    """The reads whose limit is above their rows, and that are no page after a key. Of pages by an offset, those after
    which rows are left out.
    """
    found: list[Span] = []
    for fingerprint, alike in by_fingerprint(span for span in spans if _is_below_its_limit(span)).items():
        yield
        if not _continues(parse_fingerprint(fingerprint)):
            left_out = any(later - span.offset > span.rows for span, later in _next_offsets(alike))
            found += [span for span in alike if left_out or not span.offset]
    return found


def _is_below_its_limit(span: Span) -> bool:
    below = span.limit is not None and span.limit > span.rows and not 0 <= span.total <= span.offset + span.rows
    known = span.bypass_reason != "range" or bool(span.offset)
    return below and known and span.cut is not False and is_read(span)


def _next_offsets(pages: Iterable[Span]) -> Iterator[tuple[Span, int]]:
    """Pages, each with the offset of the next one."""
    at = {span.offset: span for span in pages}
    return ((at[first], later) for first, later in pairwise(sorted(at)))


def _continues(parsed: ParsedFingerprint) -> bool:
    """Whether the read starts after a value of the column that it is ordered by; an interval has two ends, and is none.

    True if the query was not parsed.
    """
    first = parsed.order[0].column if parsed.order else ""
    past = [condition for condition in parsed.filters if condition.column == first and condition.operator in PAST]
    return len(past) == 1 or UNPARSED in parsed.rest


def _hinted(whole: Sequence[Span], spans: Iterable[Span], bounds: TruncatedRead) -> list[Span]:
    """Different reads with the same round number of rows, if max-rows is unknown and no answer has more rows."""
    most = _most_rows(spans, bounds)
    alike = [span for span in whole if span.rows == most and span.cut is None]
    return alike if most and len({span.same for span in alike}) >= bounds.min_answers else []


def _most_rows(spans: Iterable[Span], bounds: TruncatedRead) -> int:
    """The most rows of an answer, if that is a round number; else 0."""
    most = max([span.rows for span in spans if span.method == "GET" and span.relation], default=0)
    return 0 if most < bounds.round_to or most % bounds.round_to else most


Pages = dict[int, float]
"""By the first row of a further page, the start of the last request for it. ``ANY_ROW``: the row is not known."""
ANY_ROW = 0


def _further_pages(spans: Iterable[Span]) -> Steps[dict[str, Pages]]:
    """The requests for a further page, by relation."""
    found: dict[str, Pages] = {}
    for fingerprint, alike in by_fingerprint(spans).items():
        yield
        parsed = parse_fingerprint(fingerprint)
        keyset = "limit=?" in parsed.rest and any(condition.operator in PAST for condition in parsed.filters)
        for span in alike:
            if keyset or span.offset or span.bypass_reason == "range":
                pages = found.setdefault(span.relation, {})
                first = ANY_ROW if keyset else span.offset
                pages[first] = max(span.start, pages.get(first, span.start))
    return found


def _is_continued(span: Span, further: Pages) -> bool:
    """Whether a later request asks for the row after the last one of ``span``, or for one before that."""
    first, after = span.offset + 1, span.offset + span.rows
    starts = (start for row, start in further.items() if row == ANY_ROW or first <= row <= after)
    return any(start >= span.end for start in starts)


def _finding(trace: Trace, spans: Sequence[Span], alike: int, context: RuleContext[TruncatedRead]) -> Finding:
    parsed, rows, known = parse_fingerprint(spans[0].fingerprint), spans[0].rows, bool(spans[0].cut)
    limit = min([span.limit for span in spans if span.limit is not None], default=0)
    answer = "Each page" if any(span.offset for span in spans) else "An answer"
    return Finding(
        code=RULE.code,
        impact="HIGH" if known else "MEDIUM",
        confidence="high" if known and trace.explicit else "medium",
        title=f"{answer} of {parsed.name} probably lacks the rows after the first {rows}",
        relation=spans[0].relation,
        fingerprint=spans[0].fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application asks for {f'up to {limit}' if limit else 'all'} rows of {parsed.name}, and PostgREST"
        " truncates at db-max-rows without an error.",
        current=f"{counted(len(spans), 'request')} {f'with a limit of {limit}' if limit else 'without a limit'},"
        f" {rows} rows each, {total_bytes(spans)} bytes in {1000 * total_seconds(spans):.0f} ms",
        evidence=tuple(_evidence(spans, limit, alike, known)),
        fix=all_pages_fix(parsed, context.facts, rows),
        expected=f"All rows, in pages of {rows}: one more request per {rows} rows.",
        risk=f"{f'If no more than {limit} rows are wanted, end there. ' if limit else ''}"
        "Each page is read at its own moment. If the rows are only counted or added up, let the database do it. A"
        " larger db-max-rows (Supabase: API settings, Max rows) only delays the problem."
        + nulls_risk(parsed, context.facts),
    )


def _evidence(spans: Sequence[Span], limit: int, alike: int, known: bool) -> Iterator[str]:
    """``limit`` is 0 without one; ``alike`` is the number of different reads with so many rows."""
    rows = spans[0].rows
    if known:
        yield f"exactly {rows} rows returned, which is PostgREST's db-max-rows"
    else:
        yield f"{alike} different reads returned exactly {rows} rows, and none more: probably db-max-rows"
    pages = sorted({span.offset for span in spans if span.offset})
    if pages:
        yield f"a page begins at row {pages[0]}; the rows before it, after the {rows} of the page before, are in none"
    if limit:
        yield f"the limit of {limit} is above these {rows} rows: PostgREST lowers such a limit to db-max-rows"
    yield "no later request of the trace asks for the rows after them (offset, Range or keyset)"
