"""Which role a caller has, as a keyed hash: recordings contain no claim, and a report can still tell known roles."""

from collections.abc import Callable

from proxy.bounded_table import MAX_BYTES, BoundedTable
from proxy.model import RequestHead
from proxy.postgrest.request.token_role import token_role

MOST = 1000
"""Callers that are remembered."""


class CallerRoles:
    """Hashes of the roles of callers; a token is read once as long as its caller is remembered."""

    def __init__(self, hash_literal: Callable[[bytes], int]) -> None:
        self._hash_literal = hash_literal
        self._roles: BoundedTable[bytes, int] = BoundedTable(MOST, MAX_BYTES)

    def of(self, head: RequestHead) -> int:
        """The hash of the role that the caller's token names; of nothing without a token; 0 if it is not known."""
        key = head.caller_hash
        known = self._roles.get(key)
        if known is None:
            role = token_role(head.forwarded_lines)
            known = 0 if role is None else self._hash_literal(role.encode())
            self._roles.put(key, known, len(key))
        return known
