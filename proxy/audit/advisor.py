"""Computes the findings, ignored findings and bypass reasons of a report, with their numbers of occurrences."""

from collections.abc import Iterable, Mapping

from proxy.analysis.spans import group_by
from proxy.audit.report import BypassUsage, IgnoredFinding, ReportedFinding
from proxy.audit.workload import MayShow, Name
from proxy.errors.codes import BYPASS_REASONS
from proxy.errors.remedies import BYPASS_REMEDIES
from proxy.errors.words import NEVER_MERGED
from proxy.findings.ignores import Ignore
from proxy.findings.model import CountedFinding, Finding, fails

EXAMPLES = 3
"""Maximum number of fingerprints per bypass reason."""


def reported_findings(seen: Iterable[CountedFinding], fail_on: str) -> list[ReportedFinding]:
    """Each finding once, the worst first; per impact, those that can fail a build first, then by frequency."""
    reported = [_reported(same, fail_on) for same in group_by(seen, lambda counted: counted.finding.key).values()]
    return worst_reported(reported)


def worst_reported(reported: Iterable[ReportedFinding]) -> list[ReportedFinding]:
    """In the order of the report. Findings over the database that no observed request touches come last."""
    return sorted(
        reported,
        key=lambda each: (
            each.load is not None and not each.load.calls,
            -each.finding.weight,
            not each.judged,
            -(each.load.ms_per_hour if each.load else 0.0),
            -each.times,
            each.key,
        ),
    )


def _reported(same: list[CountedFinding], fail_on: str) -> ReportedFinding:
    """One finding from its counts in traces that can fail a build and in those that cannot."""
    first = max(same, key=lambda counted: counted.can_fail)
    return ReportedFinding(
        key=first.finding.key,
        times=sum(counted.times for counted in same),
        traces=sum(counted.traces for counted in same),
        judged=first.can_fail,
        fails=first.can_fail and fails(first.finding, fail_on),
        source=first.source,
        trace=first.trace,
        finding=first.finding,
    )


def ignored_findings(occurrences: Iterable[tuple[Finding, int, Ignore]]) -> list[IgnoredFinding]:
    """Each ignored finding once, with its number of occurrences; the worst first."""
    groups = group_by(occurrences, lambda occurrence: occurrence[0].key)
    ignored = [_ignored(same[0][0], sum(times for _, times, _ in same), same[0][2]) for same in groups.values()]
    return sorted(ignored, key=lambda each: (-each.finding.weight, -each.times, each.key))


def _ignored(finding: Finding, times: int, ignore: Ignore) -> IgnoredFinding:
    return IgnoredFinding(
        key=finding.key,
        times=times,
        reason=ignore.reason,
        owner=ignore.owner,
        until=ignore.until.isoformat() if ignore.until else "",
        finding=finding,
    )


def bypass_reasons(bypassed: Mapping[tuple[str, Name], int], may_show: MayShow) -> list[BypassUsage]:
    """Why requests were not merged, the most frequent reason first; without those that nobody expects to be merged.

    ``bypassed`` has the number of requests by reason and name.
    """
    wanted = [(key, count) for key, count in bypassed.items() if key[0] not in NEVER_MERGED]
    by_reason = group_by(wanted, lambda item: item[0][0])
    usages = [
        _bypass_usage(reason, {name: count for (_, name), count in same}, may_show)
        for reason, same in by_reason.items()
    ]
    return sorted(usages, key=lambda usage: (-usage.queries, usage.reason))


def _bypass_usage(reason: str, requests: Mapping[Name, int], may_show: MayShow) -> BypassUsage:
    frequent = sorted((name for name in requests if may_show(*name)), key=lambda name: (-requests[name], name))
    return BypassUsage(
        reason=reason,
        queries=sum(requests.values()),
        why=BYPASS_REASONS.get(reason, ""),
        remedy=BYPASS_REMEDIES.get(reason, ""),
        fingerprints=tuple(fingerprint for fingerprint, _ in frequent[:EXAMPLES]),
    )
