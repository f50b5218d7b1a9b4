"""Whether an earlier answer of a trace may have had a value that a filter uses for the first time.

Answers are known by the columns that their requests select. By these, a value is a constant of the code only if no
column can have brought it; if that is not certain, it may come from any answer.
"""

from collections.abc import Collection

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.fingerprint_cache import cached_by_fingerprint
from proxy.model import Span
from proxy.postgrest.singular import singular

KEY_ENDINGS = ("id", "uuid", "guid")
"""Keys have other names where they come from (``assignee``, ``owner``), so that names prove nothing of them."""
FLAGS = frozenset(
    ("active", "archived", "completed", "deleted", "enabled", "featured", "hidden", "public", "published", "visible")
)
"""Columns that are true or false: code has these values, it does not read them from a row."""
FLAG_PREFIXES = ("is_", "has_")
MAX_COLUMNS = 100
"""A request that selects more may have any column."""


def is_constant(column: str, reader: Span, answered: Collection[str]) -> bool:
    """Whether the value of the filter on ``column`` that ``reader`` has is not from the answers to the requests with
    the fingerprints ``answered``.

    If no request was answered, no value is from an answer. A filter with one row, or none, may look a row up by a
    natural key, such as a slug, whose name differs from table to table.
    """
    if not answered or column in FLAGS or column.startswith(FLAG_PREFIXES):
        return True
    found = reader.total if reader.method == "HEAD" else reader.rows
    if found < 2 or column.endswith(KEY_ENDINGS) or "." in column:
        return False
    return not any(_may_have(fingerprint, column, reader.relation) for fingerprint in answered)


@cached_by_fingerprint
def _may_have(fingerprint: str, column: str, relation: str) -> bool:
    """Whether the answer may have a column with the meaning of ``column`` of ``relation``."""
    parsed = parse_fingerprint(fingerprint)
    columns = _plain_columns(parsed.select)
    if columns is None:
        return True
    its_own = singular(parsed.relation)
    named_so = its_own == column or its_own.endswith(f"_{column}") or column.startswith(its_own)
    return named_so or any(_same_meaning(one, column, singular(relation.rpartition(".")[2])) for one in columns)


def _plain_columns(select: str) -> list[str] | None:
    """The columns of ``select``; None if it has more than names: all columns, an embed, an alias, a function."""
    columns = select.split(",")
    plain = all(column.isidentifier() for column in columns) and len(columns) <= MAX_COLUMNS
    return columns if plain else None


def _same_meaning(selected: str, column: str, reader: str) -> bool:
    """``depot_code`` and ``code`` are the same, and so are ``plan`` and the key of ``plans``, whatever its name."""
    by_ending = selected == column or selected.endswith(f"_{column}") or column.endswith(f"_{selected}")
    return by_ending or selected == reader or selected.startswith(f"{reader}_")
