"""REVOKE of what roles hold, from whomever they hold it through, and the GRANT that gives back exactly that."""

from collections.abc import Iterator, Sequence

from proxy.schema.access import groups_of, role_name
from proxy.schema.names import quoted
from proxy.schema.relation import Grant, Relation
from proxy.schema.snapshot import Database, Function


def revoked(
    name: str, relation: Relation, roles: Sequence[str], database: Database, privileges: Sequence[str] = ()
) -> tuple[str, str]:
    """REVOKE on the relation that SQL calls ``name``, and what undoes it; all privileges if none is named.

    It names PUBLIC and the groups of the roles, where they hold a privilege: the roles hold it through them.
    """
    found = [
        grant
        for grant in relation.grants
        if grant.role in _through(roles, database) and (not privileges or grant.privilege in privileges)
    ]
    what = ", ".join(privileges).lower() or "all"
    holders = ", ".join(map(role_name, dict.fromkeys(grant.role for grant in found) or roles))
    return f"revoke {what} on {name} from {holders};", " ".join(grants(name, found))


def revoked_routine(routine: str, function: Function, roles: Sequence[str], database: Database) -> tuple[str, str]:
    """As ``revoked``, for EXECUTE on a function or procedure."""
    through = _through(roles, database)
    holders = ", ".join(role_name(role) for role in function.granted_to if role in through)
    execute = f"execute on routine {routine}"
    return f"revoke {execute} from {holders};", f"grant {execute} to {holders};"


def _through(roles: Sequence[str], database: Database) -> frozenset[str]:
    return frozenset({"public"}.union(*(groups_of(role, database) for role in roles)))


def grants(name: str, found: Sequence[Grant]) -> Iterator[str]:
    """GRANT on the relation that SQL calls ``name``: one statement per role and grant option."""
    parts: dict[tuple[str, bool], list[str]] = {}
    for grant in found:
        columns = f" ({', '.join(map(quoted, grant.columns))})" if grant.columns else ""
        parts.setdefault((grant.role, grant.grantable), []).append(f"{grant.privilege.lower()}{columns}")
    for (role, grantable), privileges in parts.items():
        option = " with grant option" if grantable else ""
        yield f"grant {', '.join(privileges)} on {name} to {role_name(role)}{option};"
