"""SQL identifiers are quoted if necessary."""

from __future__ import annotations

import pytest

from proxy.postgrest.names import quoted_identifier


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
