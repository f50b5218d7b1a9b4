"""Kept answers: which may be used, and for how long."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from proxy.model import Slice
from proxy.path.kept.answer_cache import OVERHEAD, AnswerCache, CachedAnswer, is_kept
from proxy.path.kept.drops import DropClock

RATES, VIDEOS = frozenset(("public.rates",)), frozenset(("public.videos",))
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def entry(drops: DropClock, at: float = 0.0, size: int = 0) -> CachedAnswer:
    return CachedAnswer(Slice(b"", b"x" * size, 1), "public.rates", at, drops.reading, RATES)


def made() -> tuple[AnswerCache, DropClock]:
    return AnswerCache(10 * OVERHEAD), DropClock(10)


def test_an_answer_is_used_until_it_is_too_old() -> None:
    cache, drops = made()
    cache.put(b"a", entry(drops), drops, 0.5)
    assert cache.get(b"a", 2.0, drops, 2.0)
    assert cache.get(b"a", 2.0, drops, 2.01) is None
    assert (len(cache), cache.held_bytes, cache.removed) == (0, 0, {"too-old": 1})


def test_an_answer_is_not_used_once_the_token_has_expired() -> None:
    cache, drops = made()
    cache.put(b"a", replace(entry(drops), until=1.0), drops, 0.5)
    assert cache.get(b"a", 9.0, drops, 0.9)
    assert cache.get(b"a", 9.0, drops, 1.0) is None
    assert not cache.put(b"a", replace(entry(drops), until=1.0), drops, 1.0)


def test_a_write_between_sending_and_keeping_throws_the_answer_away() -> None:
    cache, drops = made()
    stamped = entry(drops)
    drops.drop(RATES)
    assert not cache.put(b"a", stamped, drops, 0.5)


def test_a_write_drops_what_it_changes_when_it_is_sent_and_when_it_is_answered() -> None:
    cache, drops = made()
    cache.put(b"a", entry(drops), drops, 0.0)
    drops.record_sent(VIDEOS)
    assert cache.get(b"a", 9.0, drops, 0.1)
    drops.record_sent(RATES)
    assert cache.get(b"a", 9.0, drops, 0.1) is None
    sent_meanwhile = entry(drops)
    assert not cache.put(b"a", sent_meanwhile, drops, 0.2)
    drops.record_ended(RATES, 0.3, is_known=True)
    assert not cache.put(b"a", sent_meanwhile, drops, 0.4)
    assert cache.put(b"a", entry(drops), drops, 0.4)


def test_the_answer_that_was_used_longest_ago_is_evicted() -> None:
    cache, drops = made()
    for name in (b"a", b"b", b"c"):
        cache.put(name, entry(drops, size=2 * OVERHEAD), drops, 0.0)
    assert cache.get(b"a", 9.0, drops, 0.0)
    cache.put(b"d", entry(drops, size=2 * OVERHEAD), drops, 0.0)
    assert [name for name in (b"a", b"b", b"c", b"d") if cache.get(name, 9.0, drops, 0.0)] == [b"a", b"c", b"d"]
    assert cache.removed == {"evicted": 1}
    assert cache.held_bytes == 9 * OVERHEAD


def test_an_answer_larger_than_the_cache_is_not_kept_and_evicts_nothing() -> None:
    cache, drops = made()
    cache.put(b"a", entry(drops), drops, 0.0)
    assert not cache.put(b"b", entry(drops, size=10 * OVERHEAD), drops, 0.0)
    assert len(cache) == 1


def test_an_answer_that_is_replaced_is_counted_once() -> None:
    cache, drops = made()
    cache.put(b"a", entry(drops, size=500), drops, 0.0)
    cache.put(b"a", entry(drops), drops, 0.0)
    assert (cache.held_bytes, len(cache)) == (OVERHEAD, 1)


def test_an_answer_that_is_moved_is_not_removed_and_outlives_its_token() -> None:
    cache, drops = made()
    cache.put(b"a", replace(entry(drops, size=500), until=5.0), drops, 0.0)
    cache.move(b"a", b"b", drops, 1.0)
    assert cache.get(b"a", 9.0, drops, 1.0) is None
    assert cache.get(b"b", 9.0, drops, 6.0)
    assert (len(cache), cache.held_bytes, cache.removed, cache.wasted) == (1, OVERHEAD + 500, {}, {})


def test_an_answer_that_nobody_was_answered_from_is_counted_as_wasted() -> None:
    cache, drops = made()
    for name in (b"a", b"b"):
        cache.put(name, entry(drops), drops, 0.0)
    assert cache.get(b"a", 9.0, drops, 0.0)
    assert cache.relations["public.rates"].uses == 1
    cache.purge(RATES)
    assert (cache.removed["purged"], cache.wasted["purged"]) == (2, 1)
    assert cache.relations == {}


def test_answers_are_purged_by_what_they_read_or_may_read() -> None:
    cache, drops = made()
    cache.put(b"a", entry(drops), drops, 0.0)
    cache.put(b"b", replace(entry(drops), relation="public.view"), drops, 0.0)
    cache.put(b"c", replace(entry(drops), relation="public.other", read=None), drops, 0.0)
    cache.put(b"d", replace(entry(drops), relation="public.videos", read=VIDEOS), drops, 0.0)
    assert cache.purge(RATES) == 3
    assert len(cache) == 1


def test_nobody_waits_for_an_answer_of_a_kind_that_was_not_kept() -> None:
    cache, _ = made()
    cache.refuse(b"a", 5.0)
    assert cache.refuses(b"a", 4.9)
    assert not cache.refuses(b"a", 5.0)
    assert not cache.refuses(b"b", 4.9)


@pytest.mark.parametrize(
    "line",
    [b"Cache-Control: no-store", b"cache-control: private, no-cache", b"Age: 3", b"Vary: *", b"Set-Cookie: a=b"],
)
def test_an_answer_that_must_not_be_stored_is_not_kept(line: bytes) -> None:
    assert is_kept(HEAD + b"Cache-Control: private, max-age=1\r\nVary: Accept-Encoding\r\n")
    assert not is_kept(HEAD + line + b"\r\n")


@pytest.mark.parametrize("status", [b"206 Partial", b"304 Not Modified", b"404 Not Found", b"500 Error"])
def test_only_a_200_is_kept(status: bytes) -> None:
    assert not is_kept(HEAD.replace(b"200 OK", status))
