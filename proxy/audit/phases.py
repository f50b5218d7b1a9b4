"""The findings of a report in the phases of an audit: analysis, schema, optimisation. Monitoring is the fourth."""

from collections.abc import Iterable, Iterator

import msgspec

from proxy.audit.report import ReportedFinding
from proxy.findings.model import Finding

FASTER = frozenset(
    (
        *("FAN020", "FAN021", "FAN022", "FAN023", "FAN025", "FAN031", "FAN032", "FAN033"),
        *("FAN038", "FAN039", "FAN040", "FAN041", "FAN042", "FAN043"),
    )
)
"""Rules over the database whose fix makes requests or writes faster; the others are about what the schema allows."""
TITLES = {
    "analysis": "1. Analysis: what the requests do",
    "schema": "2. Schema: keys, privileges, policies, functions",
    "optimisation": "3. Optimisation: indexes, policies per row, statistics, connections",
    "monitoring": "4. Monitoring: what would have caught these findings",
}
UNTOUCHED = "No observed request touches:"


class Phase(msgspec.Struct, frozen=True):
    """The findings of a phase, each with its number in the report, in the order of the report."""

    title: str
    touched: tuple[tuple[int, ReportedFinding], ...] = ()
    untouched: tuple[tuple[int, ReportedFinding], ...] = ()
    """About objects of the database that no observed request touches."""


def phase_of(finding: Finding) -> str:
    """``analysis``, ``schema`` or ``optimisation``."""
    if finding.object is None:
        return "analysis"
    return "optimisation" if finding.code in FASTER else "schema"


def phases(findings: Iterable[ReportedFinding]) -> Iterator[Phase]:
    """The phases that have findings; the number of a finding is that of its row in the table of all findings."""
    numbered = list(enumerate(findings, 1))
    for name, title in TITLES.items():
        own = [(number, each) for number, each in numbered if phase_of(each.finding) == name]
        if own:
            yield Phase(
                title,
                tuple(pair for pair in own if not is_untouched(pair[1])),
                tuple(pair for pair in own if is_untouched(pair[1])),
            )


def is_untouched(reported: ReportedFinding) -> bool:
    """Whether it is about an object of the database that no observed request touches."""
    return reported.load is not None and not reported.load.calls
