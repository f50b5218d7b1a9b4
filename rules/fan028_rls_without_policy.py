"""FAN028 rls-without-policy: a table that API roles hold privileges on, with row-level security and without a policy.

What it does
------------
Finds tables in the schemas that PostgREST serves, on which row-level security is enabled, no permissive policy exists,
and at least one role that PostgREST switches to, and that does not bypass row-level security, holds a privilege.

Why it hurts
------------
Postgres allows no row: reads return an empty list instead of an error, and writes fail or change nothing. A client
cannot tell that from an empty table.

Example
-------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    grant select, insert on public.videos to authenticated;
    alter table public.videos enable row level security;

Look-alike
----------
::

    create table public.jobs (id bigint primary key, payload jsonb);
    grant all on public.jobs to service_role;
    alter table public.jobs enable row level security;

Use instead
-----------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    grant select, insert on public.videos to authenticated;
    alter table public.videos enable row level security;
    create policy own on public.videos using (owner_id = (select auth.uid()));

Safety
------
Advice: fanin changes nothing. Which rows a policy must allow, only the application knows.
"""

from collections.abc import Iterator

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix
from proxy.schema.access import bound_roles, ignores_policies
from proxy.schema.grants import revoked
from proxy.schema.names import qualified
from proxy.schema.relation import Privilege, Relation
from proxy.schema.snapshot import Database
from proxy.schema.undo import with_undo
from proxy.settings_base import Thresholds


class RlsWithoutPolicy(Thresholds):
    table = "rls_without_policy"


def inspect(database: Database, _: Workload, __: RuleContext[RlsWithoutPolicy]) -> Iterator[Finding]:
    """One finding per table."""
    roles = bound_roles(database)
    for relation in database.own():
        if not relation.row_security or any(policy.permissive for policy in relation.policies):
            continue
        held = [
            each
            for each in relation.privileges
            if each.role in roles and not ignores_policies(each.role, relation, database)
        ]
        if held:
            yield _finding(relation, held, database)


RULE = Rule(
    code="FAN028",
    name="rls-without-policy",
    safety="advice",
    document=__doc__,
    thresholds=RlsWithoutPolicy,
    inspect_database=inspect,
    needs=("roles", "relations", "policies", "privileges", "grants"),
)


def _finding(relation: Relation, held: list[Privilege], database: Database) -> Finding:
    name = qualified(relation.schema, relation.name)
    roles = tuple(dict.fromkeys(each.role for each in held))
    revoke, undo = revoked(name, relation, roles, database)
    return Finding(
        code=RULE.code,
        impact="MEDIUM",
        confidence="high",
        title=f"row-level security of {name} allows no row: it has no permissive policy",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem=f"{', '.join(roles)} may use the table, but without a policy they see no row and insert none.",
        current=f"about {max(relation.rows, 0):.0f} rows, none visible to {', '.join(roles)}",
        evidence=(
            f"pg_class.relrowsecurity of {name} is true",
            f"pg_policy has no permissive policy of {name}",
            *(f"{each.role} holds {each.verb}" for each in held),
        ),
        fix=Fix(
            sql=with_undo(
                "-- if clients need the table: a policy for each command, such as create policy … using (owner_id ="
                f" (select auth.uid()));\n-- if they do not, as now:\n{revoke}",
                undo,
            ),
        ),
        expected="Clients see their rows, or an error that says that they may not.",
        risk="After REVOKE requests get an error (42501) where they got an empty list.",
        object=DatabaseObject("table", relation.schema, relation.name),
    )
