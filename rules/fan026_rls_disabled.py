"""FAN026 rls-disabled: a table that API roles can reach, without row-level security.

What it does
------------
Finds tables in the schemas that PostgREST serves, on which row-level security is not enabled and on which at least one
role that PostgREST switches to holds a privilege. Partitions count: a request may name one directly. A role that
bypasses row-level security, such as ``service_role``, does not count.

Why it hurts
------------
Whoever has a key of the API can read, and with the privilege also change, all rows of the table.

Example
-------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    grant select, delete on public.videos to anon;

Look-alike
----------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    grant all on public.videos to service_role;

Use instead
-----------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    grant select, delete on public.videos to anon;
    alter table public.videos enable row level security;
    create policy own on public.videos using (owner_id = (select auth.uid()));

Safety
------
Advice: fanin changes nothing. Once it is enabled, rows that no policy allows are not visible.
"""

from collections.abc import Iterator

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix
from proxy.schema.names import qualified
from proxy.schema.relation import VERBS, Relation
from proxy.schema.snapshot import Database
from proxy.schema.undo import with_undo
from proxy.settings_base import Thresholds


class RlsDisabled(Thresholds):
    table = "rls_disabled"


def inspect(database: Database, _: Workload, __: RuleContext[RlsDisabled]) -> Iterator[Finding]:
    """One finding per table."""
    exempt = {role.name for role in database.roles if role.superuser or role.bypass_rls}
    for relation in database.own():
        if not relation.is_table or relation.row_security:
            continue
        held = {verb: [role for role in relation.roles_with(verb) if role not in exempt] for verb in VERBS}
        if any(held.values()):
            yield _finding(relation, [f"{verb}: {', '.join(roles)}" for verb, roles in held.items() if roles])


RULE = Rule(
    code="FAN026",
    name="rls-disabled",
    safety="advice",
    document=__doc__,
    thresholds=RlsDisabled,
    inspect_database=inspect,
    needs=("roles", "relations", "privileges"),
)


def _finding(relation: Relation, held: list[str]) -> Finding:
    writes = any(not line.startswith("SELECT") for line in held)
    name = qualified(relation.schema, relation.name)
    return Finding(
        code=RULE.code,
        impact="CRITICAL" if writes else "HIGH",
        confidence="high",
        title=f"row-level security is not enabled on {name}",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem=f"API roles can {'read or change' if writes else 'read'} all its rows.",
        current=f"about {max(relation.rows, 0):.0f} rows",
        evidence=(f"pg_class.relrowsecurity of {name} is false", *held),
        fix=Fix(
            sql=with_undo(
                f"alter table {name} enable row level security;\n-- then a policy for each command that clients need",
                f"alter table {name} disable row level security;",
            )
        ),
        expected="API roles reach only the rows that a policy allows.",
        risk="Without a policy, API roles see no row at all.",
        object=DatabaseObject("table", relation.schema, relation.name),
    )
