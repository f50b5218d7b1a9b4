"""Types of findings and fixes, and how impacts compare."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

ImpactSteps = Sequence[tuple[*tuple[float, ...], str]]
"""Rows of minimum values and an impact, the worst impact first; one value at its minimum is enough."""


def impact_of(steps: ImpactSteps, *values: float) -> str:
    """The worst impact for which one of ``values`` reaches its minimum; LOW if there is none.

    ``values`` are in the order of the minimums in each step.
    """
    for *least, impact in steps:
        if any(value >= bound for value, bound in zip(values, least, strict=True)):
            return impact
    return "LOW"


class Fix(msgspec.Struct, frozen=True):
    """A fix in SQL, for both client libraries, or as settings of fanin; values are placeholders.

    A part is printed only if it returns the same data as the calls that it replaces. Else it is empty, and ``reason``
    says why.
    """

    sql: str = ""
    supabase_js: str = ""
    supabase_py: str = ""
    reason: str = ""
    """Why a part, or the whole fix, is not printed; empty if all parts are."""
    settings: str = ""
    """Lines for fanin's settings file (TOML), where a setting is the fix."""


class DatabaseObject(msgspec.Struct, frozen=True):
    """What a finding is about: an object of the database, or a request header, which has no schema."""

    kind: Annotated[
        str, Meta(description="`table`, `view`, `index`, `policy`, `function`, `column`, `role`, …; or `header`.")
    ]
    schema: Annotated[str, Meta(description="Its schema.")]
    name: Annotated[str, Meta(description="Its name, unquoted.")]
    table: Annotated[str, Meta(description="The table that it belongs to; empty for one that belongs to none.")] = ""


class IndexShape(msgspec.Struct, frozen=True):
    """An index that a finding proposes to create or drop."""

    schema: Annotated[str, Meta(description="Schema of the table.")]
    table: Annotated[str, Meta(description="The table.")]
    method: Annotated[str, Meta(description="Access method: `btree`, `gin`, …")]
    keys: Annotated[tuple[str, ...], Meta(description="Keys in order, as SQL.")]
    include: Annotated[tuple[str, ...], Meta(description="Columns of INCLUDE.")] = ()
    where: Annotated[str, Meta(description="Predicate of a partial index, as SQL; empty for a whole one.")] = ""


def short_id(key: str) -> str:
    """A name for ``key`` that contains nothing of it: 12 hexadecimal digits."""
    return hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=6).hexdigest()


class Measured(msgspec.Struct, frozen=True):
    """What something costs without and with the fix."""

    label: Annotated[str, Meta(description="What was measured, and for which value.")]
    unit: Annotated[str, Meta(description="`ms`: measured milliseconds; `cost`: Postgres' estimate.")]
    before: Annotated[float, Meta(ge=0, description="As it is.")]
    after: Annotated[float, Meta(ge=0, description="With the fix.")]


IMPACTS = ("LOW", "MEDIUM", "HIGH", "CRITICAL")


class PlannedStatement(msgspec.Struct, frozen=True):
    """A statement that Postgres was asked to plan, or to run, for the evidence."""

    label: Annotated[str, Meta(description="The line of evidence before its plans: the query, its values, the role.")]
    sql: Annotated[str, Meta(description="The statement that it was asked to EXPLAIN, with `?` for each value.")]


class Finding(msgspec.Struct, frozen=True):
    """A problem that a rule detected in a trace or in the workload."""

    code: Annotated[str, Meta(description="The rule.")]
    impact: Annotated[str, Meta(description="`CRITICAL`, `HIGH`, `MEDIUM` or `LOW`.")]
    confidence: Annotated[str, Meta(description="How sure the rule is: `high`, `medium` or `low`.")]
    title: Annotated[str, Meta(description="What is wrong, in a line.")]
    relation: Annotated[str, Meta(description="Table, view or function.")]
    fingerprint: Annotated[
        str, Meta(description="The query without its values; empty if the finding is about several.")
    ]
    route: Annotated[str, Meta(description="Name of the application's request or job (X-Fanin-Route); may be empty.")]
    caller: Annotated[str, Meta(description="Line of application code that made the call, if the client sends it.")]
    problem: Annotated[str, Meta(description="Why this is a problem.")]
    current: Annotated[str, Meta(description="The present cost: requests, rows, time.")]
    evidence: Annotated[tuple[str, ...], Meta(description="The observations that led to the finding.")]
    fix: Annotated[
        Fix,
        Meta(
            description="The fix: `sql`, `supabase_js` and `supabase_py`, with placeholders, and `settings` of fanin."
            " A part is empty if it would not return the same data; `reason` says why."
        ),
    ]
    expected: Annotated[str, Meta(description="The cost after the fix.")]
    risk: Annotated[str, Meta(description="What the fix may break, and what to check.")]
    queries: Annotated[
        tuple[str, ...], Meta(description="All queries that it quotes, without their values, if it is about several.")
    ] = ()
    object: Annotated[
        DatabaseObject | None,
        Meta(description="The object of the database, or the header; null if it is about requests."),
    ] = None
    index: Annotated[IndexShape | None, Meta(description="The index to create or drop; null if there is none.")] = None
    measured: Annotated[
        tuple[Measured, ...], Meta(description="Costs before and after the fix, where they are known.")
    ] = ()
    statements: Annotated[
        tuple[str, ...], Meta(description="Statements that read its evidence (`--explain-evidence` prints them).")
    ] = ()
    planned: Annotated[
        tuple[PlannedStatement, ...], Meta(description="Statements whose plans are evidence, in that order.")
    ] = ()

    @property
    def key(self) -> str:
        """Stable name for ``[[ignore]]``."""
        return self.key_for(self.relation)

    @property
    def id(self) -> str:
        """A short name that contains nothing of the key."""
        return short_id(self.key)

    def key_for(self, relation: str) -> str:
        """The key with another form of the relation's name."""
        about = self.fingerprint or (f"{self.object.kind} {self.object.name}" if self.object else "")
        return f"{self.code}:{relation}:{self.route or '-'}:{about}"

    @property
    def weight(self) -> int:
        """Rank of the impact, 0 for LOW."""
        return IMPACTS.index(self.impact)


class CountedFinding(msgspec.Struct, frozen=True):
    """A finding of ``fanin check`` or ``fanin audit`` with its number of occurrences."""

    finding: Finding
    source: str
    """The recording of the first occurrence."""
    trace: str
    """Id of the trace of the first occurrence; empty for a finding about the whole workload."""
    times: int
    can_fail: bool
    """Whether it occurred in traces that can fail a build."""
    traces: int = 0
    """Number of traces in which it occurred."""


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """``findings`` by impact, the worst first; the sort is stable."""
    return sorted(findings, key=lambda finding: finding.weight, reverse=True)


def fails(finding: Finding, fail_on: str) -> bool:
    """Whether the impact is at least ``fail_on``: an item of ``IMPACTS`` in lower case, or ``never``."""
    return fail_on != "never" and finding.weight >= IMPACTS.index(fail_on.upper())
