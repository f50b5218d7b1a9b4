"""Which rows API roles reach: roles that policies bind, the policies of a role, and what these allow."""

from collections.abc import Iterator

from proxy.schema.names import quoted
from proxy.schema.relation import Policy, Relation, Verb
from proxy.schema.snapshot import Database, NotChecked, Role, WrittenVerb
from proxy.schema.undo import in_a_line

WRITES: tuple[WrittenVerb, ...] = ("INSERT", "UPDATE", "DELETE")


def bypasses(role: Role | None) -> bool:
    """Whether policies do not apply to it at all."""
    return role is not None and (role.superuser or role.bypass_rls)


def bound_roles(database: Database) -> tuple[str, ...]:
    """The API roles that policies apply to: those with which untrusted clients come."""
    return tuple(role.name for role in database.roles if role.api and not bypasses(role))


def groups_of(role: str, database: Database) -> frozenset[str]:
    """The role itself and all roles that it is a member of."""
    found: set[str] = set()
    waiting = [role]
    while waiting:
        name = waiting.pop()
        known = database.role(name)
        if name not in found:
            found.add(name)
            waiting += known.member_of if known else ()
    return frozenset(found)


def applies(policy: Policy, role: str, verb: Verb, database: Database) -> bool:
    """Whether the policy is used for such statements of the role."""
    of_role = "public" in policy.roles or not groups_of(role, database).isdisjoint(policy.roles)
    return of_role and policy.command in ("ALL", verb)


def always_true(policy: Policy, verb: Verb) -> bool:
    """Whether a clause of it that decides on such statements is true for each row.

    WITH CHECK that is missing is USING, for UPDATE and ALL. An INSERT policy without it lets no row in.
    """
    check = policy.check or (policy.using if policy.command != "INSERT" else None)
    clauses = {"INSERT": (check,), "UPDATE": (policy.using, check)}.get(verb, (policy.using,))
    if verb != "INSERT" and policy.using is None:
        return False
    return any(clause is not None and clause.always_true for clause in clauses)


def unlimited_by(relation: Relation, role: str, verb: Verb, database: Database) -> Policy | None:
    """The permissive policy that allows the role all rows, if no restrictive one limits it."""
    policies = [policy for policy in relation.policies if applies(policy, role, verb, database)]
    if any(not policy.permissive and not always_true(policy, verb) for policy in policies):
        return None
    return next((policy for policy in policies if policy.permissive and always_true(policy, verb)), None)


def is_unlimited(relation: Relation, role: str, verb: Verb, database: Database) -> bool:
    """Whether no policy limits the rows: row-level security is off, or what it allows is always true.

    For UPDATE that is USING alone: it decides which rows are changed, and WITH CHECK what they become.
    """
    if not relation.row_security or ignores_policies(role, relation, database):
        return True
    found = unlimited_by(relation, role, verb, database)
    return found is not None and (verb == "INSERT" or (found.using is not None and found.using.always_true))


def ignores_policies(owner: str, table: Relation, database: Database) -> bool:
    """Whether what runs as ``owner`` reads all rows of ``table``."""
    owns = table.owner in groups_of(owner, database) and not table.forced
    return bypasses(database.role(owner)) or owns


def read_through(view: Relation, database: Database) -> Iterator[tuple[Relation, Relation]]:
    """Each view that is read as its owner, with each table that it reads, also through further views."""
    by_name = {relation.full_name: relation for relation in database.relations}
    waiting, seen = [(view, None if _as_caller(view) else view)], set()
    while waiting:
        relation, definer = waiting.pop()
        if (relation, definer) in seen:
            continue
        seen.add((relation, definer))
        for name in relation.view.depends_on if relation.view else ():
            found = by_name.get(name)
            if found is not None and found.view is not None:
                waiting.append((found, definer if _as_caller(found) else found))
            elif found is not None and definer is not None:
                yield definer, found


def _as_caller(view: Relation) -> bool:
    return view.view is not None and view.view.security_invoker


def unparsed(code: str, relation: Relation, policy: Policy, clause: str) -> NotChecked:
    """The rule ``code`` could not judge a policy, of which ``clause`` could not be parsed."""
    name = f"{relation.full_name}: policy {policy.name}"
    return NotChecked(code, f"{clause} of the policy could not be parsed", "Check the policy yourself.", name)


def clauses_of(policy: Policy) -> str:
    """USING and WITH CHECK as SQL, in a line."""
    return in_a_line(" ".join(f"{clause.lower()} ({found.text})" for clause, found in policy.expressions))


def creation_of(policy: Policy, name: str) -> str:
    """CREATE POLICY of a policy of the relation that SQL calls ``name``, in a line."""
    kind = "" if policy.permissive else " as restrictive"
    roles = ", ".join(map(role_name, policy.roles))
    return (
        f"create policy {quoted(policy.name)} on {name}{kind} for {policy.command.lower()} to {roles}"
        f" {clauses_of(policy)}".rstrip()
        + ";"
    )


def role_name(role: str) -> str:
    """A role as GRANT and CREATE POLICY write it."""
    return role if role == "public" else quoted(role)
