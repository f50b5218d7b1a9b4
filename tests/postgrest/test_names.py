"""SQL identifiers are quoted if necessary."""

from __future__ import annotations

import pytest

from proxy.postgrest.names import quoted_identifier, singular


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("id", "id"),
        ("Id", '"Id"'),
        ("the key", '"the key"'),
        ('a"b', '"a""b"'),
        ("1a", '"1a"'),
        ("é", '"é"'),
        ("order", '"order"'),
        ("user", '"user"'),
        ("time", '"time"'),
        ("name", "name"),
        ("", '""'),
    ],
)
def test_identifiers_are_quoted_if_necessary(name: str, identifier: str) -> None:
    assert quoted_identifier(name) == identifier


@pytest.mark.parametrize(
    ("many", "one"), [("creators", "creator"), ("companies", "company"), ("address", "address"), ("data", "data")]
)
def test_the_singular_of_a_relation_is_guessed(many: str, one: str) -> None:
    assert singular(many) == one
