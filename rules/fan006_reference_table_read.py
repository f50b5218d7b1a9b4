"""FAN006 reference-table-read: a small table that never changes, read again by every request.

What it does
------------
Finds, over the whole workload, reads of a table or view without any value in their filters, that were made in at least
``rules.reference_read.min_traces`` traces and answered the same number of rows each time, at most
``rules.reference_read.max_rows``, while fanin saw no write to that relation. What is written past fanin it does not
see, and neither does it compare rows: hence "probably".

Why it hurts
------------
Rates, packages and categories change once a month and are read on nearly every page: a round trip, a connection and a
transaction each, for the same few rows. They are often read first, so that everything else waits for them.

Example
-------
::

    25 × GET /video_rates?select=* → 5 rows, 1 kB

Use instead
-----------
::

    1 × GET /video_rates?select=* → 5 rows, 1 kB

kept in the process for some minutes, and forgotten when the application itself writes the table.

Safety
------
Advice: fanin changes nothing. A copy that is kept is old for as long as it is kept: what must be right at once (stock,
permissions) is no reference.
"""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from proxy.analysis.fingerprint import ParsedFingerprint, parse_fingerprint
from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.volume import format_bytes
from proxy.analysis.workload import Usage, Workload
from proxy.findings.model import Finding, Fix, impact_of
from proxy.fixes.cache_code import MAX_AGE, cached_js, cached_py
from proxy.fixes.sql.read import read_sql
from proxy.settings_base import Count, Thresholds


class ReferenceRead(Thresholds):
    table = "reference_read"

    min_traces: Annotated[int, Field(ge=2)] = Field(
        20, description="FAN006: traces that read it. Fewer do not show that nearly all do."
    )
    max_rows: Count = Field(100, description="FAN006: its rows. More are data, and have filters that are missing here.")


IMPACTS = ((0.2, "HIGH"), (0.05, "MEDIUM"))
"""Shares of all requests from which an impact holds; below the last it is LOW."""


def inspect(workload: Workload, context: RuleContext[ReferenceRead]) -> Iterator[Finding]:
    """One finding a fingerprint."""
    if len(workload.writes) >= workload.limit:
        return  # which other relations are written to is not known any more
    requests = sum(usage.calls for usage in workload)
    for usage in workload:
        shown = parse_fingerprint(usage.fingerprint)
        if _is_whole(shown) and _is_reference(usage, context.thresholds) and not _is_written(usage, workload):
            yield _finding(shown, usage, requests)


RULE = Rule(
    code="FAN006",
    name="reference-table-read",
    safety="advice",
    document=__doc__,
    thresholds=ReferenceRead,
    inspect=inspect,
)


def _is_written(usage: Usage, workload: Workload) -> bool:
    """Older recordings have a schema only where a client named it: what has none may be any schema's."""
    asked, name = usage.relation, usage.relation.rpartition(".")[2]
    return any(one in (asked, name) or (asked == name and one.endswith(f".{name}")) for one in workload.writes)


def _is_whole(shown: ParsedFingerprint) -> bool:
    """Whether every request of the kind asks for the same rows: nothing in it varies."""
    fixed = all(f.operator.removeprefix("not.").startswith("is.") for f in shown.filters)
    return shown.method == "GET" and fixed and not any("?" in param for param in shown.rest)


def _is_reference(usage: Usage, bounds: ReferenceRead) -> bool:
    small = 0 < usage.most_rows <= bounds.max_rows and usage.rows == usage.most_rows * (usage.calls - usage.failed)
    return small and usage.traces >= bounds.min_traces


def _finding(shown: ParsedFingerprint, usage: Usage, requests: int) -> Finding:
    share = usage.calls / requests
    rows, often = usage.most_rows, usage.calls
    return Finding(
        code=RULE.code,
        impact=impact_of(IMPACTS, share),
        confidence="medium",
        title=f"The {rows} rows of {shown.name} were read {often} times, and never written",
        relation=usage.relation,
        fingerprint=usage.fingerprint,
        route="",
        caller=usage.caller,
        problem=f"The application asks for {shown.name} again and again, which probably never changes.",
        current=f"{often} requests in {usage.traces} traces, {format_bytes(usage.size)}, {usage.seconds:.2f} s;"
        f" {100 * share:.0f} % of all requests",
        evidence=(
            f"{rows} rows each time, without a value in the filters",
            f"no write to {shown.name} was seen",
            *([f"read by {', '.join(usage.routes)}"] if usage.routes else []),
        ),
        fix=Fix(sql=read_sql(shown), supabase_js=cached_js(shown), supabase_py=cached_py(shown)),
        expected=f"At most one request in {MAX_AGE // 60} minutes and process, instead of one a page.",
        risk=f"For up to {MAX_AGE // 60} minutes a process shows what was there before. Where policies give different"
        " callers different rows, keep a copy for each, or none.",
    )
