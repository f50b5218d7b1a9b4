"""FAN044 sensitive-column-exposed: a column with secrets or personal numbers that a client reads of all rows.

What it does
------------
Finds columns whose name ends with words such as ``password``, ``token``, ``iban`` or ``ssn``
(``rules.sensitive_column_exposed.names``), that a role that PostgREST switches to may read, while no policy limits the
rows: row-level security is off, or what it allows is always true. ``password_hash`` counts as ``password``. Dates,
times and booleans do not count, nor columns that the role has no privilege on.

Why it hurts
------------
Whoever has a key of the API can read the values of all users.

Example
-------
::

    create table public.customers (id bigint primary key, name text, iban text);
    grant select on public.customers to anon;

Look-alike
----------
::

    create table public.customers (id bigint primary key, name text, iban text, password_changed_at timestamptz);
    grant select (id, name, password_changed_at) on public.customers to anon;
    create table public.accounts (id bigint primary key, owner_id uuid, iban text);
    alter table public.accounts enable row level security;
    create policy own on public.accounts using (owner_id = (select auth.uid()));
    grant select on public.accounts to authenticated;

Use instead
-----------
::

    create table public.customers (id bigint primary key, name text, iban text);
    grant select on public.customers to anon;
    revoke select on public.customers from public, anon;
    grant select (id, name) on public.customers to anon;

Safety
------
Advice: fanin changes nothing. It looks at names only, and never at values.
"""

import re
from collections.abc import Iterator

from pydantic import Field

from proxy.analysis.rule import Rule, RuleContext
from proxy.analysis.workload import Workload
from proxy.findings.model import DatabaseObject, Finding, Fix
from proxy.schema.access import bound_roles, is_unlimited, unparsed
from proxy.schema.grants import revoked
from proxy.schema.names import qualified, quoted
from proxy.schema.relation import Privilege, Relation, TableColumn
from proxy.schema.snapshot import Database, NotChecked
from proxy.schema.undo import with_undo
from proxy.settings_base import Thresholds


class SensitiveColumnExposed(Thresholds):
    table = "sensitive_column_exposed"

    names: tuple[str, ...] = Field(
        (
            "password",
            "passwd",
            "pwd",
            "secret",
            "token",
            "api_key",
            "private_key",
            "iban",
            "ssn",
            "social_security",
            "tax_id",
            "passport",
            "credit_card",
            "card_number",
            "cvv",
            "pin",
        ),
        description="FAN044: names of sensitive columns, as words joined with `_`. A column counts if its name ends"
        " with one, or with one and a word such as `hash` or `number`.",
    )


SUFFIXES = frozenset(("hash", "hashed", "encrypted", "digest", "salt", "value", "number", "no", "code", "plain"))
INNOCENT_TYPES = ("boolean", "date", "time", "interval")


def inspect(
    database: Database, _: Workload, context: RuleContext[SensitiveColumnExposed]
) -> Iterator[Finding | NotChecked]:
    """One finding per column."""
    sensitive = [tuple(_words(name)) for name in context.thresholds.names]
    for relation in database.own():
        columns = [column for column in relation.columns if _is_sensitive(column, sensitive)]
        readers = {column.name: _readers(relation, column, database) for column in columns}
        for column in columns:
            if readers[column.name]:
                yield _finding(relation, column, readers, database)
        for policy in relation.policies if columns else ():
            if policy.permissive and policy.command in ("ALL", "SELECT") and policy.using and not policy.using.parsed:
                yield unparsed(RULE.code, relation, policy, "USING")


RULE = Rule(
    code="FAN044",
    name="sensitive-column-exposed",
    safety="advice",
    document=__doc__,
    thresholds=SensitiveColumnExposed,
    inspect_database=inspect,
    needs=("roles", "relations", "columns", "policies", "views", "privileges", "grants"),
)


def _words(name: str) -> list[str]:
    """The words of a name in snake_case or camelCase, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def _is_sensitive(column: TableColumn, sensitive: list[tuple[str, ...]]) -> bool:
    words = _words(column.name)
    while len(words) > 1 and words[-1] in SUFFIXES and tuple(words) not in sensitive:
        if any(tuple(words[-len(name) :]) == name for name in sensitive):
            break
        words.pop()
    named = any(name and tuple(words[-len(name) :]) == name for name in sensitive)
    return named and not column.type.startswith(INNOCENT_TYPES)


def _readers(relation: Relation, column: TableColumn, database: Database) -> tuple[str, ...]:
    """The roles that read the column of all rows. A view that is read as its caller shows what its tables do."""
    if relation.view and relation.view.security_invoker:
        return ()
    roles = bound_roles(database)
    return tuple(
        held.role
        for held in relation.privileges
        if held.verb == "SELECT" and held.role in roles and (not held.columns or column.name in held.columns)
        if is_unlimited(relation, held.role, "SELECT", database)
    )


def _finding(
    relation: Relation, column: TableColumn, readers: dict[str, tuple[str, ...]], database: Database
) -> Finding:
    name = qualified(relation.schema, relation.name)
    roles = readers[column.name]
    revoke, undo = revoked(name, relation, roles, database, ("SELECT",))
    hidden = {each for each, found in readers.items() if found}
    grants = "".join(_grant_of_rest(relation, held, hidden) for held in relation.privileges if held.role in roles)
    return Finding(
        code=RULE.code,
        impact="HIGH",
        confidence="medium",
        title=f"{', '.join(roles)} can read {name}.{quoted(column.name)} of all rows",
        relation=relation.full_name,
        fingerprint="",
        route="",
        caller="",
        problem="By its name the column holds a secret or a personal number, and no policy limits the rows.",
        current=f"about {max(relation.rows, 0):.0f} rows",
        evidence=(f"SELECT on {name} ({quoted(column.name)}) is held by {', '.join(roles)}",),
        fix=Fix(sql=with_undo(revoke + grants, undo)),
        expected="Clients do not see the column.",
        risk="Requests with select=* fail with 42501: name the columns.",
        object=DatabaseObject("column", relation.schema, column.name, relation.name),
    )


def _grant_of_rest(relation: Relation, held: Privilege, hidden: set[str]) -> str:
    """GRANT of the columns that a role reads at present, without the hidden ones; empty if none is left."""
    columns = held.columns or tuple(column.name for column in relation.columns)
    rest = ", ".join(quoted(column) for column in columns if column not in hidden)
    name = qualified(relation.schema, relation.name)
    return f"\ngrant select ({rest}) on {name} to {quoted(held.role)};" if rest and held.verb == "SELECT" else ""
