from __future__ import annotations

from msgspec.structs import replace

from proxy.analysis.observed_tables import has_selective_index, observed_requests
from proxy.analysis.workload import Workload
from proxy.schema.relation import ColumnStats, Index, IndexKey, Relation, TableColumn
from proxy.schema.snapshot import Database
from tests.rules.traces import parallel, span, trace

INDEX = Index("public", "t", "t_a", "btree", (IndexKey("a", "a"),))
FEW = ColumnStats(n_distinct=3, null_frac=0, avg_width=4)
TABLE = Relation(schema="public", name="t", kind="r", rows=1000, columns=(TableColumn("a", "int"),), indexes=(INDEX,))
DATABASE = Database(schemas=("public",), relations=(TABLE,))


def workload(*lines: str) -> Workload:
    counted = Workload(10)
    counted.add(parallel(lines))
    return counted


def test_requests_for_relations_of_the_database_are_found_by_name() -> None:
    found = list(observed_requests(DATABASE, workload("GET /t?a=eq.1", "GET /u?a=eq.1", "GET /t?b=eq.1")))
    assert [(each.relation.name, each.query.filters[0].column) for each in found] == [("t", "a"), ("t", "b")]


def test_requests_that_all_failed_are_left_out() -> None:
    counted = Workload(10)
    counted.add(trace([replace(span("GET /t?a=eq.1", 1), status=404)]))
    assert list(observed_requests(DATABASE, counted)) == []


def test_a_filter_by_the_first_column_of_an_index_picks_few_rows_unless_the_statistics_say_otherwise() -> None:
    (one,) = observed_requests(DATABASE, workload("GET /t?a=eq.1"))
    assert has_selective_index(TABLE, one.query)
    assert not has_selective_index(replace(TABLE, columns=(TableColumn("a", "int", stats=FEW),)), one.query)
    assert not has_selective_index(replace(TABLE, indexes=(replace(INDEX, where="b > 1"),)), one.query)
    (other,) = observed_requests(DATABASE, workload("GET /t?a=gt.1"))
    assert not has_selective_index(TABLE, other.query)
