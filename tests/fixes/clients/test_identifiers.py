"""Any name becomes a valid and unique identifier."""

from __future__ import annotations

import pytest

from proxy.fixes.clients.identifiers import camel_case, free_name, snake_case


def test_names_become_camel_case_and_snake_case() -> None:
    assert (camel_case("creator_id"), camel_case("read the table")) == ("creatorId", "readTheTable")
    assert (snake_case("creatorId"), snake_case("read the-table")) == ("creator_id", "read_the_table")
    assert camel_case("\u65e5") == snake_case("\u65e5") == ""


@pytest.mark.parametrize(
    ("name", "free"), [("a", "a"), ("", "value"), ("1a", "_1a"), ("Data", "_Data"), ("class", "_class"), ("a_2", "a_2")]
)
def test_a_name_that_is_invalid_or_reserved_is_changed(name: str, free: str) -> None:
    assert free_name(name, set()) == free


def test_a_name_in_use_gets_a_number() -> None:
    used = {"a", "a_2"}
    assert [free_name("a", used) for _ in range(2)] == ["a_3", "a_4"]
    assert used == {"a", "a_2", "a_3", "a_4"}


def test_the_reserved_names_can_be_replaced() -> None:
    assert free_name("class", set(), reserved=()) == "class"
