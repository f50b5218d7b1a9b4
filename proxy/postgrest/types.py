"""Postgres' types: which literals can be told apart by the row's own text, and which columns order without ties.

Names are those of ``format_type`` (docs/explanation/merging.md#types; PostgreSQL, "Data Types").
"""

from collections.abc import Callable, Mapping
from datetime import date

from proxy.model import Column, LiteralClass
from proxy.postgrest.request.literals import canonical, fold, is_uuid

INTEGER_RANGES = {
    "smallint": (-(2**15), 2**15),
    "integer": (-(2**31), 2**31),
    "bigint": (-(2**63), 2**63),
    "oid": (0, 2**32),
}
"""Types of whole numbers: the smallest, and the first that is too large."""

TEXT_TYPES = frozenset(("text", "character varying", "character", "name"))
ENUM = "enum"

NEVER_MERGED = frozenset(('"char"', "json", "xml", "point", "range", "representation"))
"""Types of which not even canonical integers are merged: "char" looks at the first byte only, the others fail."""

KNOWN_TYPES = (
    TEXT_TYPES
    | NEVER_MERGED
    | INTEGER_RANGES.keys()
    | frozenset(("uuid", "boolean", "date", "numeric", "real", "double precision", "money", "interval", "bytea"))
    | frozenset(("timestamp without time zone", "timestamp with time zone", "time without time zone"))
    | frozenset(("time with time zone", "inet", "cidr", "macaddr", "macaddr8", "bit", "bit varying", "jsonb"))
    | frozenset(("tsvector", "tsquery", "pg_lsn"))
)
"""Names that need no second question. Any other is an enumeration, a domain, or a type that somebody made."""

TOTALLY_ORDERED = TEXT_TYPES | INTEGER_RANGES.keys() | {"uuid", "boolean", "date", "timestamp without time zone", ENUM}
TOTALLY_ORDERED |= {"timestamp with time zone", "time without time zone"}
"""Types under which values with different texts are never tied. Of 1.0 and 1.00, or 1 day and 24:00:00, they are."""

JSON_TEXT = Column("text", deterministic=True)
"""What ``->>`` makes: text of the database's own collation, and that is never a nondeterministic one."""


def known_column(name: bytes, known: Mapping[bytes, Column]) -> Column | None:
    """What is known of a key or an order column."""
    return JSON_TEXT if b"->>" in name else known.get(name)


def can_merge(literal: bytes, column: Column | None) -> bool:
    """Whether a batch may hold ``literal``: its rows, and no others of the batch, show it as their key's text."""
    if column is None:
        return canonical(literal) is not None
    if column.type in NEVER_MERGED or column.type.endswith("[]") or literal in column.bad_values:
        return False
    rule = _SINGLE_SPELLING.get(column.type)
    return canonical(literal) is not None if rule is None else rule(literal, column)


def may_be_char(column: Column | None) -> bool:
    """Whether it may be ``"char"``, or a domain over it: only a type that is known by name is surely neither."""
    return column is None or (column.type not in KNOWN_TYPES and column.type != ENUM)


def has_single_spelling(column: Column | None) -> bool:
    """Whether rows of this column show a fitting literal as their own text, unless the column is another one now."""
    return column is not None and column.type in _SINGLE_SPELLING


def mixes_classes(column: Column | None) -> bool:
    """Whether any two fitting literals may share a call; else only those of one class."""
    return column is not None and (column.type in TEXT_TYPES or column.type == ENUM)


def is_totally_ordered(column: Column | None) -> bool:
    """Whether rows that show different texts in this column are in one certain order."""
    return column is not None and column.type in TOTALLY_ORDERED


def are_distinct(one: bytes | None, other: bytes | None, column: Column) -> bool:
    """Whether the texts of two rows in an order column prove that these are not tied; None is null.

    The texts are as JSON writes them: a backslash stands for something else.
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
    """Blanks at the end count for nothing, and no row's text shows them."""
    return literal[-1:] != b" " and _fits_text(literal, column)


def _fits_name(literal: bytes, _: Column) -> bool:
    """What is longer than 63 bytes is cut before it is compared."""
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
"""What these types have one spelling for (docs/explanation/merging.md#types). Of any other, canonical integers and
UUIDs only."""

SINGLE_SPELLING_TYPES = tuple(_SINGLE_SPELLING)
"""Those types, the most usual first."""

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
    """The name that ``format_type`` has for a type, without its length: ``varchar(20)`` is ``character varying``."""
    bare, parenthesis, rest = type_name.strip().partition("(")
    name = (bare.strip() + rest.partition(")")[2]) if parenthesis else bare
    return _ALIASES.get(name.lower(), name)
