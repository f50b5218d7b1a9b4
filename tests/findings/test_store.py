"""The store keeps each finding once, by its key, up to its limit."""

from __future__ import annotations

from msgspec.structs import replace

from proxy.findings.ignores import Ignore
from proxy.findings.model import Finding, Fix
from proxy.findings.store import FindingStore, finding_bytes

TEXTS = dict.fromkeys(Finding.__struct_fields__, "x") | {"evidence": (), "fix": Fix("", "", "")}
ONE = Finding(**TEXTS)  # type: ignore[arg-type]
TWO = replace(ONE, relation="videos")


def test_a_repeated_finding_replaces_the_stored_one_and_keeps_its_first_time() -> None:
    store = FindingStore(10)
    assert store.add(ONE, 1.0, "a")
    again = replace(ONE, title="another title")
    assert not store.add(again, 5.0, "b")
    (stored,) = store
    assert (stored.finding, stored.first_seen, stored.last_seen, stored.count, stored.trace) == (
        again,
        1.0,
        5.0,
        2,
        "b",
    )


def test_a_finding_that_is_no_longer_ignored_counts_as_new() -> None:
    store, ignore = FindingStore(10), Ignore(rule="FAN001", reason="stored")
    assert store.add(ONE, 1.0, "", ignore)
    (stored,) = store
    assert stored.ignore is ignore
    assert store.add(ONE, 2.0, "")
    assert not store.add(ONE, 3.0, "")
    assert stored.count == 3
    assert [stored.ignore for stored in store] == [None]


def test_the_most_recently_seen_findings_come_first() -> None:
    store = FindingStore(10)
    for finding, now in ((ONE, 1.0), (TWO, 2.0), (ONE, 3.0)):
        store.add(finding, now, "")
    assert [stored.finding for stored in store] == [ONE, TWO]


def test_above_the_limit_the_least_recently_seen_finding_is_evicted_and_counted() -> None:
    store = FindingStore(1)
    assert store.add(ONE, 1.0, "")
    assert store.add(TWO, 2.0, "")
    assert [stored.finding for stored in store] == [TWO]
    assert store.dropped == 1
    assert store.add(ONE, 3.0, ""), "what was forgotten is new again"


def test_above_the_bytes_the_least_recently_seen_findings_are_evicted() -> None:
    long = [replace(ONE, relation=str(number), fix=Fix("s" * 10_000, "", "")) for number in range(9)]
    store = FindingStore(100, max_bytes=3 * finding_bytes(long[0]))
    for finding in long:
        store.add(finding, 1.0, "")
    assert [stored.finding.relation for stored in store] == ["8", "7", "6"]
    assert (store.dropped, store.held_bytes) == (6, 3 * finding_bytes(long[0]))
    store.add(replace(long[8], fix=Fix("", "", "")), 2.0, "")
    assert store.held_bytes == 3 * finding_bytes(long[0]) - 10_000, "what replaced it is shorter"
