"""FAN031 policy-evaluated-per-row: a policy that calls a function for each row where once per statement would do.

What it does
------------
Finds policies whose USING or WITH CHECK calls a function that is not immutable outside of a subselect that runs once.
Each call counts: a policy with one wrapped and one bare ``auth.uid()`` is reported. A subselect that refers to the row,
such as ``(select is_member(team_id))``, runs for each row too. The expressions are parsed; one that cannot be is listed
as not checked.

Why it hurts
------------
A list of 10,000 rows calls the function 10,000 times. In a subselect that does not depend on the row, Postgres calls it
once and can use an index for the comparison.

Example
-------
::

    create table public.videos (id bigint primary key, owner_id uuid, editor_id uuid);
    alter table public.videos enable row level security;
    create policy own on public.videos using (owner_id = (select auth.uid()) or editor_id = auth.uid());

Look-alike
----------
::

    create table public.videos (id bigint primary key, owner_id uuid, title text);
    alter table public.videos enable row level security;
    create policy own on public.videos using (owner_id = (select auth.uid()) and lower(title) <> 'draft');

Use instead
-----------
::

    create table public.videos (id bigint primary key, owner_id uuid, editor_id uuid);
    alter table public.videos enable row level security;
    create policy own on public.videos using (owner_id = (select auth.uid()) or editor_id = (select auth.uid()));

Safety
------
Advice: fanin changes nothing. The function must return the same for each row of a statement, as a stable one does.
"""

from collections.abc import Iterator

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix
from proxy.schema.access import clauses_of, unparsed
from proxy.schema.expression import FunctionCall
from proxy.schema.names import qualified, quoted
from proxy.schema.relation import Policy, Relation
from proxy.schema.snapshot import Database, NotChecked
from proxy.schema.undo import in_a_line, with_undo
from proxy.settings_base import Thresholds


class PolicyEvaluatedPerRow(Thresholds):
    table = "policy_evaluated_per_row"


COSTLY = frozenset({"current_setting"})
"""Functions of Postgres itself that are stable and that policies call for the claims of a request."""
MANY_ROWS = 10_000
"""Estimated rows from which the impact is HIGH."""


def inspect(database: Database, _: Workload, __: RuleContext[PolicyEvaluatedPerRow]) -> Iterator[Finding | NotChecked]:
    """One finding per policy."""
    for relation in database.own():
        for policy in relation.policies:
            for clause, expression in policy.expressions:
                if not expression.parsed:
                    yield unparsed(RULE.code, relation, policy, clause)
            calls = [
                (clause, call)
                for clause, expression in policy.expressions
                for call in expression.calls
                if not call.once and _varies(call, database)
            ]
            if calls:
                yield _finding(relation, policy, calls, database)


RULE = Rule(
    code="FAN031",
    name="policy-evaluated-per-row",
    safety="advice",
    document=__doc__,
    thresholds=PolicyEvaluatedPerRow,
    inspect_database=inspect,
    needs=("relations", "policies", "functions"),
)


def _varies(call: FunctionCall, database: Database) -> bool:
    """Whether Postgres may not compute the call in advance: an overload of it is stable or volatile."""
    if call.schema in ("", "pg_catalog"):
        return call.name in COSTLY
    return any(function.volatility != "i" for function in database.overloads(call.schema, call.name))


def _finding(relation: Relation, policy: Policy, calls: list[tuple[str, FunctionCall]], database: Database) -> Finding:
    name = qualified(relation.schema, relation.name)
    return Finding(
        code=RULE.code,
        impact="HIGH" if relation.rows >= MANY_ROWS else "MEDIUM",
        confidence="high",
        title=f"policy {policy.name} calls {calls[0][1].qualified}() for each row",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem="The function runs once per row that a statement looks at, instead of once per statement.",
        current=f"about {max(relation.rows, 0):.0f} rows in the table",
        evidence=tuple(f"{clause} {expression.text}" for clause, expression in policy.expressions),
        fix=_fix(name, policy, calls, database),
        expected="One call per statement.",
        risk="The policy must still allow the same rows: compare them for each role before and after.",
        object=DatabaseObject("policy", relation.schema, policy.name, relation.name),
    )


CORRELATED = (
    "it has a column of the row as an argument, so that it depends on the row also in a subselect: compare the column"
    " with a set that is computed once, such as team_id = any (array(select my_teams())), where my_teams() has no"
    " argument: an index on team_id serves that, and not team_id in (select my_teams())"
)


def _fix(name: str, policy: Policy, calls: list[tuple[str, FunctionCall]], database: Database) -> Fix:
    """ALTER POLICY with each call that does not depend on the row in a subselect; the reason for each other."""
    kept = dict.fromkeys(call.qualified for _, call in calls if call.columns)
    reason = "; ".join(f"{call}() is not put into a subselect: {CORRELATED}" for call in kept)
    changed = {
        clause: _wrapped(expression.text, [call for of, call in calls if of == clause and not call.columns], database)
        for clause, expression in policy.expressions
    }
    before = {clause: expression.text for clause, expression in policy.expressions}
    if changed == before:
        return Fix(reason=reason or "the place of the call in the policy is not known")
    head = f"alter policy {quoted(policy.name)} on {name}"
    clauses = "".join(f"\n  {clause.lower()} ({in_a_line(text)})" for clause, text in changed.items())
    return Fix(sql=with_undo(f"{head}{clauses};", f"{head} {clauses_of(policy)};"), reason=reason)


def _wrapped(text: str, calls: list[FunctionCall], database: Database) -> str:
    """The expression with each call as ``(select call)``, from the last to the first; of nested ones the outer."""
    spans = {(call.start, call.end): call for call in calls if call.start >= 0}
    outer = [
        span for span in spans if not any(each[0] <= span[0] and span[1] <= each[1] for each in spans if each != span)
    ]
    for start, end in sorted(outer, reverse=True):
        subselect = f"(select {text[start:end]})"
        if spans[start, end].array:
            # Postgres takes a subselect in ANY (…) for a set of rows, unless it is cast.
            found = database.overloads(spans[start, end].schema, spans[start, end].name)
            subselect = f"{subselect}::{found[0].returns}" if found else text[start:end]
        text = text[:start] + subselect + text[end:]
    return text
