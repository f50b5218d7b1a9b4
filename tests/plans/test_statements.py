"""The statements of a fingerprint have values of the statistics, and constants that were recognised."""

from __future__ import annotations

from hashlib import blake2b

import pytest

from proxy.plans.statements import SeenCalls, facts_of_database, statements_of
from proxy.schema.relation import ColumnStats, Relation, TableColumn
from proxy.schema.snapshot import Database
from proxy.sql.expressions import UnwritableError
from tests.sql.test_planned import RELATIONS

SALT = b"0123456789abcdef"
STATS = ColumnStats(3, 0, 4, ("open", "done"), (0.7, 0.2), ())
DATABASE = Database(
    relations=(
        Relation(
            schema="app",
            name="shop",
            kind="r",
            columns=(
                TableColumn("name", "character varying(20)", stats=STATS),
                TableColumn("id", "integer", stats=ColumnStats(-1, 0, 4, histogram=("1", "5", "9"))),
            ),
        ),
    )
)


def hashed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8, key=SALT).digest(), "big")


def test_each_set_of_values_makes_a_statement() -> None:
    seen = SeenCalls("GET shop?select=id&id=gt.?&name=eq.?&limit=?", limit=5)
    made = statements_of(seen, RELATIONS, facts_of_database(DATABASE))
    assert [one.label for one in made.rows] == ["most common", "median", "absent"]
    assert "shop.id > '5' AND shop.name = 'done' LIMIT 5" in made.rows[1].text
    assert "shop.id > '10' AND shop.name = 'fanin-absent'" in made.rows[2].text
    assert made.counts == ()


def test_a_literal_that_is_always_the_same_is_in_each_statement() -> None:
    calls = [(0, hashed("1"), hashed("open")), (0, hashed("2"), hashed("open"))]
    fingerprint = "GET shop?select=id&id=eq.?&name=eq.?"
    seen = SeenCalls(fingerprint, prefers=("count=exact",), literals=calls, salt=SALT)
    made = statements_of(seen, RELATIONS, facts_of_database(DATABASE))
    assert made.chosen.constant == ("name",)
    assert all("shop.name = 'open'" in one.text for one in (*made.rows, *made.counts))
    assert len(made.counts) == len(made.rows) == 3


def test_what_has_no_exact_sql_is_named() -> None:
    with pytest.raises(UnwritableError, match="PATCH"):
        statements_of(SeenCalls("PATCH shop?id=eq.?"), RELATIONS, facts_of_database(DATABASE))
