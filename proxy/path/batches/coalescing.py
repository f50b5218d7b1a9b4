"""Decides which requests may be coalesced: byte-equal reads share one upstream call.

Source: docs/explanation/merging.md#identical-requests.
"""

from collections.abc import Callable, Iterable

from proxy.model import PendingRequest, Query, RequestHead
from proxy.postgrest.request.target import decoded, function_of

READS = frozenset((b"GET", b"HEAD"))
NEGOTIATION_REASONS = frozenset((None, "range", "accept", "count"))
"""Bypass reasons that do not prevent coalescing: they concern what the caller accepts, which byte-equal requests
have in common."""

IsStable = Callable[[str, str], bool]
"""Whether equal calls of a function give equal answers. Arguments: schema (empty if no profile names it) and name."""


def is_shareable(query: Query, head: RequestHead, mount: bytes, is_stable: IsStable) -> bool:
    """Whether one answer may serve this request and all equal requests that wait with it.

    True for reads of tables and views, which PostgREST runs in a read-only transaction. True for a function only if
    ``is_stable``: two calls of a function that creates a token must give two tokens.
    """
    if query.method not in READS or head.bypass_reason not in NEGOTIATION_REASONS:
        return False
    if query.relation:
        return True
    function = function_of(query.target, query.path_end, mount)
    return function is not None and is_stable(head.accept_profile, decoded(function).decode("utf-8", "replace"))


def may_be_cached(request: PendingRequest) -> bool:
    """Whether a request is a plain read of a relation whose whole answer can be kept."""
    query, head = request.query, request.head
    if query.method != b"GET" or not query.relation or query.long_list is not None:
        return False
    return head.bypass_reason in NEGOTIATION_REASONS and not head.body_framing and not head.retry


def any_stable(*sources: IsStable) -> IsStable:
    """A function is stable if any of ``sources`` says so."""
    return lambda schema, name: any(is_stable(schema, name) for is_stable in sources)


def stable_in_settings(names: Iterable[str], default_schema: str) -> IsStable:
    """A function is stable if the settings name it: ``function`` for any schema, or ``schema.function``.

    ``default_schema`` is the schema of a request without a profile.
    """
    stable = frozenset(names)
    return lambda schema, name: name in stable or f"{schema or default_schema}.{name}" in stable
