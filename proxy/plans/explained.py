"""The plan of one request, the role that it was made for, and the policies that Postgres added, as lines of text."""

from collections.abc import Iterator, Sequence

import msgspec

from proxy.plans.tree import Plan
from proxy.plans.words import as_is, lines

WIDTH = 13
"""Width of a label, in characters, as in the rest of ``fanin explain``."""


class AddedPolicy(msgspec.Struct, frozen=True):
    """A policy that Postgres adds to a read. Without a ``name``: no policy lets the role see any row."""

    schema: str
    relation: str
    name: str
    permissive: bool
    condition: str


class ExplainedStatement(msgspec.Struct, frozen=True):
    """A plan, the role that it was made for, and the policies of the relations that the statement names."""

    plan: Plan
    role: str
    policies: tuple[AddedPolicy, ...] = ()


def explained_lines(explained: ExplainedStatement, claims: Sequence[str], indexes: Sequence[str]) -> Iterator[str]:
    """The sections Plan, Policies and Index. ``claims`` are the names of claims; ``indexes`` would help."""
    plan = explained.plan
    with_claims = f" with the claims {', '.join(claims)}" if claims else ""
    yield _row("Plan", f"as the role {explained.role}{with_claims}; {_measured(plan)}")
    yield from (f"  {line}" for line in lines(plan, as_is))
    for number, policy in enumerate(explained.policies):
        yield _row("" if number else "Policies", _policy(policy))
    if not explained.policies:
        yield _row("Policies", f"none is added for the role {explained.role}")
    for number, index in enumerate(indexes):
        yield _row("" if number else "Index", index)


def _measured(plan: Plan) -> str:
    if plan.execution_ms is None:
        return "estimated, since it was not run (--analyze runs it)"
    return f"run in {plan.execution_ms:,.2f} ms, read only, and rolled back"


def _policy(policy: AddedPolicy) -> str:
    relation = f"{policy.schema}.{policy.relation}"
    if not policy.name:
        return f"{relation}: no policy lets this role see a row"
    kind = "" if policy.permissive else " (restrictive)"
    condition = " ".join(policy.condition.split()) or "true"
    return f'{relation}: "{policy.name}"{kind}: {condition}'


def _row(label: str, text: str) -> str:
    return f"{label:<{WIDTH}}{text}"
