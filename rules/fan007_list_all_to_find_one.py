"""FAN007 list-all-to-find-one: a whole list is read, and only one of its rows is used.

What it does
------------
Finds reads without a filter by a key that returned at least ``rules.list_to_find_one.min_rows`` rows, or with a limit
at least ``rules.list_to_find_one.min_limited_rows`` (a longer page is for a program, not for a person), if later
requests of the trace use the keys of one of these rows and of no other. This needs the keys of answers
(``detect.row_keys``); a UUID is a key in a filter on any column, a number only in ``id`` and in a column with the same
name or named after the table: for ``gym_classes``, ``gym_class_id``, or ``class_id`` if the value is new, the list has
no such column, and the trace has no other table such as ``classes``. Without keys of answers, or if the answer was too
large to keep them, a single new value of a filter that is named after the list (``creator_id``, ``creator_code`` or
``creator_slug`` after ``creators``) counts as a hint, with lower confidence, if the list has no limit. A value that a
filter had before the list was not found in it.

These are not analysed: lists after which the trace makes no request for ``rules.list_to_find_one.max_pause`` seconds (a
person picks a row), lists whose keys are used in an ``in.(…)``, lists between the writes of a loop (FAN008), and
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

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import partial
from typing import Annotated

import msgspec
from pydantic import Field

from proxy.analysis.fingerprint import BOUNDS, ParsedFingerprint, parse_fingerprint
from proxy.analysis.patterns.moving_bounds import RANGES
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.spans import (
    by_fingerprint,
    caller_of,
    group_by,
    is_read,
    may_write,
    succeeded,
    total_bytes,
    total_rows,
    total_seconds,
    unbounded_reads,
)
from proxy.analysis.steps import Steps
from proxy.analysis.values.row_use import KeyUse, is_key
from proxy.analysis.values.unique_key import finds_one, row_key
from proxy.analysis.volume import format_bytes
from proxy.findings.model import Finding, impact_of
from proxy.fixes.reads.find_code import find_fix, find_name
from proxy.model import Span, Trace
from proxy.settings_base import Positive, Thresholds
from proxy.text.counted import counted


class ListToFindOne(Thresholds):
    table = "list_to_find_one"

    min_rows: Annotated[int, Field(ge=2)] = Field(
        50, description="FAN007: minimum rows of the list. Shorter lists, such as menus, cost little more than one row."
    )
    min_limited_rows: Annotated[int, Field(ge=2)] = Field(
        200, description="FAN007: minimum rows of a list with a limit. A page that a person reads is shorter."
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
    """Empty if no column is known to have the row alone."""
    why: str
    certain: bool


@InSteps
def detect(trace: Trace, context: RuleContext[ListToFindOne]) -> Iterator[Finding | None]:
    """One finding per fingerprint of lists with one used row."""
    if trace.mixed or trace.truncated:
        return
    lists = yield from _lists(trace.spans, context.thresholds)
    if not lists:
        return
    uses = yield from KeyUse.of(trace.spans)
    writes = _first_starts(span for span in trace.spans if may_write(span))
    firsts, found = _first_starts(trace.spans), []
    for listed in lists:
        yield None
        counts = partial(_begins_after, writes, firsts[listed.fingerprint])
        use = _use(listed, uses, counts, context)
        if use is not None:
            found.append(use)
    for alike in group_by(found, lambda use: use.span.fingerprint).values():
        yield None
        yield _finding(trace, alike)


RULE = Rule(
    code="FAN007",
    name="list-all-to-find-one",
    safety="advice",
    document=__doc__,
    thresholds=ListToFindOne,
    detect=detect,
    reads=("rows",),
)


def _lists(spans: Sequence[Span], bounds: ListToFindOne) -> Steps[list[Span]]:
    large = [span for span in spans if span.rows >= bounds.min_rows and succeeded(span)]
    found = yield from unbounded_reads(large)
    limited = yield from _limited(spans, {span.fingerprint for span in large if span.rows >= bounds.min_limited_rows})
    found += [s for s in limited if s.rows >= bounds.min_limited_rows and s.row_keys and succeeded(s)]
    lists: list[Span] = []
    for fingerprint, alike in by_fingerprint(found).items():
        yield
        filters = parse_fingerprint(fingerprint).filters
        if not any(f.operator in ("eq", "in") and is_key(f.column) for f in filters):
            lists += alike
    return lists


def _limited(spans: Sequence[Span], fingerprints: Set[str]) -> Steps[list[Span]]:
    """The reads with a limit and one of ``fingerprints`` that are no page of several."""
    found: list[Span] = []
    limited = [span for span in spans if span.limit is not None and span.fingerprint in fingerprints and is_read(span)]
    for fingerprint, alike in by_fingerprint(limited).items():
        yield
        ranges = any(f.operator in RANGES for f in parse_fingerprint(fingerprint).filters)
        if not ranges and len({span.same for span in alike}) == 1 and not alike[0].offset:
            found += alike
    return found


def _first_starts(spans: Iterable[Span]) -> dict[str, float]:
    """Per fingerprint, the start of its first request."""
    return {fingerprint: min(span.start for span in alike) for fingerprint, alike in by_fingerprint(spans).items()}


def _begins_after(writes: Mapping[str, float], first: float, fingerprint: str) -> bool:
    """Whether the requests with a fingerprint are no writes that began before ``first``."""
    return writes.get(fingerprint, first) >= first


def _use(listed: Span, uses: KeyUse, counts: Callable[[str], bool], context: RuleContext[ListToFindOne]) -> Use | None:
    """The used row of the list; None if more rows were used, or none.

    ``counts`` is False for the fingerprints of writes that began before the first such list: if only these use the row,
    it is a loop (FAN008).
    """
    later = bisect_left(uses.starts, listed.end)
    if later < len(uses.starts) and uses.starts[later] - listed.end > context.thresholds.max_pause:
        return None
    key = row_key(parse_fingerprint(listed.fingerprint), context.facts)
    if not listed.row_keys:
        why = "later requests filter by the key of one of its rows, and of no other"
        return Use(listed, key, why, certain=False) if uses.names_one_row(listed) else None
    used = uses.rows_used(listed)
    if used is None or len(used) != 1 or not uses.rows_used(listed, counts, new=True):
        return None
    (row,) = used
    column = uses.known_key_column(listed, row)
    if column and finds_one(parse_fingerprint(listed.fingerprint), column, context.facts):
        return Use(listed, column, f"its {column} was known before: an earlier request filters by it", certain=True)
    alone = [
        name
        for name, hashes in listed.row_keys
        if hashes.count(hashes[row]) == 1 and finds_one(parse_fingerprint(listed.fingerprint), name, context.facts)
    ]
    return Use(listed, next((name for name in (key, "id") if name in alone), (*alone, "")[0]), "", certain=True)


def _finding(trace: Trace, uses: Sequence[Use]) -> Finding:
    use = max(uses, key=lambda use: bool(use.why))
    spans = [one.span for one in uses]
    parsed = parse_fingerprint(spans[0].fingerprint)
    rows = sum(span.rows - 1 for span in spans)
    size = sum(span.size * (span.rows - 1) // span.rows for span in spans)
    return Finding(
        code=RULE.code,
        impact=impact_of(IMPACTS, size, rows),
        confidence="medium" if use.certain and trace.explicit else "low",
        title=f"{'The first' if spans[0].limit else 'All'} {spans[0].rows} rows of {parsed.name}, probably to find one",
        relation=spans[0].relation,
        fingerprint=spans[0].fingerprint,
        route=trace.route,
        caller=caller_of(spans),
        problem=f"The application reads the whole list of {parsed.name} and continues with one row of it.",
        current=f"{counted(len(spans), 'request')}, {total_rows(spans)} rows, "
        f"{format_bytes(total_bytes(spans))} in {1000 * total_seconds(spans):.0f} ms",
        evidence=tuple(_evidence(use, rows, size)),
        fix=find_fix(_without_limit(parsed), use.column),
        expected=f"{f'{find_name(parsed, use.column)}(…): ' if use.column else ''}1 row instead of {spans[0].rows};"
        f" {counted(rows, 'row')} and {format_bytes(size)} less.",
        risk=f"If a page also shows the list, the list is needed. {use.column or 'The column'} should have an index, a"
        " unique one if it identifies one row. If another column identifies the row, filter by that one.",
    )


def _without_limit(parsed: ParsedFingerprint) -> ParsedFingerprint:
    """The row that is wanted needs no limit, and may not be among the first."""
    rest = tuple([param for param in parsed.rest if param not in BOUNDS])
    return msgspec.structs.replace(parsed, rest=rest)


def _evidence(use: Use, rows: int, size: int) -> Iterator[str]:
    yield f"{counted(rows, 'row')} and {format_bytes(size)} were read, probably without use"
    if use.certain:
        yield "later requests of the trace use the keys of one of its rows, and of no other"
    if use.why:
        yield use.why
