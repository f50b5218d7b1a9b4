"""What an index costs writes: bytes and milliseconds, and updates that stop being heap-only."""

from __future__ import annotations

from proxy.advisor.write_cost import ObservedWrites, WriteCost, risk
from proxy.plans.proposed_index import ProposedIndex
from proxy.schema.relation import Index, IndexKey, Relation, TableColumn, TableStats

INDEX = ProposedIndex("public", "videos", ("status",), include=('"Title"',), where="kind = 'owner_id'")
COLUMNS = tuple(TableColumn(name, "text") for name in ("id", "status", "Title", "kind", "owner_id"))


def videos(*indexes: Index, updated: int = 0, hot: int = 0) -> Relation:
    stats = TableStats(updated=updated, hot_updated=hot)
    return Relation(schema="public", name="videos", kind="r", columns=COLUMNS, indexes=indexes, stats=stats)


def test_the_cost_of_the_observed_writes_says_whether_it_was_measured() -> None:
    text = risk(INDEX, videos(), WriteCost(24.0, 0.004, 10_000), ObservedWrites(500))
    assert "24 bytes and 0.004 ms (measured by --trial on 10,000 rows)" in text
    assert "500 writes were observed: 12.0 kB and 2.0 ms" in text
    assert "(both estimated). No write" in risk(INDEX, videos(), WriteCost(24.0), ObservedWrites())


def test_updates_of_any_column_of_the_index_stop_being_heap_only_and_those_of_others_do_not() -> None:
    table = videos(updated=1500, hot=1200)
    seen = {"status": 100, "kind": 3, "Title": 2, "owner_id": 900}
    text = risk(INDEX, table, WriteCost(24.0), ObservedWrites(updates=seen))
    assert "1,200 of 1,500 updates were heap-only" in text
    assert text.endswith("stop being heap-only; of those observed, 2 set Title, 3 set kind, 100 set status.")
    assert risk(INDEX, table, WriteCost(24.0), ObservedWrites(updates={"owner_id": 900})).endswith(
        "No observed update sets Title, kind, status: they stay heap-only."
    )


def test_what_updates_set_is_not_known_without_statements() -> None:
    assert "not known (--statements" in risk(INDEX, videos(updated=9, hot=9), WriteCost(24.0), ObservedWrites())


def test_a_column_of_another_index_stops_no_further_update() -> None:
    keys = (IndexKey("status", "status"), IndexKey('"Title"', "Title"), IndexKey("kind", "kind"))
    other = Index("public", "videos", "other", "btree", keys)
    assert "no further update" in risk(INDEX, videos(other), WriteCost(24.0), ObservedWrites(updates={"status": 1}))
