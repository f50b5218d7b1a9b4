"""What rules find: values, as ``model`` has them for the path."""

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

Steps = Sequence[tuple[*tuple[float, ...], str]]
"""Impacts, the worst first, each behind the least values from which it holds: any one of them is enough."""


def impact_of(steps: Steps, *values: float) -> str:
    """The worst impact that one of ``values`` reaches, each being held against its own place in a step; else LOW."""
    for *least, impact in steps:
        if any(value >= bound for value, bound in zip(values, least, strict=True)):
            return impact
    return "LOW"


class Fix(msgspec.Struct, frozen=True):
    """A cure in the three languages of its readers; values are placeholders."""

    sql: str
    supabase_js: str
    supabase_py: str


IMPACTS = ("LOW", "MEDIUM", "HIGH", "CRITICAL")


class Finding(msgspec.Struct, frozen=True):
    """A rule's verdict on what it saw."""

    code: Annotated[str, Meta(description="The rule.")]
    impact: Annotated[str, Meta(description="`CRITICAL`, `HIGH`, `MEDIUM` or `LOW`.")]
    confidence: Annotated[str, Meta(description="How sure the rule is: `high`, `medium` or `low`.")]
    title: Annotated[str, Meta(description="What is wrong, in a line.")]
    relation: Annotated[str, Meta(description="Table, view or function.")]
    fingerprint: Annotated[str, Meta(description="The query without its values; empty where it is of several.")]
    route: Annotated[str, Meta(description="What the client calls the work; empty where it does not.")]
    caller: Annotated[str, Meta(description="What the client says that made the call.")]
    problem: Annotated[str, Meta(description="Why that is bad.")]
    current: Annotated[str, Meta(description="What it costs as it is: requests, rows, time.")]
    evidence: Annotated[tuple[str, ...], Meta(description="What was seen.")]
    fix: Annotated[Fix, Meta(description="The cure: `sql`, `supabase_js` and `supabase_py`, with placeholders.")]
    expected: Annotated[str, Meta(description="What it costs once that is done.")]
    risk: Annotated[str, Meta(description="What to mind.")]

    @property
    def key(self) -> str:
        """Stable name to mute it by."""
        return self.key_for(self.relation)

    def key_for(self, relation: str) -> str:
        """The same with another form of its relation's name."""
        return f"{self.code}:{relation}:{self.route or '-'}:{self.fingerprint}"

    @property
    def weight(self) -> int:
        """Place of its impact among all, the lightest first."""
        return IMPACTS.index(self.impact)


class CountedFinding(msgspec.Struct, frozen=True):
    """A finding in traffic that was judged, once."""

    finding: Finding
    source: str
    """The recording that it was first made in."""
    trace: str
    """The first one that it was made in; empty where it is of all of them."""
    times: int
    gates: bool
    """Whether it is of traces that can fail a build."""
    traces: int = 0
    """How many it was made in."""


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """``findings`` by impact; those of one impact stay in their order."""
    return sorted(findings, key=lambda finding: finding.weight, reverse=True)


def fails(finding: Finding, fail_on: str) -> bool:
    """Whether its impact is as bad as ``fail_on``, which is one of ``IMPACTS`` in lower case, or ``never``."""
    return fail_on != "never" and finding.weight >= IMPACTS.index(fail_on.upper())
