"""Tells ignores that matched no finding apart: did what they are about run?"""

from collections.abc import Collection

import msgspec

from proxy.findings.ignores import Ignore
from proxy.postgrest.names import forms

NO_ROUTE = "-"
"""Stands for the route in the key of a finding without one."""


class UnmatchedIgnore(msgspec.Struct, frozen=True):
    """An ignore that matched no finding; ``text`` is the message about it."""

    text: str
    looks_fixed: bool
    """Whether its route, query or object was looked at: then it was not found there. Else nothing is proved."""


class Seen(msgspec.Struct):
    """What rules looked at: names in the traffic, and rules that ran over the database."""

    traces: int = 0
    routes: set[str] = msgspec.field(default_factory=set)
    relations: set[str] = msgspec.field(default_factory=set)
    fingerprints: set[str] = msgspec.field(default_factory=set)
    over_database: Collection[str] = ()
    """Codes of the rules over the database itself."""
    checked: Collection[str] = ()
    """Codes of those that ran."""

    def add(self, route: str, relations: Collection[str], fingerprints: Collection[str]) -> None:
        """Count a trace."""
        self.traces += 1
        self.routes.add(route)
        self.relations.update(relations)
        self.fingerprints.update(fingerprints)


def unmatched_ignore(message: str, ignore: Ignore, schema: str, seen: Seen) -> UnmatchedIgnore:
    """``message`` says that ``ignore`` matched nothing. ``schema`` is the default schema."""
    if _was_looked_at(ignore, schema, seen):
        return UnmatchedIgnore(f"{message}, and looks fixed: {_subject(ignore)} was seen", True)
    return UnmatchedIgnore(f"{message}, which proves nothing: {_subject(ignore)} was not seen", False)


def _subject(ignore: Ignore) -> str:
    if ignore.route:
        return "its route"
    return "its query" if ignore.fingerprint else "what it names"


def _was_looked_at(ignore: Ignore, schema: str, seen: Seen) -> bool:
    code = ignore.rule or ignore.finding.partition(":")[0]
    if code in seen.checked or code in seen.over_database:
        return code in seen.checked
    if ignore.finding:
        return _is_key_of_seen(ignore.finding, schema, seen)
    if ignore.route or ignore.fingerprint:
        return ignore.route in seen.routes if ignore.route else ignore.fingerprint in seen.fingerprints
    if ignore.relation:
        return any(ignore.relation in forms(relation, schema) for relation in seen.relations)
    return seen.traces > 0


def _is_key_of_seen(key: str, schema: str, seen: Seen) -> bool:
    """Whether the route in a finding's key was seen; without a route, whether its relation was. Any name may contain
    colons.
    """
    rest = key.partition(":")[2]
    names = {form for relation in seen.relations for form in forms(relation, schema)}
    if any(route and f":{route}:" in f":{rest}" for route in seen.routes):
        return True
    return any(rest.startswith(f"{name}:{NO_ROUTE}:") for name in names | {""})
