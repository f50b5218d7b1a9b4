"""FAN030 always-true-write-policy: a policy that allows each row to be written.

What it does
------------
Finds permissive policies for INSERT, UPDATE, DELETE or ALL, for a role that PostgREST switches to, with a clause that
is true for each row: ``true``, ``1 = 1``, or an OR of such. An UPDATE policy without WITH CHECK uses USING for the new
row too and is judged by that. An INSERT policy without WITH CHECK lets no row in, so it is not open. A restrictive
policy allows nothing by itself; where one limits the same command, the permissive one is not reported.

Why it hurts
------------
Row-level security is enabled, so the table looks protected, but a client that may write at all may write any row.

Example
-------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    alter table public.videos enable row level security;
    grant select, update on public.videos to authenticated;
    create policy change on public.videos for update to authenticated using (true);

Look-alike
----------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    alter table public.videos enable row level security;
    grant all on public.videos to authenticated, service_role;
    create policy reading on public.videos for select using (true);
    create policy change on public.videos for update using (owner_id = (select auth.uid()));
    create policy nothing on public.videos for insert;
    create policy work on public.videos for all to service_role using (true);
    create policy limit_of_all on public.videos as restrictive for delete using (true);

Use instead
-----------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    alter table public.videos enable row level security;
    grant select, update on public.videos to authenticated;
    create policy change on public.videos for update to authenticated using (true);
    alter policy change on public.videos
      using (owner_id = (select auth.uid())) with check (owner_id = (select auth.uid()));

Safety
------
Advice: fanin changes nothing. Which rows a client may write, only the application knows.
"""

from collections.abc import Iterator

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix
from proxy.schema.access import (
    WRITES,
    always_true,
    applies,
    bound_roles,
    clauses_of,
    creation_of,
    role_name,
    unlimited_by,
    unparsed,
)
from proxy.schema.names import qualified, quoted
from proxy.schema.relation import Policy, Relation, Verb
from proxy.schema.snapshot import Database, NotChecked
from proxy.schema.undo import in_a_line, with_undo
from proxy.settings_base import Thresholds


class AlwaysTrueWritePolicy(Thresholds):
    table = "always_true_write_policy"


OWNER_COLUMNS = ("owner_id", "user_id", "author_id", "created_by")
"""Columns of type uuid that usually hold the id of the user whom a row belongs to."""


def inspect(database: Database, _: Workload, __: RuleContext[AlwaysTrueWritePolicy]) -> Iterator[Finding | NotChecked]:
    """One finding per policy."""
    for relation in database.own():
        for policy in relation.policies if relation.row_security else ():
            open_to = _open_to(relation, policy, database)
            if open_to:
                yield _finding(relation, policy, open_to, database)
            elif policy.permissive and policy.command != "SELECT":
                for clause, expression in policy.expressions:
                    if not expression.parsed:
                        yield unparsed(RULE.code, relation, policy, clause)


RULE = Rule(
    code="FAN030",
    name="always-true-write-policy",
    safety="advice",
    document=__doc__,
    thresholds=AlwaysTrueWritePolicy,
    inspect_database=inspect,
    needs=("roles", "relations", "columns", "policies", "privileges"),
)


def _open_to(relation: Relation, policy: Policy, database: Database) -> dict[str, list[Verb]]:
    """The verbs for which the policy allows all rows, by role."""
    opened: dict[str, list[Verb]] = {}
    for role in bound_roles(database):
        for verb in WRITES:
            open_here = policy.permissive and always_true(policy, verb) and applies(policy, role, verb, database)
            if open_here and unlimited_by(relation, role, verb, database):
                opened.setdefault(role, []).append(verb)
    return opened


def _finding(relation: Relation, policy: Policy, open_to: dict[str, list[Verb]], database: Database) -> Finding:
    name = qualified(relation.schema, relation.name)
    verbs = [verb for verb in WRITES if any(verb in each for each in open_to.values())]
    held = {verb for role, each in open_to.items() for verb in each if role in relation.roles_with(verb)}
    return Finding(
        code=RULE.code,
        impact=("HIGH" if held - {"INSERT"} else "MEDIUM") if held else "LOW",
        confidence="high",
        title=f"policy {policy.name} on {name} is always true for {', '.join(verbs)}",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem=f"For {', '.join(open_to)} the policy limits no row.",
        current=f"granted at present: {', '.join(sorted(held))}" if held else "no such role holds the privilege yet",
        evidence=(creation_of(policy, name),),
        fix=_fix(relation, policy, name, database),
        expected="Clients write only their rows.",
        risk="Writes that the policy alone allowed are refused: look for code that relies on it.",
        object=DatabaseObject("policy", relation.schema, policy.name, relation.name),
    )


def _fix(relation: Relation, policy: Policy, name: str, database: Database) -> Fix:
    """ALTER POLICY to the owner's rows where a column says who owns a row, else DROP POLICY; reads stay as they are."""
    head = f"policy {quoted(policy.name)} on {name}"
    owner = next((each.name for each in relation.columns if each.name in OWNER_COLUMNS and each.type == "uuid"), "")
    if policy.command != "ALL" and owner and database.overloads("auth", "uid"):
        own = f"({quoted(owner)} = (select auth.uid()))"
        using = {"INSERT": f"with check {own}", "DELETE": f"using {own}"}
        clauses = using.get(policy.command, f"using {own} with check {own}")
        undo = clauses_of(policy)
        if policy.command == "UPDATE" and policy.check is None and policy.using is not None:
            undo += f" with check ({in_a_line(policy.using.text)})"
        return Fix(sql=with_undo(f"alter {head} {clauses};", f"alter {head} {undo};"))
    reads, undo = "", creation_of(policy, name)
    if policy.command == "ALL" and policy.using is not None:
        reading = f"policy {quoted(policy.name[:58] + '_read')} on {name}"
        roles = ", ".join(map(role_name, policy.roles))
        reads = f"create {reading} for select to {roles} using ({in_a_line(policy.using.text)});\n"
        undo += f" drop {reading};"
    return Fix(sql=with_undo(f"{reads}drop {head};\n-- then a policy for each write that clients need", undo))
