"""Relations in PostgREST's OpenAPI document; anything else has none."""

from __future__ import annotations

import json

import pytest

from proxy.doctor.openapi import served_relations


def test_keys_are_read_from_the_descriptions_and_types_from_the_formats() -> None:
    columns = {
        "id": {"format": "uuid", "description": "Note:\nThis is a Primary Key.<pk/>"},
        "owner": {"format": "integer", "description": "This is a Foreign Key to `u.id`.<fk table='u' column='id'/>"},
        "text": {"format": "text"},
    }
    document = {"definitions": {"videos": {"properties": columns}, "empty": {}}}
    empty, videos = served_relations(json.dumps(document).encode())
    assert (videos.primary, videos.foreign) == (("id",), ("owner",))
    assert videos.types == {"id": "uuid", "owner": "integer", "text": "text"}
    assert (empty.name, empty.types) == ("empty", {})


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"definitions":[]}',
        b'{"paths":{}}',
        b"\xff",
        b'{"definitions":{"a":{"properties":{"b":1}}}}',
    ],
)
def test_what_is_no_such_document_has_no_column(document: bytes) -> None:
    assert not [relation for relation in served_relations(document) if relation.types]
