"""FAN007 list-all-to-find-one: a whole list is read, and one of its rows is used.

What it does
------------
Finds reads without limit, and without a filter by a key, that were answered at least
``rules.list_to_find_one.min_rows`` rows, after which the trace asks for the keys of one of these rows and of no other.
That is seen where the keys of answers are remembered (``detect.row_keys``); where they are not, or the answer was too
large for it, a single new value of a filter that is named after the list (``creator_id`` after ``creators``) is taken
for a hint, with less confidence. Lists after which nothing was asked for ``rules.list_to_find_one.max_pause`` seconds,
as where a person picks from one, lists whose keys are asked for in an ``in.(…)``, lists between the writes of a loop
(FAN008), and traces that were not seen to their end, are not judged. What the application does with the other rows,
fanin does not see: hence "probably".

Why it hurts
------------
The database reads, PostgREST writes and the application parses every row, to throw away all but one; and the table
grows. Rows of other people, with their addresses, go where they have no business.

Example
-------
::

    GET /creator_applications?select=status&user_id=eq.207
    then GET /creators?select=*&order=created_at → 60 rows, 25 kB, ids 1;…;60, user_ids 201;…;260
    then GET /monthly_tracking?select=*&creator_id=eq.7

Use instead
-----------
::

    GET /creator_applications?select=status&user_id=eq.207
    then GET /creators?select=*&user_id=eq.207 → 1 rows, ids 7, user_ids 207
    then GET /monthly_tracking?select=*&creator_id=eq.7

Safety
------
Advice: fanin changes nothing. It can be wrong where a page shows the whole list, and one of its rows in full.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec
from pydantic import Field

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.row_use import is_key, known_key_column, names_one_row, rows_used
from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.spans import (
    caller_of,
    group_by,
    is_unbounded_read,
    may_write,
    succeeded,
    total_bytes,
    total_rows,
    total_seconds,
)
from proxy.analysis.volume import format_bytes, plural
from proxy.findings.model import Finding, Fix, impact_of
from proxy.fixes.find_code import find_js, find_name, find_py, find_sql
from proxy.model import Span, Trace
from proxy.settings_base import Positive, Thresholds


class ListToFindOne(Thresholds):
    table = "list_to_find_one"

    min_rows: Annotated[int, Field(ge=2)] = Field(
        50, description="FAN007: rows of a list. Shorter ones are menus and the like, and cost little more than a row."
    )
    max_pause: Positive = Field(
        0.5,
        description="FAN007: a longer time in which nothing is asked after a list: somebody looks at it, and picks.",
    )


IMPACTS = ((200_000, 500, "CRITICAL"), (50_000, 200, "HIGH"), (0, 0, "MEDIUM"))
"""Bytes, or rows, read for nothing from which an impact holds."""


class Use(msgspec.Struct, frozen=True):
    """A list of which one row was used; ``column`` is what it could have been asked for by."""

    span: Span
    column: str
    why: str
    certain: bool


def detect(trace: Trace, context: RuleContext[ListToFindOne]) -> Iterator[Finding]:
    """One finding a fingerprint of which one row was used."""
    if trace.mixed or trace.truncated:
        return
    lists = (span for span in trace.spans if _is_list(span, context.thresholds.min_rows))
    found = filter(None, (_use(trace, span, context.thresholds.max_pause) for span in lists))
    for uses in group_by(found, lambda use: use.span.fingerprint).values():
        yield _finding(trace, uses)


RULE = Rule(
    code="FAN007",
    name="list-all-to-find-one",
    safety="advice",
    document=__doc__,
    thresholds=ListToFindOne,
    detect=detect,
)


def _is_list(span: Span, least: int) -> bool:
    if span.rows < least or not succeeded(span) or not is_unbounded_read(span):
        return False
    narrow = (f.operator in ("eq", "in") and is_key(f.column) for f in parse_fingerprint(span.fingerprint).filters)
    return not any(narrow)


def _use(trace: Trace, listed: Span, pause: float) -> Use | None:
    """What of the list was used, if that was one row."""
    later = [span for span in trace.spans if span.start >= listed.end]
    if min((span.start for span in later), default=listed.end) - listed.end > pause:
        return None
    earlier = [span for span in trace.spans if span.start <= listed.start and span is not listed]
    if not listed.row_keys:
        why = "later requests name one of its rows by its id, and no other"
        return Use(listed, "id", why, certain=False) if names_one_row(listed, earlier, later) else None
    used = rows_used(listed, later)
    if used is None or len(used) != 1 or _written_on(trace, listed, later):
        return None
    (row,) = used
    column = known_key_column(listed, row, earlier)
    if column:
        return Use(listed, column, f"its {column} was known before: an earlier request asked by it", certain=True)
    columns = [name for name, _ in listed.row_keys]
    return Use(listed, "id" if "id" in columns else columns[0], "", certain=True)


def _written_on(trace: Trace, listed: Span, later: Sequence[Span]) -> bool:
    """Whether its row is only the next of a loop of writes, which began before there was such a list (FAN008)."""
    first = min(span.start for span in trace.spans if span.fingerprint == listed.fingerprint)
    before = {span.fingerprint for span in trace.spans if may_write(span) and span.start < first}
    return not rows_used(listed, [span for span in later if span.fingerprint not in before])


def _finding(trace: Trace, uses: Sequence[Use]) -> Finding:
    use = max(uses, key=lambda use: bool(use.why))
    spans = [one.span for one in uses]
    shown = parse_fingerprint(spans[0].fingerprint)
    rows = sum(span.rows - 1 for span in spans)
    size = sum(span.size * (span.rows - 1) // span.rows for span in spans)
    return Finding(
        code=RULE.code,
        impact=impact_of(IMPACTS, size, rows),
        confidence="medium" if use.certain and trace.explicit else "low",
        title=f"All {spans[0].rows} rows of {shown.name}, probably to find one",
        relation=spans[0].relation,
        fingerprint=spans[0].fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application reads the whole list of {shown.name}, and goes on with one row of it.",
        current=f"{plural(len(spans), 'request')}, {total_rows(spans)} rows, "
        f"{format_bytes(total_bytes(spans))} in {1000 * total_seconds(spans):.0f} ms",
        evidence=tuple(_evidence(use, rows, size)),
        fix=Fix(
            sql=find_sql(shown, use.column),
            supabase_js=find_js(shown, use.column),
            supabase_py=find_py(shown, use.column),
        ),
        expected=f"{find_name(shown, use.column)}(…): 1 row instead of {spans[0].rows};"
        f" {rows} rows and {format_bytes(size)} less.",
        risk=f"Where the list is shown as well, it is needed. {use.column} should have an index, and a unique one if it"
        " is to name one row; where the row is known by something else, filter by that.",
    )


def _evidence(use: Use, rows: int, size: int) -> Iterator[str]:
    yield f"{rows} rows and {format_bytes(size)} were read, probably for nothing"
    if use.certain:
        yield "later requests of the trace ask for the keys of one of its rows, and of no other"
    if use.why:
        yield use.why
