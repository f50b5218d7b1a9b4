"""FAN034 definer-view: a view that reads tables with row-level security as its owner instead of its caller.

What it does
------------
Finds views without ``security_invoker`` that an API role can read, directly or through another view, and that read a
table with row-level security whose policies do not bind the owner of the view: it is a superuser, has BYPASSRLS, or
owns the table. Views over ``auth.users`` are FAN045, materialized views FAN036.

Why it hurts
------------
The policies of the table are not applied: each client that may read the view sees the rows of all others.

Example
-------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    alter table public.videos enable row level security;
    create policy own on public.videos using (owner_id = (select auth.uid()));
    create view public.video_list as select id, owner_id from public.videos;
    grant select on public.video_list to authenticated;

Look-alike
----------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    alter table public.videos enable row level security;
    create policy own on public.videos using (owner_id = (select auth.uid()));
    create view public.video_list with (security_invoker = on) as select id, owner_id from public.videos;
    grant select on public.videos, public.video_list to authenticated;
    create table public.countries (code text primary key);
    create view public.country_list as select code from public.countries;
    grant select on public.country_list to authenticated;

Use instead
-----------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    alter table public.videos enable row level security;
    create policy own on public.videos using (owner_id = (select auth.uid()));
    create view public.video_list as select id, owner_id from public.videos;
    grant select on public.video_list to authenticated;
    alter view public.video_list set (security_invoker = true);

Safety
------
Advice: fanin changes nothing. Callers then need privileges on the tables of the view themselves. Postgres before 15 has
no ``security_invoker``; the printed fix for it is to take the view from the API roles.
"""

from collections.abc import Iterator, Sequence

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix
from proxy.schema.access import bound_roles, ignores_policies, read_through
from proxy.schema.grants import revoked
from proxy.schema.names import qualified
from proxy.schema.relation import Relation
from proxy.schema.snapshot import Database
from proxy.schema.undo import with_undo
from proxy.settings_base import Thresholds


class DefinerView(Thresholds):
    table = "definer_view"


USERS = "auth.users"
INVOKER_SINCE = 150000
"""server_version_num of the first version with security_invoker."""


def inspect(database: Database, _: Workload, __: RuleContext[DefinerView]) -> Iterator[Finding]:
    """One finding per view that is read as its owner."""
    roles = bound_roles(database)
    tables: dict[str, dict[str, None]] = {}
    readers: dict[str, set[str]] = {}
    definers: dict[str, Relation] = {}
    for exposed in database.own():
        readable_by = [role for role in exposed.roles_with("SELECT") if role in roles]
        for view, table in read_through(exposed, database) if exposed.kind == "v" and readable_by else ():
            hidden = table.row_security and ignores_policies(view.owner, table, database)
            if view.kind == "v" and not view.managed and hidden and table.full_name != USERS:
                definers[view.full_name] = view
                tables.setdefault(view.full_name, {})[table.full_name] = None
                readers.setdefault(view.full_name, set()).update(readable_by)
    for name, view in sorted(definers.items()):
        yield _finding(view, list(tables[name]), sorted(readers[name]), database)


RULE = Rule(
    code="FAN034",
    name="definer-view",
    safety="advice",
    document=__doc__,
    thresholds=DefinerView,
    inspect_database=inspect,
    needs=("server", "roles", "relations", "views", "privileges", "grants"),
)


def _finding(view: Relation, tables: Sequence[str], readers: Sequence[str], database: Database) -> Finding:
    name = qualified(view.schema, view.name)
    return Finding(
        code=RULE.code,
        impact="HIGH",
        confidence="high",
        title=f"view {name} reads {', '.join(tables)} as {view.owner}, without the policies",
        relation=view.full_name,
        fingerprint="",
        route="",
        caller="",
        problem=f"{', '.join(readers)} can read through it what the policies of {', '.join(tables)} hide from them.",
        current=f"owner {view.owner}, security_invoker is not set",
        evidence=(
            f"pg_class.reloptions of {name} has no security_invoker",
            *(f"row-level security is enabled on {table}; it does not bind {view.owner}" for table in tables),
        ),
        fix=_fix(name, view, readers, database),
        expected="Callers see through the view what they see in its tables.",
        risk="Callers need SELECT on the tables of the view. If it shows rows of others on purpose, let it show only"
        " the columns that all may read, and ignore this finding.",
        object=DatabaseObject("view", view.schema, view.name),
    )


def _fix(name: str, view: Relation, readers: Sequence[str], database: Database) -> Fix:
    if database.server.version >= INVOKER_SINCE:
        set_, reset = (
            f"alter view {name} set (security_invoker = true);",
            f"alter view {name} reset (security_invoker);",
        )
        return Fix(sql=with_undo(set_, reset))
    return Fix(
        sql=with_undo(*revoked(name, view, readers, database)),
        reason="Postgres before 15 has no security_invoker: read the tables themselves, or a function without SECURITY"
        " DEFINER that returns their rows",
    )
