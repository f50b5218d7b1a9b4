"""Whatever a name is, an identifier comes of it, and no two are the same."""

from __future__ import annotations

import pytest

from proxy.fixes.identifiers import camel_case, free_name, snake_case


def test_camels_and_snakes() -> None:
    assert (camel_case("creator_id"), camel_case("read the table")) == ("creatorId", "readTheTable")
    assert (snake_case("creatorId"), snake_case("read the-table")) == ("creator_id", "read_the_table")
    assert camel_case("\u65e5") == snake_case("\u65e5") == ""


@pytest.mark.parametrize(
    ("name", "free"), [("a", "a"), ("", "value"), ("1a", "_1a"), ("Data", "_Data"), ("class", "_class"), ("a_2", "a_2")]
)
def test_what_is_no_identifier_or_means_something_else_is_changed(name: str, free: str) -> None:
    assert free_name(name, set()) == free


def test_a_name_that_is_taken_gets_a_number() -> None:
    taken = {"a", "a_2"}
    assert [free_name("a", taken) for _ in range(2)] == ["a_3", "a_4"]
    assert taken == {"a", "a_2", "a_3", "a_4"}


def test_what_is_reserved_may_be_said() -> None:
    assert free_name("class", set(), reserved=()) == "class"
