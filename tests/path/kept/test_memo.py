"""The memo holds one answer per request, in the order in which they were stored, and knows its size."""

from __future__ import annotations

from proxy.model import Slice
from proxy.path.kept.memo import Fetch, Memo, MemoEntry, MemoKey


def entry(at: float = 0.0, body: bytes = b"[]") -> MemoEntry:
    return MemoEntry(Slice(b"HTTP/1.1 200 OK", body, 0), 1, 9, Fetch(at, 0, None), 1)


def key(literal: bytes) -> MemoKey:
    return (b"GET", b"/t?id=", b"", b"identity"), literal


def test_an_entry_is_found_by_its_shape_and_literal_only() -> None:
    memo = Memo()
    memo.put(key(b"1"), entry())
    assert memo.get(key(b"1")) is not None
    assert memo.get(key(b"2")) is None
    assert memo.get(((b"GET", b"/t?id=", b"", b"another identity"), b"1")) is None


def test_its_size_is_that_of_its_entries() -> None:
    memo = Memo()
    memo.put(key(b"1"), entry(body=b"[1]"))
    memo.put(key(b"2"), entry())
    memo.put(key(b"1"), entry(body=b"[1,2,3]"))
    assert (len(memo), memo.size) == (2, sum(each.size for each in memo.entries()))
    for literal in (b"1", b"2", b"3"):
        memo.remove(key(literal))
    assert (len(memo), memo.size, memo.oldest()) == (0, 0, None)


def test_the_oldest_entry_is_the_one_that_was_stored_longest_ago() -> None:
    memo = Memo()
    for literal in (b"1", b"2", b"1"):
        memo.put(key(literal), entry())
    oldest = memo.oldest()
    assert oldest is not None
    assert oldest[0] == key(b"2")
