"""FAN006 reference-table-read: nearly every request reads the same small table, which probably never changes.

What it does
------------
Finds, over the whole workload, reads of a table or view without a value in their filters. The reads were made in at
least ``rules.reference_read.min_traces`` traces, each returned the same number of rows, at most
``rules.reference_read.max_rows``, all were of one caller, and fanin saw no write to that relation. If several callers
(different tokens or other headers) read it, policies may give each of them other rows, and nothing is reported. fanin
does not see writes that bypass it, and does not compare rows, so the finding says "probably".

Why it hurts
------------
Rates, packages and categories change about once a month and are read on nearly every page. Each read costs a round
trip, a connection and a transaction for the same few rows. They are often read first, so that all other reads wait.

Example
-------
::

    25 × GET /video_rates?select=* → 5 rows, 1 kB

Use instead
-----------
::

    1 × GET /video_rates?select=* → 5 rows, 1 kB

cached in the process for some minutes, and invalidated when the application itself writes to the table.

Safety
------
Unsafe: ``rules.fan006 = "rewrite"`` keeps whole answers, by identity, and answers equal requests from them. An answer
is then at most ``cache.fresh`` + ``cache.stale_while_revalidate`` seconds old, and never older than a write seen by
this fanin. Writes that bypass it are not seen, unless triggers tell of them (``fanin cache triggers``): do not cache
data that must always be current (stock, permissions).
"""

from collections.abc import Iterator, Set
from typing import Annotated

from msgspec.structs import replace
from pydantic import Field

from proxy.analysis.estimates.cache_estimate import FRESH
from proxy.analysis.fingerprint import UNPARSED, ParsedFingerprint, parse_fingerprint
from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.volume import format_bytes
from proxy.analysis.workload import Usage, Workload
from proxy.findings.model import Finding, impact_of
from proxy.fixes.clients.printable import printable_fix
from proxy.fixes.reads.cache_code import MAX_AGE, cached_js, cached_py
from proxy.fixes.sql.read import read_sql
from proxy.settings_base import Count, Thresholds
from proxy.text.counted import counted


class ReferenceRead(Thresholds):
    table = "reference_read"

    min_traces: Annotated[int, Field(ge=2)] = Field(
        20, description="FAN006: minimum traces that read the table. Fewer do not show that most traces do."
    )
    max_rows: Count = Field(
        100,
        description="FAN006: maximum rows of the table. A larger table is not reference data; its reads lack a filter.",
    )


IMPACTS = ((0.2, "HIGH"), (0.05, "MEDIUM"))
"""Minimum share of all requests per impact; below the last step the impact is LOW."""


@InSteps
def inspect(workload: Workload, context: RuleContext[ReferenceRead]) -> Iterator[Finding | None]:
    """One finding per fingerprint."""
    if len(workload.writes) >= workload.limit:
        return  # the list of written relations is full, so it may lack this one
    requests = sum(usage.calls for usage in workload)
    written = set(workload.writes) | {relation.rpartition(".")[2] for relation in workload.writes}
    for usage in tuple(workload):
        if not _is_reference(usage, context.thresholds):
            continue
        yield None
        parsed = replace(parse_fingerprint(usage.fingerprint), media=usage.media)
        if _is_whole(parsed) and not _is_written(usage, workload, written):
            yield _finding(parsed, usage, requests)


RULE = Rule(
    code="FAN006",
    name="reference-table-read",
    safety="unsafe",
    document=__doc__,
    thresholds=ReferenceRead,
    can_rewrite=True,
    inspect=inspect,
    reads=("rows",),
)


def _is_written(usage: Usage, workload: Workload, written: Set[str]) -> bool:
    """In older recordings a relation has a schema only if the client named one; without one it may be in any schema.

    ``written`` are the written relations, also without their schemas.
    """
    asked, name = usage.relation, usage.relation.rpartition(".")[2]
    return name in written if asked == name else asked in workload.writes or name in workload.writes


def _is_whole(parsed: ParsedFingerprint) -> bool:
    """Whether all requests with the fingerprint ask for the same rows: it has no literal that varies."""
    fixed = all(f.operator.removeprefix("not.").startswith("is.") for f in parsed.filters)
    return parsed.method == "GET" and fixed and not any("?" in param or param == UNPARSED for param in parsed.rest)


def _is_reference(usage: Usage, bounds: ReferenceRead) -> bool:
    small = 0 < usage.most_rows <= bounds.max_rows and usage.rows == usage.most_rows * (usage.calls - usage.failed)
    return small and usage.one_identity and usage.traces >= bounds.min_traces


def _simulated(usage: Usage) -> Iterator[str]:
    """What ``rules.fan006 = "rewrite"`` would have answered of what was seen."""
    cache = usage.cache
    if not cache.hits:
        return
    share = f"{100 * cache.hits / usage.calls:.0f} %"
    saved = f"{format_bytes(cache.size)} and {1000 * cache.seconds:.0f} ms"
    text = f'rules.fan006 = "rewrite" with cache.fresh = {FRESH:.0f}: {cache.hits} of {usage.calls} requests ({share})'
    text += f" would have been answered from the cache, saving {saved}"
    if cache.hits_without_catalog < cache.hits:
        text += f"; without db_uri {cache.hits_without_catalog}, because each write to any table drops every answer"
    yield text


def _finding(parsed: ParsedFingerprint, usage: Usage, requests: int) -> Finding:
    share = usage.calls / requests
    rows, often = usage.most_rows, usage.calls
    return Finding(
        code=RULE.code,
        impact=impact_of(IMPACTS, share),
        confidence="medium",
        title=f"{counted(rows, 'row')} of {parsed.name}, read {counted(often, 'time')} and never written",
        relation=usage.relation,
        fingerprint=usage.fingerprint,
        route="",
        caller=usage.caller,
        problem=f"The application reads {parsed.name} repeatedly, although it probably never changes.",
        current=f"{counted(often, 'request')} in {counted(usage.traces, 'trace')}, {format_bytes(usage.size)},"
        f" {usage.seconds:.2f} s;"
        f" {100 * share:.0f} % of all requests",
        evidence=(
            f"{counted(rows, 'row')} each time, no value in the filters, and one caller",
            f"fanin saw no write to {parsed.name}",
            *_simulated(usage),
            *([f"read by {', '.join(usage.routes)}"] if usage.routes else []),
        ),
        fix=printable_fix([parsed], lambda: read_sql(parsed), lambda: cached_js(parsed), lambda: cached_py(parsed)),
        expected=f"At most one request in {MAX_AGE // 60} minutes per process, instead of one per page.",
        risk=f"For up to {MAX_AGE // 60} minutes a process may use old rows. If later callers have other"
        " identities, policies may give them other rows: then cache one copy per caller, or none.",
    )
