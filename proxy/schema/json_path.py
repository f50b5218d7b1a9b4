"""JSON paths of requests as SQL, and the indexes and generated columns that have them."""

import msgspec

from proxy.schema.names import quoted
from proxy.schema.parsing import same_expression
from proxy.schema.relation import Index, Relation, TableColumn

JSON_TYPES = ("json", "jsonb")


class JsonPath(msgspec.Struct, frozen=True):
    """What ``column->key->>key`` of a request means."""

    column: TableColumn
    keys: tuple[str, ...]
    as_text: bool
    """Its last arrow is ``->>``."""

    @property
    def sql(self) -> str:
        """The expression that PostgREST writes for it, without the table. A key that is a number is a position."""
        text = quoted(self.column.name)
        for at, key in enumerate(self.keys, 1):
            literal = key if key.removeprefix("-").isdecimal() else "'" + key.replace("'", "''") + "'"
            text += f" {'->>' if self.as_text and at == len(self.keys) else '->'} {literal}"
        return text

    @property
    def type(self) -> str:
        """The type of the expression."""
        return "text" if self.as_text else self.column.type


def parse_json_path(field: str, relation: Relation) -> JsonPath | None:
    """The path that a request names; None if it has no arrow, or its column is not JSON."""
    name, arrow, rest = field.partition("->")
    column = next((each for each in relation.columns if each.name == name and each.type in JSON_TYPES), None)
    if not arrow or column is None:
        return None
    keys = rest.removeprefix(">").replace("->>", "->").split("->")
    return JsonPath(column, tuple(keys), "->>" in field)


def is_indexed(relation: Relation, expression: str, methods: tuple[str, ...]) -> bool:
    """Whether an index of all rows, by one of the access methods, has the expression as its first key."""
    return any(_starts_with(index, expression, methods) for index in relation.indexes)


def generated_from(relation: Relation, expression: str) -> TableColumn | None:
    """The generated column that stores the expression."""
    columns = (column for column in relation.columns if column.generated)
    return next((column for column in columns if same_expression(column.default, expression)), None)


def _starts_with(index: Index, expression: str, methods: tuple[str, ...]) -> bool:
    usable = index.valid and not index.where and index.method in methods
    return usable and same_expression(index.keys[0].text, expression)
