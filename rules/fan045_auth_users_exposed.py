"""FAN045 auth-users-exposed: a view over ``auth.users`` that API roles can read.

What it does
------------
Finds views and materialized views in the schemas that PostgREST serves, that read ``auth.users``, directly or through
further views, as their owner, and that a role that PostgREST switches to may read. With ``security_invoker`` a caller
needs privileges on ``auth.users`` itself, so such a view is not reported.

Why it hurts
------------
The table has the e-mail address, telephone number and metadata of each user. Clients see through the view those of all.

Example
-------
::

    create view public.profiles as select id, email from auth.users;
    grant select on public.profiles to anon;

Look-alike
----------
::

    create view public.profiles as select id, email from auth.users;
    grant select on public.profiles to service_role;
    create table public.users (id uuid primary key, name text);
    create view public.names as select name from public.users;
    grant select on public.names to anon;

Use instead
-----------
::

    create view public.profiles as select id, email from auth.users;
    grant select on public.profiles to anon;
    revoke all on public.profiles from public, anon;

Safety
------
Advice: fanin changes nothing. A table of public profiles, filled by a trigger, has only what others may see.
"""

from collections.abc import Iterator

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix
from proxy.schema.access import bound_roles, read_through
from proxy.schema.grants import revoked
from proxy.schema.names import qualified
from proxy.schema.relation import Relation
from proxy.schema.snapshot import Database
from proxy.schema.undo import with_undo
from proxy.settings_base import Thresholds


class AuthUsersExposed(Thresholds):
    table = "auth_users_exposed"


USERS = "auth.users"


def inspect(database: Database, _: Workload, __: RuleContext[AuthUsersExposed]) -> Iterator[Finding]:
    """One finding per view that clients can read."""
    roles = bound_roles(database)
    for relation in database.own():
        readers = tuple(role for role in relation.roles_with("SELECT") if role in roles)
        if relation.view and readers and any(table.full_name == USERS for _, table in read_through(relation, database)):
            yield _finding(relation, readers, database)


RULE = Rule(
    code="FAN045",
    name="auth-users-exposed",
    safety="advice",
    document=__doc__,
    thresholds=AuthUsersExposed,
    inspect_database=inspect,
    needs=("roles", "relations", "views", "privileges", "grants"),
)


def _finding(relation: Relation, readers: tuple[str, ...], database: Database) -> Finding:
    name = qualified(relation.schema, relation.name)
    kind = "materialized view" if relation.kind == "m" else "view"
    return Finding(
        code=RULE.code,
        impact="CRITICAL" if set(readers) - {"authenticated"} else "HIGH",
        confidence="high",
        title=f"{', '.join(readers)} can read {USERS} through {kind} {name}",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem="Clients see data of the accounts of all users.",
        current=f"columns {', '.join(column.name for column in relation.columns)}",
        evidence=(f"{kind} {name} reads {USERS} as {relation.owner}", f"SELECT is held by {', '.join(readers)}"),
        fix=Fix(sql=with_undo(*revoked(name, relation, readers, database))),
        expected="Only the server reads accounts.",
        risk="Clients that read it get an error (42501).",
        object=DatabaseObject("view", relation.schema, relation.name),
    )
