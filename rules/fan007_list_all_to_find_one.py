"""FAN007 list-all-to-find-one: a whole list is read, and only one of its rows is used.

What it does
------------
Finds reads without a limit and without a filter by a key that returned at least ``rules.list_to_find_one.min_rows``
rows, if later requests of the trace use the keys of one of these rows and of no other. This needs the keys of answers
(``detect.row_keys``). Without them, or if the answer was too large to keep them, a single new value of a filter that is
named after the list (``creator_id`` after ``creators``) counts as a hint, with lower confidence.

These are not analysed: lists after which the trace makes no request for ``rules.list_to_find_one.max_pause`` seconds
(a person picks a row), lists whose keys are used in an ``in.(…)``, lists between the writes of a loop (FAN008), and
truncated traces. fanin does not see what the application does with the other rows, so the finding says "probably".

Why it hurts
------------
The database reads, PostgREST serializes and the application parses every row, and all but one are discarded. The cost
grows with the table. Personal data of other people, such as addresses, is sent without need.

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
Advice: fanin changes nothing. The finding is wrong if a page shows the whole list and the details of one row.
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
from proxy.findings.model import Finding, impact_of
from proxy.fixes.find_code import find_js, find_name, find_py, find_sql
from proxy.fixes.printable import printable_fix
from proxy.model import Span, Trace
from proxy.settings_base import Positive, Thresholds


class ListToFindOne(Thresholds):
    table = "list_to_find_one"

    min_rows: Annotated[int, Field(ge=2)] = Field(
        50, description="FAN007: minimum rows of the list. Shorter lists, such as menus, cost little more than one row."
    )
    max_pause: Positive = Field(
        0.5,
        description="FAN007: after a longer pause that follows the list, a person has probably picked the row.",
    )


IMPACTS = ((200_000, 500, "CRITICAL"), (50_000, 200, "HIGH"), (0, 0, "MEDIUM"))
"""Minimum bytes, or minimum rows, read without use per impact."""


class Use(msgspec.Struct, frozen=True):
    """A list of which one row was used; a filter on ``column`` would have returned that row alone."""

    span: Span
    column: str
    why: str
    certain: bool


def detect(trace: Trace, context: RuleContext[ListToFindOne]) -> Iterator[Finding]:
    """One finding per fingerprint of lists with one used row."""
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
    """The used row of the list; None if more rows were used, or none."""
    later = [span for span in trace.spans if span.start >= listed.end]
    if min((span.start for span in later), default=listed.end) - listed.end > pause:
        return None
    earlier = [span for span in trace.spans if span.start <= listed.start and span is not listed]
    if not listed.row_keys:
        why = "later requests filter by the id of one of its rows, and of no other"
        return Use(listed, "id", why, certain=False) if names_one_row(listed, earlier, later) else None
    used = rows_used(listed, later)
    if used is None or len(used) != 1 or _written_on(trace, listed, later):
        return None
    (row,) = used
    column = known_key_column(listed, row, earlier)
    if column:
        return Use(listed, column, f"its {column} was known before: an earlier request filters by it", certain=True)
    columns = [name for name, _ in listed.row_keys]
    return Use(listed, "id" if "id" in columns else columns[0], "", certain=True)


def _written_on(trace: Trace, listed: Span, later: Sequence[Span]) -> bool:
    """Whether only a loop of writes, which began before the first such list, uses the row (FAN008)."""
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
        problem=f"The application reads the whole list of {shown.name} and continues with one row of it.",
        current=f"{plural(len(spans), 'request')}, {total_rows(spans)} rows, "
        f"{format_bytes(total_bytes(spans))} in {1000 * total_seconds(spans):.0f} ms",
        evidence=tuple(_evidence(use, rows, size)),
        fix=printable_fix(
            [shown],
            lambda: find_sql(shown, use.column),
            lambda: find_js(shown, use.column),
            lambda: find_py(shown, use.column),
        ),
        expected=f"{find_name(shown, use.column)}(…): 1 row instead of {spans[0].rows};"
        f" {rows} rows and {format_bytes(size)} less.",
        risk=f"If a page also shows the list, the list is needed. {use.column} should have an index, a unique one if it"
        " identifies one row. If another column identifies the row, filter by that one.",
    )


def _evidence(use: Use, rows: int, size: int) -> Iterator[str]:
    yield f"{rows} rows and {format_bytes(size)} were read, probably without use"
    if use.certain:
        yield "later requests of the trace use the keys of one of its rows, and of no other"
    if use.why:
        yield use.why
