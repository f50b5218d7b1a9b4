"""FAN033 several-permissive-policies: more than one permissive policy for the same role and command.

What it does
------------
Finds tables with row-level security on which at least two permissive policies apply to the same role that PostgREST
switches to, for the same command. A policy for ALL counts for each command. Restrictive policies do not count, nor do
roles that bypass row-level security.

Why it hurts
------------
Postgres joins them with OR and evaluates them for each row until one is true, and an index serves an OR worse than one
condition. Each policy also allows rows that the others were written to hide.

Example
-------
::

    create table public.videos (id bigint primary key, owner_id uuid, public boolean);
    alter table public.videos enable row level security;
    create policy own on public.videos for select using (owner_id = (select auth.uid()));
    create policy published on public.videos for select using (public);

Look-alike
----------
::

    create table public.videos (id bigint primary key, owner_id uuid, team_id bigint);
    alter table public.videos enable row level security;
    create policy own on public.videos for select using (owner_id = (select auth.uid()));
    create policy change on public.videos for update using (owner_id = (select auth.uid()));
    create policy team on public.videos as restrictive for select using (team_id = 1);
    create policy work on public.videos for all to service_role using (true);

Use instead
-----------
::

    create table public.videos (id bigint primary key, owner_id uuid, public boolean);
    alter table public.videos enable row level security;
    create policy own on public.videos for select using (owner_id = (select auth.uid()) or public);

Safety
------
Advice: fanin changes nothing. The one policy allows the same rows as all of them together.
"""

from collections.abc import Iterable, Iterator, Sequence

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix
from proxy.schema.access import applies, bound_roles, creation_of, role_name
from proxy.schema.expression import Expression
from proxy.schema.names import qualified, quoted
from proxy.schema.relation import VERBS, Policy, Relation, Verb
from proxy.schema.snapshot import Database
from proxy.schema.undo import with_undo
from proxy.settings_base import Thresholds


class SeveralPermissivePolicies(Thresholds):
    table = "several_permissive_policies"


def inspect(database: Database, _: Workload, __: RuleContext[SeveralPermissivePolicies]) -> Iterator[Finding]:
    """One finding per table."""
    roles = bound_roles(database)
    for relation in database.own():
        permissive = [policy for policy in relation.policies if policy.permissive]
        if not relation.row_security or len(permissive) < 2:
            continue
        doubled: dict[tuple[str, Verb], list[Policy]] = {}
        for role in roles:
            for verb in VERBS:
                found = [policy for policy in permissive if applies(policy, role, verb, database)]
                if len(found) > 1:
                    doubled[role, verb] = found
        if doubled:
            yield _finding(relation, doubled)


RULE = Rule(
    code="FAN033",
    name="several-permissive-policies",
    safety="advice",
    document=__doc__,
    thresholds=SeveralPermissivePolicies,
    inspect_database=inspect,
    needs=("roles", "relations", "policies"),
)


def _finding(relation: Relation, doubled: dict[tuple[str, Verb], list[Policy]]) -> Finding:
    name = qualified(relation.schema, relation.name)
    most = max(len(policies) for policies in doubled.values())
    involved = list({policy.name: policy for policies in doubled.values() for policy in policies}.values())
    return Finding(
        code=RULE.code,
        impact="MEDIUM" if relation.rows >= 10_000 else "LOW",
        confidence="high",
        title=f"{most} permissive policies of {name} apply to the same role and command",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem="Postgres evaluates each of them, joined with OR.",
        current=f"about {max(relation.rows, 0):.0f} rows",
        evidence=(
            *(f"{role}, {verb}: {', '.join(each.name for each in found)}" for (role, verb), found in doubled.items()),
            *(creation_of(policy, name) for policy in involved),
        ),
        fix=_fix(name, involved),
        expected="One policy per role and command.",
        risk="The printed policies allow the same rows: compare what each role sees before and after.",
        object=DatabaseObject("table", relation.schema, relation.name),
    )


def _fix(name: str, policies: Sequence[Policy]) -> Fix:
    """One policy per command in place of all, where they are for the same roles."""
    if len({frozenset(policy.roles) for policy in policies}) > 1:
        roles = "; ".join(f"{policy.name} is for {', '.join(policy.roles)}" for policy in policies)
        return Fix(
            reason=f"the policies are for different roles, and which of them to keep for whom is a choice: {roles}"
        )
    drops = [f"drop policy {quoted(policy.name)} on {name};" for policy in policies]
    merged = [policy for verb in VERBS if (policy := _merged(name, policies, verb))]
    first = policies[0].name[:50]
    undone = [f"drop policy {quoted(f'{first}_{verb.lower()}')} on {name};" for verb in _verbs(policies)]
    undo = " ".join([*undone, *(creation_of(policy, name) for policy in policies)])
    return Fix(sql=with_undo("\n".join(["begin;", *drops, *merged, "commit;"]), undo))


def _verbs(policies: Sequence[Policy]) -> list[Verb]:
    return [verb for verb in VERBS if any(policy.command in ("ALL", verb) for policy in policies)]


def _merged(name: str, policies: Sequence[Policy], verb: Verb) -> str:
    """CREATE POLICY with the conditions of all policies of a command; empty if there is none."""
    found = [policy for policy in policies if policy.command in ("ALL", verb)]
    if not found:
        return ""
    clauses = ""
    if verb != "INSERT":
        clauses += f" using ({_any(policy.using for policy in found)})"
    if verb in ("INSERT", "UPDATE"):
        checks = [policy.check or (policy.using if policy.command != "INSERT" else None) for policy in found]
        clauses += f" with check ({_any(checks)})"
    roles = ", ".join(map(role_name, found[0].roles))
    named = quoted(f"{policies[0].name[:50]}_{verb.lower()}")
    return f"create policy {named} on {name} for {verb.lower()} to {roles}{clauses};"


def _any(expressions: Iterable[Expression | None]) -> str:
    """Their OR; a clause that is missing allows nothing."""
    return " or ".join(dict.fromkeys(f"({each.text})" for each in expressions if each is not None)) or "false"
