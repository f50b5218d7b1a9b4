"""Which requests may share one answer with those that are byte-equal to them.

Source: docs/explanation/merging.md#identical-requests.
"""

from collections.abc import Callable, Iterable

from proxy.model import Query, RequestHead
from proxy.postgrest.request.target import decoded, function_of

READS = frozenset((b"GET", b"HEAD"))
NEGOTIATION_REASONS = frozenset((None, "range", "accept", "count"))
"""Bypass reasons of a head that speak of what is asked for: byte-equal requests ask for the same."""

IsStable = Callable[[str, str], bool]
"""Whether equal calls of a function have equal answers: its schema (empty where no profile names it) and its name."""


def is_shareable(query: Query, head: RequestHead, mount: bytes, is_stable: IsStable) -> bool:
    """Whether an answer to this request may go to each equal one that waits with it.

    It may for reads of tables and views, which PostgREST runs in a read-only transaction; for functions only where
    ``is_stable``: two calls of one that makes a token must give two tokens.
    """
    if query.method not in READS or head.bypass_reason not in NEGOTIATION_REASONS:
        return False
    if query.relation:
        return True
    function = function_of(query.target, query.path_end, mount)
    return function is not None and is_stable(head.accept_profile, decoded(function).decode("utf-8", "replace"))


def any_stable(*ways: IsStable) -> IsStable:
    """Stable is what any of these says is."""
    return lambda schema, name: any(way(schema, name) for way in ways)


def stable_in_settings(names: Iterable[str], first: str) -> IsStable:
    """Stable is what an operator says: ``function`` in any schema, or ``schema.function``. ``first`` is the schema that
    needs no profile.
    """
    known = frozenset(names)
    return lambda schema, name: name in known or f"{schema or first}.{name}" in known
