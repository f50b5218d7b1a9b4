"""A statement of PostgREST is read back into the fingerprint of its request, or it is said why not."""

from __future__ import annotations

import pytest

from proxy.sql.expressions import UnwritableError
from proxy.sql.pgrst_source import fingerprint_of, is_postgrest, same_statement, updated_columns
from tests.rules.traces import span

TAIL = (
    " SELECT $9::bigint AS total_result_set, pg_catalog.count(_postgrest_t) AS page_total,"
    " coalesce(json_agg(_postgrest_t), $10) AS body FROM ( SELECT * FROM pgrst_source ) _postgrest_t"
)


def statement(source: str) -> str:
    return f"WITH pgrst_source AS ( {source} ) {TAIL}"


def test_each_part_of_a_read_is_in_the_fingerprint() -> None:
    text = statement(
        'SELECT "public"."t"."id", "public"."t"."state" AS "s" FROM "public"."t"  WHERE '
        ' "public"."t"."state" = ANY ($1)'
        ' AND  "public"."t"."a" IS NULL AND NOT "public"."t"."b" = $2 AND  "public"."t"."c" LIKE $3'
        ' ORDER BY "public"."t"."at" DESC NULLS LAST, "public"."t"."id" ASC  LIMIT $4 OFFSET $5 '
    )
    asked = "GET /t?select=id,s:state&state=in.(1,2)&a=is.null&b=not.eq.1&c=like.x&order=at.desc.nullslast,id&limit=5"
    assert is_postgrest(text)
    read = fingerprint_of(text, "public")
    assert read == (
        "GET t?select=id,s:state&state=in.?&a=is.null&b=not.eq.?&c=like.?&order=at.desc.nullslast,id&limit=?&offset=?"
    )
    assert same_statement(read) == same_statement(span(asked, 1).fingerprint)


def test_another_schema_is_named() -> None:
    text = statement('SELECT "shop"."t".* FROM "shop"."t"')
    assert fingerprint_of(text, "public") == "GET shop.t?select=*"
    assert fingerprint_of(text, "shop") == "GET t?select=*"


def test_the_order_of_parameters_does_not_matter_and_their_operators_do() -> None:
    first, second = "GET t?a=eq.?&b=eq.?&select=*", "HEAD t?b=eq.?&a=eq.?"
    assert same_statement(first) == same_statement(second)
    assert same_statement(first) != same_statement("GET t?a=eq.?&b=gt.?")
    assert same_statement(first) != same_statement("GET u?a=eq.?&b=eq.?")


@pytest.mark.parametrize(
    "source",
    [
        'INSERT INTO "public"."t" SELECT * FROM x RETURNING *',
        'SELECT "public"."t".*, "c"."c" AS "c" FROM "public"."t" LEFT JOIN LATERAL ( SELECT 1 ) AS "c" ON TRUE',
        'SELECT to_jsonb("public"."t"."a")->$1 AS "a" FROM "public"."t"',
        'SELECT "public"."t".* FROM "public"."t" WHERE ("public"."t"."a" = $1 OR "public"."t"."b" = $2)',
        'SELECT "public"."t".* FROM',
    ],
)
def test_what_is_not_read_back_says_why(source: str) -> None:
    with pytest.raises(UnwritableError, match=r"\w"):
        fingerprint_of(statement(source), "public")


def test_the_columns_that_an_update_sets_are_read_back() -> None:
    source = (
        'WITH pgrst_payload AS (SELECT $1 AS json_data) UPDATE "public"."videos" SET "status" = "pgrst_body"."status",'
        ' "Seen at" = "pgrst_body"."Seen at" FROM (SELECT $2) pgrst_body WHERE "public"."videos"."id" = $3 RETURNING 1'
    )
    assert updated_columns(statement(source)) == ("public", "videos", ("status", "Seen at"))
    assert updated_columns(statement('SELECT "public"."t".* FROM "public"."t"')) is None
    assert updated_columns("UPDATE of nothing (") is None
