"""Compares two reports: findings that are new, worse, better, gone, or whose subject was not observed again."""

from collections.abc import Iterator, Sequence

import msgspec

from proxy.audit.report import Report, ReportedFinding
from proxy.findings.model import Finding
from proxy.text.terminal import safe


class ReportComparison(msgspec.Struct, frozen=True):
    """The findings of two reports by what became of them; those that are as before are in none."""

    new: tuple[ReportedFinding, ...] = ()
    worse: tuple[ReportedFinding, ...] = ()
    """Their impact is higher than before."""
    better: tuple[ReportedFinding, ...] = ()
    gone: tuple[ReportedFinding, ...] = ()
    """Found before only, though the rule looked at the same object, query or route again."""
    not_observed: tuple[ReportedFinding, ...] = ()
    """Found before only, and nothing shows that the rule looked again."""

    @property
    def failed(self) -> bool:
        """Whether there is anything new or worse."""
        return bool(self.new or self.worse)


def compare(old: Report, new: Report) -> ReportComparison:
    """What became of the findings of ``old``."""
    before = {each.key: each for each in old.findings}
    now = {each.key: each for each in new.findings}
    ignored = {each.key for each in new.ignored}
    kept = [(before[key].finding.weight, each) for key, each in now.items() if key in before]
    lost = [each for key, each in before.items() if key not in now and key not in ignored]
    return ReportComparison(
        tuple(each for key, each in now.items() if key not in before),
        tuple(each for weight, each in kept if each.finding.weight > weight),
        tuple(each for weight, each in kept if each.finding.weight < weight),
        tuple(each for each in lost if _looked_again(each.finding, new)),
        tuple(each for each in lost if not _looked_again(each.finding, new)),
    )


def _looked_again(finding: Finding, report: Report) -> bool:
    """Whether a report would have the finding if it were still true; a query that is not listed may not have run."""
    about = finding.object
    listed = {usage.fingerprint for usage in report.queries}
    if about is not None and not about.schema:
        return listed.issuperset(finding.queries)
    if about is not None:
        name = f"{about.schema}.{about.table or about.name}"
        unchecked = any(
            item.check == finding.code and (not item.object or f"{item.object}.".startswith(f"{name}."))
            for item in report.not_checked
        )
        if finding.queries and not {usage.fingerprint for usage in report.queries}.intersection(finding.queries):
            return False
        return finding.code in report.checked and about.schema in report.schemas and not unchecked
    if finding.fingerprint and finding.fingerprint not in listed:
        return False
    if finding.route and finding.route not in {usage.route for usage in report.routes}:
        return False
    return bool(finding.fingerprint or finding.route) or finding.relation in {each.relation for each in report.queries}


def comparison_lines(comparison: ReportComparison) -> Iterator[str]:
    """The comparison as text, with one line per finding."""
    yield from _section("new", comparison.new)
    yield from _section("worse", comparison.worse)
    yield from _section("better", comparison.better)
    yield from _section("gone", comparison.gone)
    yield from _section("not observed", comparison.not_observed)
    changed = f"{len(comparison.new)} new, {len(comparison.worse)} worse"
    yield f"{'FAILED' if comparison.failed else 'ok'}: {changed}"


def _section(name: str, findings: Sequence[ReportedFinding]) -> Iterator[str]:
    for each in findings:
        yield f"{name:<13} {each.finding.impact:<8} {safe(each.key)}: {safe(each.finding.title)}"
