"""What is remembered of traces is bounded, and nothing is left of one that has closed."""

from __future__ import annotations

from proxy.merging.kept.trace_memory import MAX_LOOPS, TraceMemories, TraceMemory, TraceVisit, caller_of
from proxy.model import Outcome, Slice
from proxy.path.kept.memo import Fetch, MemoEntry, MemoKey
from proxy.path.kept.remembered import RememberedAnswer
from tests.factories import head, member

BODY = b'[{"id":1},{"id":2},{"id":3}]'


def entry(at: float = 0.0, size: int = 10) -> MemoEntry:
    return MemoEntry(Slice(b"HTTP/1.1 200 OK", b"x" * size, 1), 1, 9, Fetch(at, 0, None), 1)


def key(literal: bytes) -> MemoKey:
    return (b"GET", b"/t?id=", b"", b"identity"), literal


def visit(memory: TraceMemory, target: str = "/t?id=eq.1", body: bytes = BODY) -> None:
    one = TraceVisit(memory, member(target))
    one.end(1.0)
    one.remember(body, b"", Outcome.PASSED)


def test_nothing_is_left_of_a_trace_that_has_closed_whatever_comes_late() -> None:
    memories = TraceMemories(10**6, 10**6, 10)
    memory = memories.of("a", "")
    visit(memory)
    memory.put(key(b"2"), entry(), 2.0, 0.0)
    assert memories.held_bytes > len(BODY)
    memories.forget("a", 1.0)
    visit_late = memory.size
    memory.put(key(b"3"), entry(), 2.0, 0.0)
    memory.remember(member("/t?id=eq.1").query, 0, RememberedAnswer(BODY))
    assert (len(memories), memories.held_bytes, memories.entries, memory.size) == (0, 0, 0, visit_late)
    assert memories.counts.keys == {"unused": 2}


def test_a_trace_forgets_its_first_answers_above_its_bound() -> None:
    memories = TraceMemories(10**9, 20_000, 10)
    memory = memories.of("a", "")
    for number in range(50):
        visit(memory, f"/t?id=eq.{number}", b"x" * 5000)
        assert memory.size <= 20_000 + 7000
    for number in range(50):
        memory.put(key(b"%d" % number), entry(size=5000), 2.0, 0.0)
    assert memory.size <= 20_000


def test_the_trace_that_was_used_longest_ago_is_emptied_above_the_bound_of_all() -> None:
    memories = TraceMemories(20_000, 10**6, 10)
    for trace in ("a", "b", "a", "c"):
        visit(memories.of(trace, ""), body=b"x" * 4000)
        memories.keep_bound(1.0)
    assert memories.held_bytes <= 20_000
    assert memories.of("b", "").size == 0
    assert memories.of("a", "").size > 4000
    assert memories.emptied == 1


def test_answers_that_are_too_old_are_removed_with_the_next_one() -> None:
    memory = TraceMemories(10**6, 10**6, 10).of("a", "")
    memory.put(key(b"1"), entry(at=0.0), 2.0, 0.0)
    memory.put(key(b"2"), entry(at=3.0), 2.0, 3.0)
    assert memory.memo.get(key(b"1")) is None
    assert memory.memo.get(key(b"2")) is not None


def test_the_loops_of_a_trace_are_bounded() -> None:
    memories = TraceMemories(10**9, 10**9, 10)
    memory = memories.of("a", "")
    for number in range(MAX_LOOPS + 50):
        TraceVisit(memory, member(f"/t{number}?id=eq.1")).end(1.0)
    assert len(memory._loops) == MAX_LOOPS
    memories.clear(1.0)
    assert memories.held_bytes == 0


def test_a_caller_is_the_same_whatever_form_it_asks_for_and_another_token_is_another() -> None:
    one = caller_of(head("Host: h\nAuthorization: Bearer a\nAccept: application/json"))
    assert one == caller_of(head("Host: h\nAuthorization: Bearer a\nRange: 0-4\nPrefer: count=exact"))
    assert one != caller_of(head("Host: h\nAuthorization: Bearer b\nAccept: application/json"))
