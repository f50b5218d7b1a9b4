"""The address of a row in its table: Postgres' system columns ``ctid`` (block and offset) and ``tableoid``.

A sequential scan, a bitmap heap scan and a btree scan for one value (since PostgreSQL 13) return rows in the order of
their addresses. PostgREST can select both columns, of a table and not of a view.

Sources: https://www.postgresql.org/docs/current/ddl-system-columns.html,
https://www.postgresql.org/docs/current/btree.html#BTREE-DEDUPLICATION and docs/explanation/merging.md#physical-order.
"""

from collections.abc import Iterable, Mapping
from itertools import pairwise

from proxy.model import Column

CTID, TABLEOID = b"ctid", b"tableoid"
ADDRESS_TYPE = "tid"
NO_COLUMN_CODES = ("42", "0A", "PGRST2")
"""Beginnings of the error codes of a statement that may not, or cannot, read a column."""


def address_columns(columns: Mapping[bytes, Column]) -> tuple[bytes, ...]:
    """The columns that show where a row of the relation is; empty if it has none, or if they are not known.

    The catalog knows which relation is a single table, where ``ctid`` alone is enough. Rows of a partitioned table, or
    of one that others inherit from, are in several.
    """
    ctid = columns.get(CTID)
    if ctid is None or ctid.type != ADDRESS_TYPE:
        return ()
    return (CTID,) if ctid.unique else (CTID, TABLEOID)


def are_in_order(addresses: Iterable[tuple[bytes | None, ...]]) -> bool:
    """Whether rows with these texts of ``address_columns`` are in one table, each behind the one before."""
    return all(
        above[1:] == below[1:] and (-1, -1) != place(above[0]) < place(below[0]) for above, below in pairwise(addresses)
    )


def place(ctid: bytes | None) -> tuple[int, int]:
    """Block and offset of ``(7,12)``; (-1, -1) for any other text."""
    block, comma, offset = (ctid or b"")[1:-1].partition(b",")
    if not (comma and block.isdigit() and offset.isdigit()):
        return (-1, -1)
    return int(block), int(offset)
