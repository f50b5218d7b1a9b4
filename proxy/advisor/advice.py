"""What the advisor says: the indexes to create with their proof, and why there is none elsewhere.

Tests: tests/e2e/database/test_index_advisor.py.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import structs

from proxy.findings.model import DatabaseObject, Finding, Fix, IndexShape, Measured, PlannedStatement
from proxy.plans.proposed_index import ProposedIndex
from proxy.plans.statements import SeenCalls
from proxy.plans.tree import Plan, PlanNode
from proxy.plans.words import lines
from proxy.schema.undo import with_undo
from proxy.text.counted import counted

CODE = "FAN020"
HIGH_SHARE = 0.05
"""Share of the observed time from which a gain is HIGH."""
UNPROVEN = "not proven: the plans are estimates from statistics; HypoPG, or --trial on a copy, proves them"


class ObservedCalls(msgspec.Struct, frozen=True):
    """A fingerprint, with what its calls cost."""

    seen: SeenCalls
    calls: int
    seconds: float
    """Over all calls."""
    role: str = ""
    """The role that calls; empty if not known: then statements are planned as the connection's own."""
    claims: Mapping[str, Any] = {}


class ObservedStatement(msgspec.Struct, frozen=True):
    """A statement that PostgREST did not make, with what its calls cost."""

    text: str
    calls: int
    seconds: float
    """Over all calls; 0 if not known."""
    role: str = ""
    claims: Mapping[str, Any] = {}


class PlanPair(msgspec.Struct, frozen=True):
    """The plans of a statement without and with the chosen indexes. ``label`` says which values it has."""

    fingerprint: str
    label: str
    calls: int
    seconds: float
    before: Plan
    after: Plan
    role: str = ""
    """As which role it was planned; empty: the connection's own."""
    sql: str = ""
    """The statement, without its values."""

    @property
    def head(self) -> str:
        """The query, which values it has, and the role, in a line."""
        return f"{self.fingerprint}, value: {self.label}" + (f", as {self.role}" if self.role else "")

    @property
    def gain(self) -> float:
        """The share that is saved: of the time if both were run, else of the estimated cost."""
        before, after = self.before.execution_ms, self.after.execution_ms
        if before and after is not None:
            return 1 - after / before
        return 1 - self.after.cost / self.before.cost if self.before.cost else 0.0


class AdvisedIndex(msgspec.Struct, frozen=True):
    """An index to create."""

    index: ProposedIndex
    name: str
    """One that no table or index of the schema has."""
    plans: tuple[PlanPair, ...]
    size: int
    """Bytes; estimated unless it was built."""
    build_ms: float | None
    """None unless it was built for a trial."""
    proof: str
    """``hypopg``, ``trial``, or ``none``."""
    runner_up: ProposedIndex | None = None
    why_lost: str = ""
    wider: str = ""
    """An existing index that begins with the same keys, and costs more to use."""
    risk: str = ""
    """What it costs writes (``write_cost.risk``)."""

    @property
    def statement(self) -> str:
        """The statement that creates it, or several; one that is concurrent cannot run in a transaction."""
        return self.index.create(self.name, concurrently=True)


class NoIndex(msgspec.Struct, frozen=True):
    """A fingerprint, or a table, without an index to create."""

    about: str
    reason: str
    checked: bool = True
    """False: an index could help, and it is not known."""
    remedy: str = ""
    """What to do so that it is checked."""
    object: str = ""
    """The table, as ``schema.name``, if the reason is about one."""


class Advice(msgspec.Struct, frozen=True):
    """The indexes, those that save most first; and where there are none."""

    indexes: tuple[AdvisedIndex, ...] = ()
    none: tuple[NoIndex, ...] = ()
    what_ifs: int = 0
    """Plans that Postgres was asked for."""
    seconds: float = 0.0
    """Observed time of all fingerprints."""


def renamed(plan: Plan, name: str) -> Plan:
    """A plan in which an index that was only tried has the name that the migration gives it."""
    return structs.replace(plan, root=_renamed(plan.root, name))


def _renamed(node: PlanNode, name: str) -> PlanNode:
    index = name if node.index.startswith(("<", "fanin_trial_")) else node.index
    return structs.replace(node, index=index, children=tuple(_renamed(child, name) for child in node.children))


def findings_of(advice: Advice) -> Iterator[Finding]:
    """One finding per index."""
    for one in advice.indexes:
        yield _finding(one, advice.seconds)


def _finding(one: AdvisedIndex, seconds: float) -> Finding:
    index, present = one.index, [pair for pair in one.plans if pair.label != "absent"] or list(one.plans)
    calls = sum({pair.fingerprint: pair.calls for pair in one.plans}.values())
    spent = sum({pair.fingerprint: pair.seconds for pair in one.plans}.values())
    gain = max((pair.gain for pair in present), default=0.0)
    is_high = seconds > 0 and spent * gain / seconds >= HIGH_SHARE and not one.wider and _reads_whole(one)
    keys = ", ".join(index.keys) + (f" where {index.where}" if index.where else "")
    risk = f"{one.risk} Size: about {one.size / 1e6:,.2f} MB.".strip()
    return Finding(
        code=CODE,
        impact="HIGH" if is_high else "MEDIUM",
        confidence=_confidence(one),
        title=f"{index.table} has no index for {keys}",
        relation=f"{index.schema}.{index.table}",
        fingerprint="",
        route="",
        caller="",
        problem="Without it, Postgres reads rows that the request does not ask for, and drops them.",
        current=f"{counted(calls, 'call')}, {1000 * spent:,.0f} ms in total",
        evidence=tuple(_evidence(one)),
        fix=Fix(sql=with_undo(f"{one.statement};", f"{index.drop(one.name)};")),
        expected=_expected(one, gain),
        risk=risk,
        queries=tuple(dict.fromkeys(pair.fingerprint for pair in one.plans)),
        object=DatabaseObject("index", index.schema, one.name, index.table),
        index=IndexShape(index.schema, index.table, index.method, index.keys, index.include, index.where),
        measured=tuple(map(_measures, one.plans)) if one.proof != "none" else (),
        planned=tuple(PlannedStatement(pair.head, pair.sql) for pair in one.plans),
    )


def _reads_whole(one: AdvisedIndex) -> bool:
    """Whether a statement reads the whole table now, and not by an index that is merely a worse one."""
    tables = one.index.tables
    nodes = (node for pair in one.plans for node in pair.before.root.walk())
    return any(node.kind == "Seq Scan" and (node.schema, node.relation) in tables for node in nodes)


def _confidence(one: AdvisedIndex) -> str:
    """Low if nothing was proven, or if what was measured is no gain over all its calls."""
    if one.proof == "none" or sum(pair.gain * pair.seconds for pair in one.plans) <= 0:
        return "low"
    return "high" if all(pair.gain >= 0 for pair in one.plans) else "medium"


def _measured(one: AdvisedIndex) -> str:
    return "the measured time" if one.proof == "trial" else "the estimated cost"


def _expected(one: AdvisedIndex, gain: float) -> str:
    if one.proof == "none":
        return "fewer rows read; how many is not known"
    return f"{_measured(one)} falls by up to {gain:.0%}".replace("%", " %")


def _evidence(one: AdvisedIndex) -> Iterator[str]:
    if one.proof == "none":
        yield UNPROVEN
    for pair in one.plans:
        gain = f": gain {pair.gain:.0%}".replace("%", " %") if one.proof != "none" else ""
        yield f"{pair.head}{gain}"
        yield from ("before: " + line for line in lines(pair.before))
        if one.proof != "none":
            yield from ("after: " + line for line in lines(pair.after))
    gains = [pair.gain > 0 for pair in one.plans]
    if one.proof != "none" and not all(gains):
        yield f"the gain holds for {sum(gains)} of {len(gains)} values"
    if one.wider:
        yield f"index {one.wider} begins with the same keys, and is wider: by Postgres' estimate, it costs more to use"
    if one.runner_up is not None:
        shape = ", ".join(one.runner_up.keys) + (f" where {one.runner_up.where}" if one.runner_up.where else "")
        yield f"runner-up: ({shape}), which {one.why_lost}"
    if one.build_ms is not None:
        yield f"built in {one.build_ms:,.0f} ms, {one.size / 1e6:,.2f} MB"


def _measures(pair: PlanPair) -> Measured:
    """The times if both plans were run, else the estimated costs."""
    label, before, after = f"{pair.fingerprint}, value: {pair.label}", pair.before, pair.after
    if before.execution_ms and after.execution_ms is not None:
        return Measured(label, "ms", round(before.execution_ms, 3), round(after.execution_ms, 3))
    return Measured(label, "cost", round(before.cost, 2), round(after.cost, 2))
