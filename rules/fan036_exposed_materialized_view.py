"""FAN036 exposed-materialized-view: a materialized view that API roles can read.

What it does
------------
Finds materialized views in the schemas that PostgREST serves, which a role that PostgREST switches to may read. Roles
that bypass row-level security, such as ``service_role``, do not count.

Why it hurts
------------
A materialized view has no policies, and holds what its owner saw when it was refreshed: whoever may read it reads the
rows of all users.

Example
-------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    create materialized view public.totals as select owner_id, count(*) as videos from public.videos group by owner_id;
    grant select on public.totals to authenticated;

Look-alike
----------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    create materialized view public.totals as select owner_id, count(*) as videos from public.videos group by owner_id;
    grant select on public.totals to service_role;
    create view public.ids as select id from public.videos;
    grant select on public.ids to authenticated;

Use instead
-----------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    create materialized view public.totals as select owner_id, count(*) as videos from public.videos group by owner_id;
    grant select on public.totals to authenticated;
    revoke all on public.totals from public, authenticated;

Safety
------
Advice: fanin changes nothing. Where all may see its rows, ignore the finding.
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


class ExposedMaterializedView(Thresholds):
    table = "exposed_materialized_view"


def inspect(database: Database, _: Workload, __: RuleContext[ExposedMaterializedView]) -> Iterator[Finding]:
    """One finding per materialized view."""
    roles = bound_roles(database)
    for relation in database.own():
        readers = tuple(role for role in relation.roles_with("SELECT") if role in roles)
        if relation.kind == "m" and readers:
            hidden = sorted({table.full_name for _, table in read_through(relation, database) if table.row_security})
            yield _finding(relation, readers, hidden, database)


RULE = Rule(
    code="FAN036",
    name="exposed-materialized-view",
    safety="advice",
    document=__doc__,
    thresholds=ExposedMaterializedView,
    inspect_database=inspect,
    needs=("roles", "relations", "views", "privileges", "grants"),
)


def _finding(relation: Relation, readers: tuple[str, ...], hidden: list[str], database: Database) -> Finding:
    name = qualified(relation.schema, relation.name)
    of = f": it has rows of {', '.join(hidden)}, which policies hide" if hidden else ""
    return Finding(
        code=RULE.code,
        impact="HIGH" if hidden else "MEDIUM",
        confidence="high" if hidden else "medium",
        title=f"{', '.join(readers)} can read all rows of materialized view {name}{of}",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem="Row-level security does not exist for materialized views.",
        current=f"about {max(relation.rows, 0):.0f} rows",
        evidence=(
            f"SELECT on {name} is held by {', '.join(readers)}",
            *(f"row-level security: {each}" for each in hidden),
        ),
        fix=Fix(sql=with_undo(*revoked(name, relation, readers, database))),
        expected="Clients read it through a function that returns only their rows.",
        risk="Clients that read it get an error (42501).",
        object=DatabaseObject("view", relation.schema, relation.name),
    )
