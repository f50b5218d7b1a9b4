"""Relations in PostgREST's OpenAPI document: their columns, types, primary and foreign keys.

https://postgrest.org/en/v12/references/api/openapi.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from proxy.model import NOT_JSON

PRIMARY, FOREIGN = "<pk/>", "<fk "
"""Marks in the description of a column."""


class ServedRelation(msgspec.Struct, frozen=True):
    """A table or view that PostgREST serves. Types are those of Postgres, by column."""

    name: str
    types: Mapping[str, str]
    primary: tuple[str, ...]
    foreign: tuple[str, ...]


def served_relations(document: bytes) -> list[ServedRelation]:
    """The relations in the document; none if it is not one."""
    try:
        decoded = msgspec.json.decode(document)
    except NOT_JSON:
        return []
    definitions = decoded.get("definitions") if isinstance(decoded, dict) else None
    if not isinstance(definitions, dict):
        return []
    return [_relation(name, dict(_columns(schema))) for name, schema in sorted(definitions.items())]


def _columns(schema: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    for name, column in properties.items() if isinstance(properties, dict) else ():
        if isinstance(column, dict):
            yield name, column


def _relation(name: str, columns: Mapping[str, Mapping[str, Any]]) -> ServedRelation:
    texts = {column: str(schema.get("description", "")) for column, schema in columns.items()}
    return ServedRelation(
        name,
        {column: str(schema.get("format", "")) for column, schema in columns.items()},
        tuple(column for column, text in texts.items() if PRIMARY in text),
        tuple(column for column, text in texts.items() if FOREIGN in text),
    )
