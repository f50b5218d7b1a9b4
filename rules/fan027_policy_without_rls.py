"""FAN027 policy-without-rls: a table with policies on which row-level security is not enabled.

What it does
------------
Finds tables in the schemas that PostgREST serves, which have at least one policy, while row-level security is
not enabled.

Why it hurts
------------
The policies have no effect: whoever holds a privilege on the table reaches all its rows, although its schema looks
protected.

Example
-------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    grant select on public.videos to authenticated;
    create policy own on public.videos using (owner_id = (select auth.uid()));

Look-alike
----------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    alter table public.videos enable row level security;
    create policy own on public.videos using (owner_id = (select auth.uid()));
    create table public.countries (code text primary key);

Use instead
-----------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    grant select on public.videos to authenticated;
    create policy own on public.videos using (owner_id = (select auth.uid()));
    alter table public.videos enable row level security;

Safety
------
Advice: fanin changes nothing. Once it is enabled, rows that no policy allows are not visible.
"""

from collections.abc import Iterator

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix
from proxy.schema.access import WRITES, bound_roles, creation_of
from proxy.schema.names import qualified
from proxy.schema.relation import Relation
from proxy.schema.snapshot import Database
from proxy.schema.undo import with_undo
from proxy.settings_base import Thresholds


class PolicyWithoutRls(Thresholds):
    table = "policy_without_rls"


def inspect(database: Database, _: Workload, __: RuleContext[PolicyWithoutRls]) -> Iterator[Finding]:
    """One finding per table."""
    for relation in database.own():
        if relation.policies and not relation.row_security:
            yield _finding(relation, bound_roles(database))


RULE = Rule(
    code="FAN027",
    name="policy-without-rls",
    safety="advice",
    document=__doc__,
    thresholds=PolicyWithoutRls,
    inspect_database=inspect,
    needs=("roles", "relations", "policies", "privileges"),
)


def _finding(relation: Relation, roles: tuple[str, ...]) -> Finding:
    name = qualified(relation.schema, relation.name)
    held = [held for held in relation.privileges if held.role in roles]
    reached = "CRITICAL" if any(each.verb in WRITES for each in held) else "HIGH"
    return Finding(
        code=RULE.code,
        impact=reached if held else "MEDIUM",
        confidence="high",
        title=f"policies on {name} have no effect: row-level security is not enabled",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem="Postgres applies policies only where row-level security is enabled.",
        current=", ".join(f"{each.role} may {each.verb} all rows" for each in held) or "no API role holds a privilege",
        evidence=(
            f"pg_class.relrowsecurity of {name} is false",
            *(creation_of(policy, name) for policy in relation.policies),
        ),
        fix=Fix(
            sql=with_undo(
                f"alter table {name} enable row level security;", f"alter table {name} disable row level security;"
            )
        ),
        expected="API roles reach only the rows that a policy allows.",
        risk="Rows that no policy allows are not visible any more: compare what each role sees before and after.",
        object=DatabaseObject("table", relation.schema, relation.name),
    )
