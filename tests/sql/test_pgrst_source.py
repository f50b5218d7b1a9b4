"""A statement of PostgREST is read back into the fingerprint of its request, or it is said why not."""

from __future__ import annotations

import pytest

from proxy.sql.expressions import UnwritableError
from proxy.sql.pgrst_source import fingerprint_of, is_postgrest, is_whole, same_statement, updated_columns
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


MANY = """LEFT JOIN LATERAL ( SELECT json_agg("t_v_1")::jsonb AS "t_v_1" FROM (SELECT "v_1"."id", "v_1"."n" FROM
"public"."v" AS "v_1" WHERE "v_1"."n" = $1 AND "v_1"."t_id" = "public"."t"."id" ORDER BY "v_1"."n" DESC LIMIT $2
OFFSET $3 ) AS "t_v_1" ) AS "t_v_1" ON $4"""
ONE = """INNER JOIN LATERAL ( SELECT "u_2".* FROM "public"."u" AS "u_2" WHERE "u_2"."id" = "public"."t"."u_id" )
AS "t_o_2" ON "t_o_2" IS NOT NULL"""


def test_embeds_and_the_parameters_of_each_are_read_back() -> None:
    text = statement(
        'SELECT "public"."t"."id", COALESCE( "t_v_1"."t_v_1", $5) AS "v", row_to_json("t_o_2".*)::jsonb AS "o"'
        f' FROM "public"."t" {MANY} {ONE} WHERE "public"."t"."id" = $6'
    )
    asked = "GET /t?select=id,v!t_id_fkey(id,n),o:u!inner(*)&v.n=eq.1&v.order=n.desc&v.limit=3&id=eq.2"
    read = fingerprint_of(text, "public")
    assert read == "GET t?select=id,v(id,n),o:u!inner(*)&id=eq.?&v.n=eq.?&v.order=n.desc&v.limit=?&v.offset=?"
    assert same_statement(read) == same_statement(span(asked, 1).fingerprint)
    assert same_statement(read) != same_statement(span(asked.replace("v.n=eq", "v.n=gt"), 1).fingerprint)


SPREAD = """SELECT "public"."t"."id", "t_u_1"."a", "t_u_1"."n" FROM "public"."t" INNER JOIN LATERAL (
SELECT "u_1"."a", "u_v_2"."n" FROM "public"."u" AS "u_1" LEFT JOIN LATERAL (
SELECT "v_2"."n" FROM "public"."v" AS "v_2" WHERE "v_2"."id" = "u_1"."v_id") AS "u_v_2" ON $1
WHERE "u_1"."b" = $2 AND "u_1"."id" = "public"."t"."u_id") AS "t_u_1" ON $3
WHERE "t_u_1" IS DISTINCT FROM NULL ORDER BY "t_u_1"."a" DESC"""


def test_spread_embeds_filters_by_them_and_orders_by_them_are_read_back() -> None:
    read = fingerprint_of(statement(SPREAD), "public")
    assert read == "GET t?select=id,...u!inner(a,...v(n))&u=not.is.null&order=u(a).desc&u.b=eq.?"
    asked = "GET /t?select=...u!inner(...v(n),a),id&u.b=eq.1&u=not.is.null&order=u(a).desc"
    assert same_statement(read) == same_statement(span(asked, 1).fingerprint)


def test_an_embed_without_columns_is_read_back_with_its_alias() -> None:
    text = statement(
        'SELECT "public"."t"."id" FROM "public"."t" LEFT JOIN LATERAL ( SELECT "u_1".* FROM "public"."u" AS "u_1"'
        ' WHERE "u_1"."a" = $1 AND "u_1"."id" = "public"."t"."u_id" ) AS "t_own_1" ON $2'
        ' WHERE "t_own_1" IS NOT DISTINCT FROM NULL'
    )
    assert fingerprint_of(text, "public") == "GET t?select=id,own:u()&own=is.null&own.a=eq.?"


def test_full_text_searches_are_read_back_and_joined_whatever_their_language_is() -> None:
    columns = ('"public"."t"."a"', 'to_tsvector("public"."t"."a")')
    for column in columns:
        text = statement(
            f'SELECT "public"."t".* FROM "public"."t" WHERE {column} @@ to_tsquery($1) AND NOT {column} @@'
            f" plainto_tsquery($2, $3) AND ( {column} @@ phraseto_tsquery($4) OR {column} @@ websearch_to_tsquery($5))"
        )
        read = fingerprint_of(text, "public")
        assert read == "GET t?select=*&a=fts.?&a=not.plfts(?).?&or=(a.phfts.?,a.wfts.?)"
        asked = "GET /t?a=fts.x&a=not.plfts(english).y&or=(a.phfts.z,a.wfts.w)"
        assert same_statement(read) == same_statement(span(asked, 1).fingerprint)


CALL = """WITH pgrst_source AS (SELECT "pgrst_call"."id" FROM (SELECT $1 AS json_data) pgrst_payload,
LATERAL (SELECT "a", "b" FROM json_to_recordset($2) AS _("a" integer, "b" integer[]) LIMIT $3) pgrst_body ,
LATERAL "public"."f"("a" := pgrst_body."a", VARIADIC "b" := pgrst_body."b") pgrst_call)
SELECT $4::bigint AS total_result_set FROM (SELECT "t"."id" FROM "pgrst_source" AS "t" WHERE "t"."id" > $5
LIMIT $6 OFFSET $7) _postgrest_t"""
SCALAR = """WITH pgrst_source AS (SELECT pgrst_call.pgrst_scalar FROM (SELECT "shop"."g"($1::json) pgrst_scalar)
pgrst_call) SELECT $2::bigint AS total_result_set FROM (SELECT "g".* FROM "pgrst_source" AS "g") _postgrest_t"""


def test_calls_of_functions_are_read_back_with_their_arguments_and_what_is_done_with_their_rows() -> None:
    assert fingerprint_of(CALL, "public") == "/rpc/f?a=?&b=?&select=id&id=gt.?&limit=?&offset=?"
    assert fingerprint_of(SCALAR, "public") == "/rpc/shop.g?select=*"


def test_logic_trees_are_read_back() -> None:
    a, b = '"public"."t"."a"', '"public"."t"."b"'
    text = statement(
        f'SELECT "public"."t".* FROM "public"."t" WHERE ( {a} = $1 OR ( {a} = $2 AND NOT {b} IS NULL) OR {b} @> $3)'
        f" AND NOT ( {a} = $4 AND {b} = ANY ($5)) AND {b} && $6"
    )
    asked = "GET /t?or=(a.eq.1,and(a.eq.2,b.not.is.null),b.cs.{3})&not.and=(a.eq.4,b.in.(5,6))&b=ov.{7}"
    assert same_statement(fingerprint_of(text, "public")) == same_statement(span(asked, 1).fingerprint)


def test_paths_into_json_are_joined_although_the_statement_does_not_show_their_keys() -> None:
    text = statement(
        'SELECT to_jsonb("public"."t"."d")->$1->>$2 AS "b" FROM "public"."t" WHERE to_jsonb("public"."t"."d")->>$3 = $4'
    )
    read = fingerprint_of(text, "public")
    assert (read, is_whole(read)) == ("GET t?select=d->?->>?&d->>?=eq.?", False)
    for asked in ("GET /t?select=d->a->>b&d->>c=eq.1", "GET /t?select=x:d->a->>b&d->>c=eq.1"):
        assert same_statement(read) == same_statement(span(asked, 1).fingerprint)
    assert same_statement(read) != same_statement(span("GET /t?select=d->a->>b&d->c=eq.1", 1).fingerprint)


@pytest.mark.parametrize(
    ("source", "read"),
    [
        (
            'UPDATE "public"."t" SET "a" = "b"."a" FROM (SELECT $1 AS json_data) p, LATERAL (SELECT 1) b'
            ' WHERE "public"."t"."id" = $2 RETURNING $3',
            "PATCH t?id=eq.?",
        ),
        ('DELETE FROM "shop"."t" WHERE "shop"."t"."id" = ANY ($1) RETURNING $2', "DELETE shop.t?id=in.?"),
        ('INSERT INTO "public"."t"("id") SELECT "b"."id" FROM (SELECT 1) b RETURNING "public"."t"."id"', "POST t"),
    ],
)
def test_writes_are_read_back(source: str, read: str) -> None:
    assert fingerprint_of(statement(source), "public") == read


def test_what_a_write_returns_does_not_matter() -> None:
    assert same_statement("PATCH t?id=eq.?&select=id&columns=a") == same_statement("PATCH t?id=eq.?")


@pytest.mark.parametrize(
    "source",
    [
        'SELECT "pgrst_call".* FROM (SELECT $1 AS json_data) p, LATERAL "public"."f"("a" := $2) pgrst_call',
        'SELECT "public"."t".*, "c"."c" AS "c" FROM "public"."t" LEFT JOIN LATERAL ( SELECT 1 ) AS "c" ON TRUE',
        'SELECT "public"."t".* FROM "public"."t" WHERE "public"."t"."a" @@ my_query($1)',
        'SELECT lower("public"."t"."a") AS "a" FROM "public"."t"',
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
