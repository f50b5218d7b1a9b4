"""Postgres' types: which literals identify their rows by the row's text, and which columns have a total order.

Names are those of ``format_type`` (docs/explanation/merging.md#types; PostgreSQL, "Data Types").
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date

from proxy.model import Column, LiteralClass
from proxy.postgrest.request.literals import canonical, fold, is_uuid

INTEGER_RANGES = {
    "smallint": (-(2**15), 2**15),
    "integer": (-(2**31), 2**31),
    "bigint": (-(2**63), 2**63),
    "oid": (0, 2**32),
}
"""Integer types: their smallest value, and the first value that is too large."""

TEXT_TYPES = frozenset(("text", "character varying", "character", "name"))
ENUM = "enum"

NO_COLUMN = "no column"
"""In place of a type: the name is no column, but a function, which Postgres calls for each row or for all."""

NEVER_MERGED = frozenset(('"char"', "json", "xml", "point", "range", "representation", NO_COLUMN))
"""Types whose columns are never merged, not even by canonical integers: "char" compares only the first byte, and for
the others the merged call would fail.
"""

NOT_NAMES = frozenset(("range", "representation", NO_COLUMN))
"""Kinds of types that are no name of a type."""

KNOWN_TYPES = (
    TEXT_TYPES
    | NEVER_MERGED
    | INTEGER_RANGES.keys()
    | frozenset(("uuid", "boolean", "date", "numeric", "real", "double precision", "money", "interval", "bytea"))
    | frozenset(("timestamp without time zone", "timestamp with time zone", "time without time zone"))
    | frozenset(("time with time zone", "inet", "cidr", "macaddr", "macaddr8", "bit", "bit varying", "jsonb"))
    | frozenset(("tsvector", "tsquery", "pg_lsn", "tid"))
)
"""Built-in types that need no second probe. Any other name is an enumeration, a domain or a user-defined type."""

TOTALLY_ORDERED = TEXT_TYPES | INTEGER_RANGES.keys() | {"uuid", "boolean", "date", "timestamp without time zone", ENUM}
TOTALLY_ORDERED |= {"timestamp with time zone", "time without time zone"}
"""Types whose values with different texts are never tied. Numeric 1.0 and 1.00, or the intervals 1 day and 24:00:00,
have different texts and are tied.
"""

JSON_TEXT = Column("text", deterministic=True)
"""The column of a ``->>`` path: text with the database's default collation, which is always deterministic."""


def known_column(name: bytes, known: Mapping[bytes, Column]) -> Column | None:
    """The column of a key or of an order item, if it is known."""
    return JSON_TEXT if b"->>" in name else known.get(name)


def are_columns(names: Iterable[bytes], known: Mapping[bytes, Column]) -> bool:
    """Whether all ``names`` are known to be columns: their types are known."""
    return all(name in known and known[name].type not in ("", NO_COLUMN) for name in names)


def can_merge(literal: bytes, column: Column | None) -> bool:
    """Whether ``literal`` may be merged: the rows that it matches, and no other rows, have it as their key's text."""
    if column is None:
        return canonical(literal) is not None
    if column.type in NEVER_MERGED or column.type.endswith("[]") or literal in column.bad_values:
        return False
    is_spelling = _SINGLE_SPELLING.get(column.type)
    return canonical(literal) is not None if is_spelling is None else is_spelling(literal, column)


def may_be_char(column: Column | None) -> bool:
    """Whether the type may be ``"char"`` or a domain over it: True unless it is known to be another type."""
    return column is None or (column.type not in KNOWN_TYPES and column.type != ENUM)


def has_single_spelling(column: Column | None) -> bool:
    """Whether every value of the column's type has one spelling, so that a row's key text must equal its literal.

    If it does not, the column's type has changed.
    """
    return column is not None and column.type in _SINGLE_SPELLING


def mixes_classes(column: Column | None) -> bool:
    """Whether literals of different classes may share a call."""
    return column is not None and (column.type in TEXT_TYPES or column.type == ENUM)


def is_totally_ordered(column: Column | None) -> bool:
    """Whether rows with different texts in this column are never tied."""
    return column is not None and column.type in TOTALLY_ORDERED


def are_distinct(one: bytes | None, other: bytes | None, column: Column) -> bool:
    """Whether the texts of two rows in an order column prove that the rows are not tied; None is null.

    The texts are JSON-encoded: a backslash begins an escape.
    """
    if one is None or other is None:
        return one is not other
    if column.type in TEXT_TYPES and not column.deterministic:
        plain = one.isascii() and other.isascii() and b"\\" not in one + other
        return plain and fold(one) != fold(other)
    return one != other


def _fits_text(literal: bytes, column: Column) -> bool:
    return column.deterministic or literal.isascii()


def _fits_padded(literal: bytes, column: Column) -> bool:
    """Type ``character`` ignores trailing blanks, and a row's text does not have them."""
    return literal[-1:] != b" " and _fits_text(literal, column)


def _fits_name(literal: bytes, _: Column) -> bool:
    """Type ``name`` truncates a literal to 63 bytes before it compares."""
    return len(literal) < 64


def _fits_integer(literal: bytes, column: Column) -> bool:
    least, end = INTEGER_RANGES[column.type]
    return canonical(literal) is LiteralClass.INTEGER and least <= int(literal) < end


def _fits_uuid(literal: bytes, _: Column) -> bool:
    return is_uuid(literal)


def _fits_boolean(literal: bytes, _: Column) -> bool:
    return literal in (b"true", b"false")


def _fits_date(literal: bytes, _: Column) -> bool:
    try:
        return date.fromisoformat(literal.decode("ascii")).isoformat().encode() == literal
    except ValueError:
        return False


def _fits_enum(literal: bytes, column: Column) -> bool:
    return bool(literal) if column.labels is None else literal in column.labels


_SINGLE_SPELLING: dict[str, Callable[[bytes, Column], bool]] = {
    "text": _fits_text,
    "character varying": _fits_text,
    "character": _fits_padded,
    "name": _fits_name,
    **dict.fromkeys(INTEGER_RANGES, _fits_integer),
    "uuid": _fits_uuid,
    "boolean": _fits_boolean,
    "date": _fits_date,
    ENUM: _fits_enum,
}
"""Per type, whether a literal is the single spelling of its value (docs/explanation/merging.md#types). For every other
type only canonical integers and UUIDs are.
"""

SINGLE_SPELLING_TYPES = tuple(_SINGLE_SPELLING)
"""These types, the most frequent first."""

_ALIASES = {
    "varchar": "character varying",
    "char": "character",
    "bpchar": "character",
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "int2": "smallint",
    "bool": "boolean",
    "float8": "double precision",
    "float4": "real",
    "decimal": "numeric",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "time": "time without time zone",
    "timetz": "time with time zone",
}


def full_name(type_name: str) -> str:
    """The type's name as ``format_type`` writes it, without a length: ``character varying`` for ``varchar(20)``."""
    bare, parenthesis, rest = type_name.strip().partition("(")
    name = (bare.strip() + rest.partition(")")[2]) if parenthesis else bare
    return _ALIASES.get(name.lower(), name)
