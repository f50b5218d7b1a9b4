"""What an index must have as its first key so that a comparison of a policy uses it: a column, or a cast of it."""

from proxy.schema.expression import ComparedColumn
from proxy.schema.index_sql import finds
from proxy.schema.names import quoted
from proxy.schema.parsing import same_expression, type_name
from proxy.schema.relation import Index, Relation, TableColumn

TEXTS = ("text", "varchar")
IMMUTABLE = frozenset(("smallint", "int", "bigint", "decimal", "uuid", "boolean", *TEXTS))
"""Types whose casts to each other depend on no setting, so that an index can have them."""


def casts_to_index(column: TableColumn, compared: ComparedColumn) -> tuple[str, ...]:
    """The casts that an index by the column alone does not serve; empty if it does.

    A domain is stored and compared as the type under it, and ``varchar`` as ``text``.
    """
    current = type_name(column.base_type or column.type).partition("(")[0]
    for place, cast in enumerate(compared.casts):
        of_text = current in TEXTS and cast in TEXTS
        if cast != current and not of_text:
            return compared.casts[place:]
        current = cast
    return ()


def plain_columns(relation: Relation) -> frozenset[str]:
    """The columns that policies compare in a way that an index by the column alone serves."""
    columns = {column.name: column for column in relation.columns}
    return frozenset(
        one.name
        for policy in relation.policies
        for _, clause in policy.expressions
        for one in clause.equal_columns
        if one.name in columns and not casts_to_index(columns[one.name], one)
    )


def key_of(column: TableColumn, casts: tuple[str, ...]) -> str:
    """The key as SQL: the name of the column, or an expression in parentheses."""
    key = "::".join((quoted(column.name), *casts))
    return f"({key})" if casts else key


def can_be_indexed(column: TableColumn, casts: tuple[str, ...]) -> bool:
    """Whether Postgres accepts the key: all casts are immutable."""
    return not casts or IMMUTABLE.issuperset((type_name(column.base_type or column.type).partition("(")[0], *casts))


def serves(index: Index, column: TableColumn, casts: tuple[str, ...]) -> bool:
    """Whether the index finds the rows that equal a value in the column, cast so."""
    if not casts:
        return finds(index, (column.name,))
    first = index.keys[0]
    # An expression has no collation of its own, which for text is the default one.
    own = first.collation in ("", "default")
    whole = index.valid and not index.where and index.method in ("btree", "hash") and own
    return whole and not first.column and same_expression(first.text, key_of(column, casts))
