"""A proposed index has its statements and a name that fits into Postgres."""

from __future__ import annotations

import pytest

from proxy.plans.proposed_index import MAX_NAME, ProposedIndex, of_tables

PLAIN = ProposedIndex("public", "videos", ("status", "created_at DESC NULLS LAST"))


def test_the_statements_create_and_drop_it() -> None:
    assert PLAIN.create() == 'CREATE INDEX ON "public"."videos" USING btree (status, created_at DESC NULLS LAST)'
    assert PLAIN.create(PLAIN.name, concurrently=True).startswith(
        'CREATE INDEX CONCURRENTLY "videos_status_created_at_idx" ON "public"."videos"'
    )
    assert PLAIN.drop() == 'DROP INDEX CONCURRENTLY IF EXISTS "public"."videos_status_created_at_idx"'


def test_method_include_and_condition_are_written() -> None:
    index = ProposedIndex("s", 'a"b', ("(facts ->> 'n')",), "gin", ("id",), "status = 'open'")
    assert index.create() == (
        'CREATE INDEX ON "s"."a""b" USING gin ((facts ->> \'n\')) INCLUDE (id) WHERE status = \'open\''
    )


@pytest.mark.parametrize("keys", [("é" * 60,), tuple(f"column_{n}" for n in range(20)), ("(lower(name))",)])
def test_a_name_fits_and_is_the_same_each_time(keys: tuple[str, ...]) -> None:
    index = ProposedIndex("s", "t", keys)
    assert len(index.name.encode()) <= MAX_NAME
    assert index.name.endswith("_idx")
    assert index.name == ProposedIndex("s", "t", keys).name
    assert index.name != ProposedIndex("s", "t", keys, where="a = 1").name


def test_the_index_of_a_partitioned_table_is_made_of_those_of_its_partitions() -> None:
    index = ProposedIndex("s", "t", ("a",), where="b IS NULL", partitions=(("s", "t1"), ("o", "t2")))
    assert index.create() == 'CREATE INDEX ON "s"."t" USING btree (a) WHERE b IS NULL'
    assert index.create("i", concurrently=True).split(";\n") == [
        'CREATE INDEX "i" ON ONLY "s"."t" USING btree (a) WHERE b IS NULL',
        'CREATE INDEX CONCURRENTLY "i_1" ON "s"."t1" USING btree (a) WHERE b IS NULL',
        'ALTER INDEX "s"."i" ATTACH PARTITION "s"."i_1"',
        'CREATE INDEX CONCURRENTLY "i_2" ON "o"."t2" USING btree (a) WHERE b IS NULL',
        'ALTER INDEX "s"."i" ATTACH PARTITION "o"."i_2"',
    ]
    assert index.drop("i").split("; ") == [
        'DROP INDEX IF EXISTS "s"."i"',
        'DROP INDEX CONCURRENTLY IF EXISTS "s"."i_1"',
        'DROP INDEX CONCURRENTLY IF EXISTS "o"."i_2"',
    ]
    assert {len(own.encode()) for _, own in index.names_of_partitions("é" * 31)} == {MAX_NAME - 1}


def test_only_indexes_of_its_tables_concern_a_statement() -> None:
    assert of_tables([PLAIN], [("public", "videos")]) == {PLAIN}
    assert of_tables([PLAIN], [("other", "videos")]) == frozenset()
    of_whole = ProposedIndex("public", "videos", ("id",), partitions=(("old", "videos_1"),))
    assert of_tables([of_whole], [("old", "videos_1")]) == {of_whole}
