"""FAN029 open-write: a table of which a role of the API can write any row.

What it does
------------
Finds, from privileges, memberships, row-level security and the policies that apply, which roles that PostgREST
switches to can insert any row into a table, or change or delete all its rows. It names each role with its verbs. A
permissive policy that is always true allows all rows unless a restrictive one limits them. An INSERT policy without
WITH CHECK lets no row in, so it opens nothing. Roles that bypass row-level security, such as ``service_role``, do not
count. With ``--probe`` each write was tried as the role and rolled back: then it also names what was seen to pass, and
says what happened.

Why it hurts
------------
The key of ``anon`` is in each client: whoever has it can write these rows, whatever the application itself does.

Example
-------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    alter table public.videos enable row level security;
    grant select, delete on public.videos to anon;
    create policy removal on public.videos for delete using (1 = 1);

Look-alike
----------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    alter table public.videos enable row level security;
    grant select, insert, update, delete on public.videos to anon, authenticated;
    create policy reading on public.videos for select using (true);
    create policy change on public.videos for update using (owner_id = (select auth.uid()));
    create policy anything on public.videos for delete using (true);
    create policy own on public.videos as restrictive for delete using (owner_id = (select auth.uid()));

Use instead
-----------
::

    create table public.videos (id bigint primary key, owner_id uuid);
    alter table public.videos enable row level security;
    grant select, delete on public.videos to anon;
    create policy removal on public.videos for delete using (1 = 1);
    revoke delete on public.videos from public, anon;

Safety
------
Advice: fanin changes nothing. It does not know which writes the application means to allow.
"""

from collections.abc import Iterator, Mapping, Sequence

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix
from proxy.schema.access import WRITES, applies, bound_roles, is_unlimited, unlimited_by, unparsed
from proxy.schema.grants import revoked
from proxy.schema.names import qualified
from proxy.schema.relation import Relation, Verb
from proxy.schema.snapshot import Database, NotChecked
from proxy.schema.undo import with_undo
from proxy.settings_base import Thresholds


class OpenWrite(Thresholds):
    table = "open_write"


WORDS: Mapping[Verb, str] = {"INSERT": "insert any row", "UPDATE": "change all rows", "DELETE": "delete all rows"}
SEEN: Mapping[Verb, str] = {"INSERT": "insert rows", "UPDATE": "change rows", "DELETE": "delete rows"}
"""Of what was tried and passed, although a policy that is not always true decides."""
Open = Mapping[str, Sequence[Verb]]
"""The verbs by role."""


def inspect(database: Database, _: Workload, __: RuleContext[OpenWrite]) -> Iterator[Finding | NotChecked]:
    """One finding per table."""
    roles = bound_roles(database)
    for relation in database.own():
        if not relation.is_table:
            continue
        held = {role: [verb for verb in WRITES if role in relation.roles_with(verb)] for role in roles}
        opened = {
            role: [verb for verb in verbs if _is_open(relation, role, verb, database)] for role, verbs in held.items()
        }
        if any(opened.values()):
            yield _finding(relation, {role: verbs for role, verbs in opened.items() if verbs}, database)
        yield from _unparsed(relation, held, opened, database)


RULE = Rule(
    code="FAN029",
    name="open-write",
    safety="advice",
    document=__doc__,
    thresholds=OpenWrite,
    inspect_database=inspect,
    needs=("roles", "relations", "policies", "privileges", "grants"),
)


def _is_open(relation: Relation, role: str, verb: Verb, database: Database) -> bool:
    tried = database.probed(role, relation.full_name, verb)
    return is_unlimited(relation, role, verb, database) or (tried is not None and tried.allowed)


def _unparsed(relation: Relation, held: Open, opened: Open, database: Database) -> Iterator[NotChecked]:
    """The policies that might open what was not found to be open."""
    for policy in relation.policies if relation.row_security else ():
        closed = any(
            verb not in opened[role] and applies(policy, role, verb, database)
            for role, verbs in held.items()
            for verb in verbs
        )
        for clause, expression in policy.expressions:
            if closed and policy.permissive and not expression.parsed:
                yield unparsed(RULE.code, relation, policy, clause)


def _finding(relation: Relation, opened: Open, database: Database) -> Finding:
    name = qualified(relation.schema, relation.name)
    return Finding(
        code=RULE.code,
        impact=_impact(opened),
        confidence="high",
        title="; ".join(
            f"{role} can {_in_words(relation, role, verbs, database)} of {name}" for role, verbs in opened.items()
        ),
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem="Whoever has a token of such a role can do so by a request; for anon, the key in the client is enough.",
        current=f"about {max(relation.rows, 0):.0f} rows",
        evidence=tuple(
            f"{role}: {verb}: {_why(relation, role, verb, database)}"
            for role, verbs in opened.items()
            for verb in verbs
        ),
        fix=_fix(name, relation, opened, database),
        expected="Clients write only what a policy allows them.",
        risk="Requests of these roles that write the table fail with 42501, until a grant and a policy that names the"
        " owner of a row allow them. REVOKE of another grantor's grant has no effect: run it as the owner.",
        object=DatabaseObject("table", relation.schema, relation.name),
    )


def _impact(opened: Open) -> str:
    verbs = {verb for each in opened.values() for verb in each}
    if verbs == {"INSERT"}:
        return "MEDIUM"
    anybody = {verb for role, each in opened.items() if role != "authenticated" for verb in each}
    return "CRITICAL" if anybody - {"INSERT"} else "HIGH"


def _in_words(relation: Relation, role: str, verbs: Sequence[Verb], database: Database) -> str:
    return " and ".join((WORDS if is_unlimited(relation, role, verb, database) else SEEN)[verb] for verb in verbs)


def _why(relation: Relation, role: str, verb: Verb, database: Database) -> str:
    tried = database.probed(role, relation.full_name, verb)
    return "; ".join(filter(None, (_granted(relation, role, verb, database), tried.said if tried else "")))


def _granted(relation: Relation, role: str, verb: Verb, database: Database) -> str:
    if not is_unlimited(relation, role, verb, database):
        return "granted, and a policy limits it"
    if not relation.row_security:
        return "granted, and row-level security is not enabled"
    policy = unlimited_by(relation, role, verb, database)
    return f"granted, and policy {policy.name} is always true" if policy else "it owns the table"


def _fix(name: str, relation: Relation, opened: Open, database: Database) -> Fix:
    """REVOKE for all roles that can do the same, in one statement each."""
    alike: dict[tuple[Verb, ...], list[str]] = {}
    for role, verbs in opened.items():
        alike.setdefault(tuple(verbs), []).append(role)
    found = [revoked(name, relation, roles, database, verbs) for verbs, roles in alike.items()]
    undo = " ".join(dict.fromkeys(back for _, back in found))
    return Fix(sql=with_undo("\n".join(revoke for revoke, _ in found), undo))
