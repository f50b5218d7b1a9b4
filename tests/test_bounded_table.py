"""What is learned of upstream is bounded in bytes, whatever names clients send."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from proxy.analysis.workload import Workload
from proxy.bounded_table import ENTRY, BoundedTable
from proxy.model import Column
from proxy.path.answers.singular import NotSingularTemplate, NotSingularTemplates
from proxy.path.batches.addressed_keys import AddressedKeys
from proxy.path.evidence.columns import ColumnRegistry
from proxy.path.evidence.comparison import MismatchPauses
from proxy.path.evidence.order_evidence import OrderEvidence
from proxy.path.evidence.trust import Subject, Trust
from tests.rules.traces import span, trace

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES = 400_000


def long_name(number: int) -> str:
    return f"{number:06}" + "n" * 7000


def test_entries_stored_longest_ago_are_dropped_beyond_either_bound() -> None:
    table: BoundedTable[str, int] = BoundedTable(2, 3 * ENTRY)
    for number, key in enumerate("abac"):
        table.put(key, number, 0)
    assert (list(table.items()), table.dropped) == ([("a", 2), ("c", 3)], 1)
    table.put("d", 4, ENTRY)
    assert (list(table), table.dropped, table.held_bytes) == (["c", "d"], 2, 3 * ENTRY)
    table.put("d", 5, 0)
    assert table.held_bytes == 2 * ENTRY
    table.clear()
    assert (len(table), table.held_bytes) == (0, 0)


def test_an_entry_larger_than_the_bound_is_not_stored() -> None:
    table: BoundedTable[str, int] = BoundedTable(9, 1000)
    table.put("a", 1, 1000)
    assert ("a" in table, table.held_bytes, table.dropped) == (False, 0, 1)


def pauses() -> tuple[Callable[[int], object], object]:
    made = MismatchPauses(1.0, 5.0, 10_000, MAX_BYTES)
    return lambda n: made.start(long_name(n), 0.0), made


def evidence() -> tuple[Callable[[int], object], object]:
    made = OrderEvidence(10_000, MAX_BYTES)
    return lambda n: made.record((long_name(n), "", b"k"), 5, 1), made


def keys() -> tuple[Callable[[int], object], object]:
    made = AddressedKeys(60.0, 10_000, MAX_BYTES)
    return lambda n: made.record_several(("t", ""), long_name(n).encode()), made


def refusals() -> tuple[Callable[[int], object], object]:
    made = AddressedKeys(60.0, 10_000, MAX_BYTES)
    return lambda n: made.record_refusal((long_name(n), ""), b"i", 0.0), made


def trusted() -> tuple[Callable[[int], object], object]:
    made = Trust(5, 10_000, MAX_BYTES)
    return lambda n: made.record_matches(Subject((long_name(n), "", b"k"), long_name(n)), [1]), made


def wrong() -> tuple[Callable[[int], object], object]:
    made = Trust(5, 10_000, MAX_BYTES)
    return lambda n: made.record_wrong((long_name(n), "", b"k"), "body", 0.0), made


def columns() -> tuple[Callable[[int], object], object]:
    made = ColumnRegistry(60.0, 10_000, MAX_BYTES)
    return lambda n: made.learn((long_name(n), ""), b"c", Column("text"), 0.0), made


def columns_of_one_table() -> tuple[Callable[[int], object], object]:
    made = ColumnRegistry(60.0, 10_000, MAX_BYTES)
    return lambda n: made.learn(("t", ""), long_name(n).encode(), Column("text"), 0.0), made


def bad_values() -> tuple[Callable[[int], object], object]:
    made = ColumnRegistry(60.0, 10_000, MAX_BYTES)
    return lambda n: made.record_bad_value((f"t{n // 90}", ""), b"c", "integer", long_name(n).encode(), 0.0), made


def templates() -> tuple[Callable[[int], object], object]:
    made = NotSingularTemplates(10_000, MAX_BYTES)
    return lambda n: made.learn(
        b"%d" % n, NotSingularTemplate(b"s", ((long_name(n).encode(), b""),), b"b", b"a"), 0.0
    ), made


def workload() -> tuple[Callable[[int], object], object]:
    made = Workload(10_000, MAX_BYTES)
    return lambda n: made.add(trace([span(f"GET /t?{long_name(n)}=eq.1", 1)])), made


@pytest.mark.parametrize(
    "make",
    [pauses, evidence, keys, refusals, trusted, wrong, columns, columns_of_one_table, bad_values, templates, workload],
)
def test_hostile_long_names_take_no_more_memory_than_the_bound(
    make: Callable[[], tuple[Callable[[int], Any], object]],
) -> None:
    store, _kept = make()
    for number in range(200):
        store(number)
    gc.collect()
    tracemalloc.start()
    try:
        store, _kept = make()
        for number in range(2000):
            store(number)
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2.5 * MAX_BYTES  # trust has two tables
