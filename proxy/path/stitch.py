"""Reads whose list is too long for upstream."""

import msgspec

from proxy.model import Query
from proxy.postgrest.in_list import long_list

KEYLESS = frozenset((None, "no-key", "literal"))
"""Refusals of a query that has nothing to be merged by, which does not matter to one that is too long for it."""


def lengthened(query: Query, target: bytes) -> Query:
    """``query``, which was read off a shortened target, for the whole one. Nothing of it is merged."""
    at, filters = long_list(target, len(target)), list(query.filters)
    parameter = 0 if at is None else target.count(b"&", query.path_end, at[0])
    if at is not None and parameter < len(filters):
        filters[parameter] = target[at[0] : at[1]]
    return msgspec.structs.replace(
        query,
        target=target,
        filters=tuple(filters),
        select=None,
        limit=None,
        keys=(),
        refusal="too-long" if query.refusal in KEYLESS else query.refusal,
    )
