"""The last closed traces and warnings are stored, within limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from proxy.observe.confirmed_names import ConfirmedNames
from proxy.observe.events import TraceClosed, Warned, WindowClosed
from proxy.traces.store import MAX_WARNINGS, TraceStore, WarningStore
from tests.rules.traces import parallel

if TYPE_CHECKING:
    from proxy.model import Trace

LINE = "GET /t?id=eq.{}"


def seen(id_: str, spans: int = 2) -> Trace:
    return replace(parallel([LINE.format(n) for n in range(spans)]), id=id_)


def kept(traces: int = 10, spans: int = 100, keys: int = 100) -> TraceStore:
    return TraceStore(traces, spans, keys, ConfirmedNames(), lambda: 1000.0)


def shown(id_: str, keys: int) -> Trace:
    """A trace of two answers with this number of keys each."""
    trace = seen(id_)
    spans = tuple(replace(span, row_keys=(("id", tuple(range(keys))),)) for span in trace.spans)
    return replace(trace, spans=spans)


def test_the_newest_trace_comes_first_and_other_events_are_ignored() -> None:
    store = kept()
    for event in (TraceClosed(seen("a"), ()), WindowClosed(1, 0.0), TraceClosed(seen("b"), ())):
        store(event)
    assert [(entry.number, entry.trace.id, entry.ended) for entry in store.all()] == [
        (2, "b", 1000.0),
        (1, "a", 1000.0),
    ]


def test_beyond_the_number_of_traces_the_oldest_are_dropped() -> None:
    store = kept(traces=2)
    for name in "abc":
        store(TraceClosed(seen(name), ()))
    assert [entry.trace.id for entry in store.all()] == ["c", "b"]
    assert [entry.number for entry in store.all()] == [3, 2]
    assert (len(store), store.spans, store.dropped) == (2, 4, 1)
    assert store.find("1") is None


def test_beyond_the_number_of_spans_the_oldest_are_dropped_but_not_the_last() -> None:
    store = kept(spans=10)
    for name, spans in (("a", 4), ("b", 5), ("c", 6)):
        store(TraceClosed(seen(name, spans), ()))
    assert ([entry.trace.id for entry in store.all()], store.spans) == (["c"], 6)
    store(TraceClosed(seen("d", 50), ()))
    assert ([entry.trace.id for entry in store.all()], store.spans, store.dropped) == (["d"], 50, 3)


def test_a_trace_is_found_by_number_or_by_id() -> None:
    store = kept()
    for name in ("a", "b", "a", "7"):
        store(TraceClosed(seen(name), ()))
    found = {name: store.find(name) for name in ("2", "a", "7", "x", "٣", "9" * 5000)}
    assert {name: entry and entry.number for name, entry in found.items()} == {
        "2": 2,
        "a": 3,
        "7": None,
        "x": None,
        "٣": None,
        "9" * 5000: None,
    }


def test_beyond_the_number_of_keys_the_oldest_traces_lose_theirs() -> None:
    store = kept(keys=100)
    for name, keys in (("a", 20), ("b", 0), ("c", 30)):
        store(TraceClosed(shown(name, keys), ()))
    assert [entry.trace for entry in store.all()] == [shown("c", 30), shown("b", 0), shown("a", 20)]
    assert (store.keys, store.keys_dropped) == (100, 0)
    store(TraceClosed(shown("d", 10), ()))
    assert [entry.trace for entry in store.all()] == [shown("d", 10), shown("c", 30), shown("b", 0), seen("a")]
    assert (store.keys, store.keys_dropped, store.spans, store.dropped) == (80, 40, 8, 0)


def test_a_trace_with_too_many_keys_loses_only_its_own() -> None:
    store = kept(keys=100)
    store(TraceClosed(shown("a", 10), ()))
    store(TraceClosed(shown("b", 51), ()))
    assert [entry.trace for entry in store.all()] == [seen("b"), shown("a", 10)]
    assert (store.keys, store.keys_dropped) == (20, 102)


def test_the_keys_of_a_dropped_trace_are_not_counted() -> None:
    store = kept(traces=1, keys=100)
    for name in "abc":
        store(TraceClosed(shown(name, 20), ()))
    assert (store.keys, store.keys_dropped) == (40, 0)


def test_on_stored_is_called_with_each_trace() -> None:
    store, told = kept(), list[int]()
    store.on_stored = lambda entry: told.append(entry.number)
    store(TraceClosed(seen("a"), ()))
    assert told == [1]


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
