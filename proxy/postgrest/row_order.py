"""The order of rows with the same key, as far as the types of the order's columns are known.

Source: docs/explanation/merging.md#row-order.
"""

from collections.abc import Mapping

import msgspec

from proxy.model import Column, Query
from proxy.postgrest.types import is_totally_ordered, known_column


class KnownOrder(msgspec.Struct, frozen=True):
    """A query's order, as far as its columns are known."""

    is_total: bool
    """Whether it certainly leaves no ties."""
    columns: tuple[Column, ...]
    """Columns to select as hidden columns, so that ties are detected; empty if ties cannot be detected."""

    @property
    def is_known(self) -> bool:
        return self.is_total or bool(self.columns)


def order_of(query: Query, known: Mapping[bytes, Column]) -> KnownOrder:
    """The query's order of rows with the same key."""
    columns = [known_column(name, known) for name in query.order]
    is_total = any(column is not None and column.unique for column in columns)
    ordered = tuple(column for column in columns if column is not None and is_totally_ordered(column))
    return KnownOrder(is_total, () if is_total or len(ordered) < len(columns) else ordered)
