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

from collections.abc import Iterable, Iterator, Mapping, Sequence

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix
from proxy.schema.access import applies, bound_roles, creation_of, role_name, unparsed
from proxy.schema.expression import Expression
from proxy.schema.names import qualified, quoted
from proxy.schema.relation import VERBS, Policy, Relation, Verb
from proxy.schema.snapshot import Database, NotChecked
from proxy.schema.undo import in_a_line, with_undo
from proxy.settings_base import Thresholds


class SeveralPermissivePolicies(Thresholds):
    table = "several_permissive_policies"


Doubled = Mapping[tuple[str, Verb], Sequence[Policy]]
"""The policies that apply together, by role and verb: two or more."""


def inspect(
    database: Database, _: Workload, __: RuleContext[SeveralPermissivePolicies]
) -> Iterator[Finding | NotChecked]:
    """One finding per table."""
    for relation in database.own():
        permissive = [policy for policy in relation.policies if policy.permissive]
        if not relation.row_security or len(permissive) < 2:
            continue
        together = _doubled(permissive, database)
        for policy in dict.fromkeys(policy for found in together.values() for policy in found):
            for clause, expression in policy.expressions:
                if not expression.parsed:
                    yield unparsed(RULE.code, relation, policy, clause)
        if doubled := _doubled([policy for policy in permissive if _is_parsed(policy)], database):
            yield _finding(relation, doubled)


def _is_parsed(policy: Policy) -> bool:
    return all(expression.parsed for _, expression in policy.expressions)


def _doubled(policies: Sequence[Policy], database: Database) -> Doubled:
    """Those that apply together. One that is false for each row costs nothing: Postgres leaves it out of the OR."""
    doubled: dict[tuple[str, Verb], list[Policy]] = {}
    for role in bound_roles(database):
        for verb in VERBS:
            found = [each for each in policies if applies(each, role, verb, database) and not _is_dead(each, verb)]
            if len(found) > 1:
                doubled[role, verb] = found
    return doubled


def _is_dead(policy: Policy, verb: Verb) -> bool:
    """Whether it allows no row."""
    if verb == "INSERT":
        check = policy.check or (policy.using if policy.command != "INSERT" else None)
        return check is None or check.always_false
    return policy.using is None or policy.using.always_false


RULE = Rule(
    code="FAN033",
    name="several-permissive-policies",
    safety="advice",
    document=__doc__,
    thresholds=SeveralPermissivePolicies,
    inspect_database=inspect,
    needs=("roles", "relations", "policies"),
)


def _finding(relation: Relation, doubled: Doubled) -> Finding:
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
    return (
        " or ".join(dict.fromkeys(f"({in_a_line(each.text)})" for each in expressions if each is not None)) or "false"
    )
