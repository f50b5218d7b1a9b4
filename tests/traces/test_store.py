"""The last closed traces and warnings are stored, within limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from proxy.observe.confirmed_names import ConfirmedNames
from proxy.observe.events import TraceClosed, Warned, WindowClosed
from proxy.observe.trace_size import trace_bytes
from proxy.traces.store import MAX_WARNINGS, TraceStore, WarningStore
from tests.rules.traces import parallel

if TYPE_CHECKING:
    from proxy.model import Trace

LINE = "GET /t?id=eq.{}"


def trace_of(id_: str, spans: int = 2) -> Trace:
    return replace(parallel([LINE.format(n) for n in range(spans)]), id=id_)


def new_store(traces: int = 10, spans: int = 100, keys: int = 100) -> TraceStore:
    return TraceStore(traces, spans, keys, ConfirmedNames(), lambda: 1000.0)


def trace_with_keys(id_: str, keys: int) -> Trace:
    """A trace of two answers with this number of keys each."""
    trace = trace_of(id_)
    spans = tuple(replace(span, row_keys=(("id", tuple(range(keys))),)) for span in trace.spans)
    return replace(trace, spans=spans)


def test_the_newest_trace_comes_first_and_other_events_are_ignored() -> None:
    store = new_store()
    for event in (TraceClosed(trace_of("a"), ()), WindowClosed(1, 0.0), TraceClosed(trace_of("b"), ())):
        store(event)
    assert [(entry.number, entry.trace.id, entry.ended) for entry in store.all()] == [
        (2, "b", 1000.0),
        (1, "a", 1000.0),
    ]


def test_beyond_the_number_of_traces_the_oldest_are_dropped() -> None:
    store = new_store(traces=2)
    for name in "abc":
        store(TraceClosed(trace_of(name), ()))
    assert [entry.trace.id for entry in store.all()] == ["c", "b"]
    assert [entry.number for entry in store.all()] == [3, 2]
    assert (len(store), store.spans, store.dropped) == (2, 4, 1)
    assert store.find("1") is None


def test_beyond_the_number_of_spans_the_oldest_are_dropped_but_not_the_last() -> None:
    store = new_store(spans=10)
    for name, spans in (("a", 4), ("b", 5), ("c", 6)):
        store(TraceClosed(trace_of(name, spans), ()))
    assert ([entry.trace.id for entry in store.all()], store.spans) == (["c"], 6)
    store(TraceClosed(trace_of("d", 50), ()))
    assert ([entry.trace.id for entry in store.all()], store.spans, store.dropped) == (["d"], 50, 3)


def test_a_trace_is_found_by_number_or_by_id() -> None:
    store = new_store()
    for name in ("a", "b", "a", "7"):
        store(TraceClosed(trace_of(name), ()))
    entries = {name: store.find(name) for name in ("2", "a", "7", "x", "٣", "9" * 5000)}
    assert {name: entry and entry.number for name, entry in entries.items()} == {
        "2": 2,
        "a": 3,
        "7": None,
        "x": None,
        "٣": None,
        "9" * 5000: None,
    }


def test_beyond_the_number_of_keys_the_oldest_traces_lose_theirs() -> None:
    store = new_store(keys=100)
    for name, keys in (("a", 20), ("b", 0), ("c", 30)):
        store(TraceClosed(trace_with_keys(name, keys), ()))
    assert [entry.trace for entry in store.all()] == [
        trace_with_keys("c", 30),
        trace_with_keys("b", 0),
        trace_with_keys("a", 20),
    ]
    assert (store.keys, store.keys_dropped) == (100, 0)
    store(TraceClosed(trace_with_keys("d", 10), ()))
    assert [entry.trace for entry in store.all()] == [
        trace_with_keys("d", 10),
        trace_with_keys("c", 30),
        trace_with_keys("b", 0),
        trace_of("a"),
    ]
    assert (store.keys, store.keys_dropped, store.spans, store.dropped) == (80, 40, 8, 0)


def test_a_trace_with_too_many_keys_loses_only_its_own() -> None:
    store = new_store(keys=100)
    store(TraceClosed(trace_with_keys("a", 10), ()))
    store(TraceClosed(trace_with_keys("b", 51), ()))
    assert [entry.trace for entry in store.all()] == [trace_of("b"), trace_with_keys("a", 10)]
    assert (store.keys, store.keys_dropped) == (20, 102)


def test_the_keys_of_a_dropped_trace_are_not_counted() -> None:
    store = new_store(traces=1, keys=100)
    for name in "abc":
        store(TraceClosed(trace_with_keys(name, 20), ()))
    assert (store.keys, store.keys_dropped) == (40, 0)


def test_on_stored_is_called_with_each_trace() -> None:
    store, stored = new_store(), list[int]()
    store.on_stored = lambda entry: stored.append(entry.number)
    store(TraceClosed(trace_of("a"), ()))
    assert stored == [1]


def test_a_warning_is_stored_once_with_its_count() -> None:
    now = iter(range(1000))
    notices = WarningStore(lambda: float(next(now)))
    for what in ("a", "b", "a"):
        notices(Warned(what, "do this"))
    notices(WindowClosed(1, 0.0))
    assert [(one.what, one.remedy, one.count, one.first, one.last) for one in notices.all()] == [
        ("a", "do this", 2, 0.0, 2.0),
        ("b", "do this", 1, 1.0, 1.0),
    ]


def test_the_number_of_warnings_is_bounded() -> None:
    notices = WarningStore(lambda: 0.0)
    for number in range(MAX_WARNINGS + 5):
        notices(Warned(str(number), ""))
    assert len(notices.all()) == MAX_WARNINGS
    assert notices.all()[-1].what == "5"


def test_beyond_the_bytes_the_oldest_traces_are_dropped_but_not_the_last() -> None:
    size = trace_bytes(trace_of("a"))
    store = TraceStore(10, 100, 100, ConfirmedNames(), lambda: 0.0, max_bytes=2 * size)
    for name in "abc":
        store(TraceClosed(trace_of(name), ()))
    assert [entry.trace.id for entry in store.all()] == ["c", "b"]
    assert (store.held_bytes, store.dropped) == (2 * size, 1)
    store(TraceClosed(trace_of("large", 50), ()))
    assert [entry.trace.id for entry in store.all()] == ["large"]


def test_keys_of_many_old_traces_are_dropped_one_trace_a_step() -> None:
    store = new_store(keys=10)
    for number in range(5):
        store(TraceClosed(trace_with_keys(f"t{number}", 1), ()))
    kept = [store.keys for _ in store.in_steps(TraceClosed(trace_with_keys("last", 5), ()))]
    assert kept == [10, 10, *range(18, 9, -2)]  # at first, the trace is measured


def test_bytes_of_dropped_keys_are_not_held() -> None:
    store = new_store(keys=10)
    store(TraceClosed(trace_with_keys("a", 5), ()))
    store(TraceClosed(trace_with_keys("b", 5), ()))
    assert store.held_bytes == trace_bytes(trace_of("a")) + trace_bytes(trace_with_keys("b", 5))
