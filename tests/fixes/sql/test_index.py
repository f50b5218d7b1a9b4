"""The index of a query has the columns of its values first, then its order or one range; none where one serves."""

from __future__ import annotations

import pytest
import sqlglot

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.sql.index import index_advice
from proxy.model import Column
from proxy.postgrest.database_facts import DatabaseFacts, IndexFact, IndexKeyFact, RelationFacts


def index_sql(fingerprint: str, facts: DatabaseFacts | None = None) -> str:
    return index_advice(parse_fingerprint(fingerprint), facts or DatabaseFacts()).sql


def key(text: str) -> IndexKeyFact:
    column, *words = [text] if "->" in text else text.split(" ")
    descending = "desc" in words
    operators = words[-1] if words and words[-1].endswith("_ops") else ""
    nulls_first = "first" in words or (descending and "last" not in words)
    return IndexKeyFact(column, descending, nulls_first, operators, "collated" in words)


def index(*keys: str, method: str = "btree", unique: bool = False, primary: bool = False, where: str = "") -> IndexFact:
    return IndexFact("the_index", method, tuple(map(key, keys)), unique or primary, primary, where)


def facts_of(*indexes: IndexFact, kind: str = "r", **types: str) -> DatabaseFacts:
    columns = {name.encode(): Column(known) for name, known in types.items()}
    return DatabaseFacts(relations={"public.t": RelationFacts(kind, indexes, columns)})


@pytest.mark.parametrize(
    ("fingerprint", "columns"),
    [
        ("GET t?a=eq.?", "a"),
        ("GET t?b=gt.?&a=eq.?&order=d.desc.nullslast,e", "a, d desc nulls last, e"),
        ("GET t?a=eq.?&c=in.?&order=d", "a, c"),
        ("GET t?a=eq.?&b=gte.?&b=lt.?&c=lt.?", "a, b"),
        ("GET t?a=eq.?&a=gt.?&order=a", "a"),
        ("GET t?order=at.desc&limit=?", "at desc"),
        ("HEAD t?a=eq.?&order=b", "a"),
        ("GET t?gone=is.null&x=fts.?&y=not.eq.?", "gone"),
        ("GET t?data->>k=eq.?&order=id", "(data ->> 'k'), id"),
        ("GET t?Order=eq.?", '"Order"'),
        ("GET t?a=eq.?&b=ilike.?", "a"),
    ],
)
def test_columns_with_a_value_come_before_the_order_or_one_range(fingerprint: str, columns: str) -> None:
    sql = index_sql(fingerprint)
    assert sql == f"create index concurrently on t ({columns});"
    sqlglot.parse_one(sql, dialect="postgres")


def test_a_schema_is_named_unless_it_is_the_default() -> None:
    assert index_sql("GET private.t?a=eq.?") == "create index concurrently on private.t (a);"


NONE = (
    "GET t",
    "GET t?or=(a.eq.?,b.eq.?)",
    "GET t?order=k(x)",
    "GET t?order=at.desc",
    "GET t?x=cs.?",
    "GET t?u.x=ilike.?",
)


@pytest.mark.parametrize("fingerprint", NONE)
def test_there_is_no_index_if_none_helps(fingerprint: str) -> None:
    assert index_sql(fingerprint) == ""


def test_nulls_alone_are_indexed_if_the_query_reads_no_others() -> None:
    sql = index_sql("GET t?gone=is.null&order=at.desc&limit=?")
    assert sql == "create index concurrently on t (at desc) where gone is null;"


def test_patterns_have_an_index_of_trigrams_whatever_the_order() -> None:
    sql = index_sql("GET t?title=ilike.?&order=at.desc&limit=?").splitlines()
    assert sql == [
        "create extension if not exists pg_trgm;",
        "create index concurrently on t using gin (title gin_trgm_ops);",
    ]
    json = index_sql("GET t?data->>k=like.?")
    assert json.endswith("using gin ((data ->> 'k') gin_trgm_ops);")


def test_a_known_extension_is_not_created_and_its_schema_is_named() -> None:
    facts = DatabaseFacts(trigrams="extensions")
    sql = index_sql("GET t?title=ilike.?", facts)
    assert sql == "create index concurrently on t using gin (title extensions.gin_trgm_ops);"


SERVED = [
    ("GET t?id=eq.?", index("id", primary=True)),
    ("GET t?id=eq.?&a=eq.?&order=b", index("id", primary=True)),
    ("GET t?id=in.?&order=b", index("id", primary=True)),
    ("GET t?a=eq.?&b=eq.?&title=ilike.?", index("b", "a", unique=True)),
    ("GET t?order=id.desc&limit=?", index("id", primary=True)),
    ("GET t?id=gt.?&order=id&limit=?", index("id", primary=True)),
    ("GET t?a=eq.?", index("a")),
    ("GET t?a=eq.?", index("a", "b")),
    ("GET t?a=eq.?&b=eq.?", index("b", "a")),
    ("GET t?a=eq.?&order=b.desc", index("a", "b")),
    ("GET t?a=eq.?&order=b.desc", index("a", "b desc")),
    ("GET t?a=eq.?&order=b.desc.nullslast", index("a", "b desc last")),
    ("GET t?a=eq.?&order=b.desc.nullslast", index("a", "b first")),
    ("GET t?a=eq.?&order=b.desc,c.desc", index("a", "b", "c")),
    ("GET t?title=ilike.?&order=b", index("title gin_trgm_ops", method="gin")),
    ("GET t?title=ilike.?", index("title gist_trgm_ops", method="gist")),
    ("GET t?data->>k=eq.?", index("(data ->> 'k'::text)")),
    ("GET t?a=eq.?", index("a", method="hash")),
    ("GET t?a=in.?&order=b", index("a", method="hash")),
    ("GET t?a=eq.?", index("a text_pattern_ops")),
    ("GET t?data->a->>k=eq.?", index("((data -> 'a'::text) ->> 'k'::text)")),
    ("GET t?order=data->>k.desc&limit=?", index("(data ->> 'k'::text)")),
    ("GET t?data->list->0=eq.?", index("((data -> 'list'::text) -> 0)")),
    ("GET t?gone=is.null&a=eq.?", index("a", where="gone IS NULL")),
    ("GET t?gone=is.null&a=eq.?", index("a", where="(x > 5)")),
]


@pytest.mark.parametrize(("fingerprint", "has"), SERVED)
def test_there_is_none_where_one_serves(fingerprint: str, has: IndexFact) -> None:
    advice = index_advice(parse_fingerprint(fingerprint), facts_of(has))
    assert advice.sql == ""
    assert advice.evidence.startswith("the index the_index serves the query")
    assert ("if its condition (" in advice.evidence) == (has.predicate == "(x > 5)")


NOT_SERVED = [
    ("GET t?a=eq.?", index("b", "a")),
    ("GET t?a=eq.?&order=b", index("a")),
    ("GET t?a=eq.?&order=b.desc,c", index("a", "b", "c")),
    ("GET t?a=eq.?&order=b.desc.nullslast", index("a", "b")),
    ("GET t?a=eq.?&order=b", index("a", method="hash")),
    ("GET t?a=gt.?", index("a", method="hash")),
    ("GET t?a=gt.?", index("a text_pattern_ops")),
    ("GET t?a=eq.?&order=b", index("a", "b text_pattern_ops")),
    ("GET t?a=eq.?", index("a collated")),
    ("GET t?a=eq.?&order=b", index("a", "b collated")),
    ("GET t?data->a->>k=eq.?", index("((data -> 'b'::text) ->> 'k'::text)")),
    ("GET t?title=ilike.?", index("title")),
    ("GET t?a=eq.?&b=eq.?", index("a", "c", primary=True)),
]


@pytest.mark.parametrize(("fingerprint", "has"), NOT_SERVED)
def test_one_that_does_not_serve_hides_no_other(fingerprint: str, has: IndexFact) -> None:
    assert index_sql(fingerprint, facts_of(has)).endswith(";")


def test_an_order_ends_with_a_unique_column_and_needs_no_index_of_it() -> None:
    primary = index("id", primary=True)
    assert "(a, id)" in index_sql("GET t?a=eq.?&order=id,b", facts_of(primary))
    assert not index_sql("GET t?a=eq.?&order=b,id", facts_of(primary, index("a", "b")))


def test_a_served_key_leaves_the_pattern_as_what_needs_an_index() -> None:
    assert "(title gin_trgm_ops)" in index_sql("GET t?a=eq.?&title=ilike.?", facts_of(index("a")))


def test_a_view_has_no_index() -> None:
    advice = index_advice(parse_fingerprint("GET t?a=eq.?"), facts_of(kind="v"))
    assert (advice.sql, advice.evidence) == ("", "t is a view: an index belongs to the tables that it reads")


def test_a_partitioned_table_has_its_index_at_once() -> None:
    sql = index_sql("GET t?a=eq.?", facts_of(kind="p"))
    assert sql.endswith("\ncreate index on t (a);")


def test_the_type_of_a_column_decides_about_its_index() -> None:
    assert index_sql("GET t?a=cs.?", facts_of(a="text[]")) == "create index concurrently on t using gin (a);"
    assert index_sql("GET t?a=ov.?", facts_of(a="int4range")) == "create index concurrently on t using gist (a);"
    assert index_sql("GET t?a=fts.?", facts_of(a="tsvector")) == "create index concurrently on t using gin (a);"
    assert index_sql("GET t?a=ilike.?", facts_of(a="extensions.citext")) == ""
    assert index_sql("GET t?a=eq.?", facts_of(a="json")) == ""


COMPUTED = ("GET t?shout=eq.?", "GET t?order=shout&limit=?", "GET t?shout=ilike.?", "GET t?shout->>k=eq.?&order=shout")


@pytest.mark.parametrize("fingerprint", COMPUTED)
def test_what_a_function_computes_has_no_index_and_the_reason_is_given(fingerprint: str) -> None:
    advice = index_advice(parse_fingerprint(fingerprint), facts_of(a="text"))
    assert advice.sql == ""
    assert "so a function computes it for each row" in advice.evidence
    assert index_sql(f"{fingerprint}&a=eq.?", facts_of(a="text")).endswith("on t (a);")


@pytest.mark.parametrize(
    ("indexes", "words"),
    [
        ((), "t has no index"),
        ((index("b"),), "the only index of t does not"),
        ((index("b"), index("c")), "none of the 2 indexes of t does"),
    ],
)
def test_it_is_said_how_many_indexes_do_not_serve(indexes: tuple[IndexFact, ...], words: str) -> None:
    evidence = index_advice(parse_fingerprint("GET t?a=eq.?"), facts_of(*indexes)).evidence
    assert evidence == f"an index on a serves it; {words}"
