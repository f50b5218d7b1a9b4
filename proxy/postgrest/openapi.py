"""What PostgREST's OpenAPI description says of tables: columns, primary keys, foreign keys of one column.

It marks them in the descriptions of columns, ``<pk/>`` and ``<fk table='…' column='…'/>``, and says neither which other
columns are unique nor which indexes there are.
https://postgrest.org/en/v12/references/api/openapi.html

Tests: tests/e2e/findings/test_openapi.py.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from proxy.model import Column
from proxy.postgrest.database_facts import DatabaseFacts, ForeignKeyFact, RelationFacts

_FOREIGN_KEY = re.compile(r"<fk table='([^']*)' column='([^']*)'/>")
_PRIMARY_KEY = "<pk/>"


class _Property(msgspec.Struct):
    description: str = ""
    format: str = ""


class _Definition(msgspec.Struct):
    properties: dict[str, _Property] = {}
    required: list[str] = []
    """The columns that are declared NOT NULL."""


class _Description(msgspec.Struct):
    definitions: dict[str, _Definition] = {}
    paths: dict[str, dict[str, Any]] = {}


def read_openapi(bodies: Mapping[str, bytes]) -> DatabaseFacts:
    """The facts of one description per schema, by the schema's name. msgspec.DecodeError if one is no description."""
    relations: dict[str, RelationFacts] = {}
    keys: list[ForeignKeyFact] = []
    for schema, body in bodies.items():
        described = msgspec.json.decode(body, type=_Description)
        for name, definition in described.definitions.items():
            writable = "post" in described.paths.get(f"/{name}", {})
            relations[f"{schema}.{name}"] = _relation(definition, writable)
            keys += _foreign_keys(schema, name, definition)
    return DatabaseFacts(tuple(bodies), relations, _known(keys, relations))


def _relation(definition: _Definition, writable: bool) -> RelationFacts:
    """A table or view. A view has the key of a table, whose rows a join may repeat; such a view takes no inserts."""
    filled = frozenset(definition.required)
    columns = {
        name.encode(): Column(one.format, not_null=name in filled) for name, one in definition.properties.items()
    }
    key = tuple(name for name, one in definition.properties.items() if _PRIMARY_KEY in one.description)
    return RelationFacts(columns=columns, declared_key=key if writable else (), complete=False)


def _foreign_keys(schema: str, name: str, definition: _Definition) -> Iterable[ForeignKeyFact]:
    """Their names are those of their columns, by which a select can name them too."""
    for column, one in definition.properties.items():
        found = _FOREIGN_KEY.search(one.description)
        if found is not None:
            yield ForeignKeyFact(column, f"{schema}.{name}", (column,), f"{schema}.{found[1]}", (found[2],))


def _known(keys: Sequence[ForeignKeyFact], relations: Mapping[str, RelationFacts]) -> tuple[ForeignKeyFact, ...]:
    """Those whose targets are described in the same schema."""
    targets = {name: facts.columns for name, facts in relations.items()}
    return tuple(key for key in keys if key.target_columns[0].encode() in targets.get(key.target, {}))
