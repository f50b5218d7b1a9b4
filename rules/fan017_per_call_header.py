"""FAN017 per-call-header: similar reads share no call, only because a request header is new in each of them.

What it does
------------
Finds, over the whole workload, request headers that were different in each of several similar reads in flight at the
same time, while everything else that PostgREST could see was equal. fanin names a header after 20 such reads; the rule
needs ``rules.per_call_header.min_reads`` more of them. fanin looks at headers while it runs and keeps hashes of their
values, so that only names are told. Headers on which access depends (tokens, cookies, forwarding headers) are never
named, and those of tracing systems need no setting.

Why it hurts
------------
SQL can read each header, so that reads with different ones may have different answers, and fanin sends each of them
alone. A client library or a gateway that gives each call an id of its own turns merging off without anybody noticing.

Example
-------
::

    24 × GET /creators?select=handle&id=eq.1 → 1 rows, x-call differs

Use instead
-----------
::

    24 × GET /creators?select=handle&id=eq.1 → 1 rows

which are the same reads after ``identity.also_neutral`` names the header: they share calls.

Safety
------
Advice: fanin changes nothing until the setting is made. Look first whether SQL reads the header
(``current_setting('request.headers', true)`` in a policy, a function or a view): the merged call has the header of one
of the callers.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field

from proxy.analysis.rule import InSteps, Rule, RuleContext
from proxy.analysis.workload import Usage, Workload
from proxy.findings.model import DatabaseObject, Finding, Fix, impact_of
from proxy.settings_base import Count, Thresholds


class PerCallHeader(Thresholds):
    table = "per_call_header"

    min_reads: Count = Field(
        5,
        description="FAN017: minimum reads that shared no call because of the header, after the 20 by which fanin "
        "recognized that it is new in each call.",
    )


MOST = 5
"""Maximum queries in the evidence, those with the most reads."""
HOUR = 3600.0
IMPACTS = ((600.0, "HIGH"), (60.0, "MEDIUM"))
"""Minimum reads per hour per impact. Less than an hour of traffic counts as an hour."""

Reads = Mapping[str, Sequence[tuple[int, Usage]]]
"""By header names: the number of reads that differ in them, and their query."""


@InSteps
def inspect(workload: Workload, context: RuleContext[PerCallHeader]) -> Iterator[Finding | None]:
    """One finding per header, or per set of headers that differ together."""
    found: dict[str, list[tuple[int, Usage]]] = defaultdict(list)
    for usage in tuple(workload):
        yield None
        for names, reads in usage.differing_headers.items():
            found[names].append((reads, usage))
    for names, queries in sorted(found.items()):
        reads = sum(count for count, _ in queries)
        if reads >= context.thresholds.min_reads:
            yield _finding(names, reads, sorted(queries, key=lambda query: -query[0]))


RULE = Rule(
    code="FAN017",
    name="per-call-header",
    safety="advice",
    document=__doc__,
    thresholds=PerCallHeader,
    inspect=inspect,
    reads=("headers",),
)


def _finding(names: str, reads: int, queries: Sequence[tuple[int, Usage]]) -> Finding:
    usages = [usage for _, usage in queries]
    seconds = max(usage.last_end for usage in usages) - min(usage.first_start for usage in usages)
    calls, often = sum(usage.calls for usage in usages), queries[:MOST]
    headers = names.replace(",", ", ")
    return Finding(
        code=RULE.code,
        impact=impact_of(IMPACTS, reads * HOUR / max(seconds, HOUR)),
        confidence="high",
        title=f"Similar reads share no call because of the request header {headers}",
        relation="",
        fingerprint="",
        route="",
        caller=next((usage.caller for usage in usages if usage.caller), ""),
        problem=f"The value of {headers} is new in each call. SQL could read it, so that fanin sends each read alone.",
        current=f"{reads} of {calls} reads were sent alone while similar ones were in flight",
        evidence=tuple(f"{count} × {usage.fingerprint}" for count, usage in often),
        fix=Fix(settings=_settings(names)),
        expected="These reads merge, or share calls, as those without the header do.",
        risk="If SQL reads the header (a policy, a function or a view with request.headers), it gets the value of one"
        " of the callers. Then leave the setting out.",
        queries=tuple(usage.fingerprint for _, usage in often),
        object=DatabaseObject(kind="header", schema="", name=names),
    )


def _settings(names: str) -> str:
    quoted = ", ".join(f'"{name}"' for name in names.split(","))
    return f"[identity]\nalso_neutral = [{quoted}]  # together with the names that it has already"
