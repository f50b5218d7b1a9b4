"""Findings are remembered once each, by their key, within a bound."""

from __future__ import annotations

from msgspec.structs import replace

from proxy.findings.ignores import Ignore
from proxy.findings.model import Finding, Fix
from proxy.findings.store import FindingStore

TEXTS = dict.fromkeys(Finding.__struct_fields__, "x") | {"evidence": (), "fix": Fix("", "", "")}
ONE = Finding(**TEXTS)  # type: ignore[arg-type]
TWO = replace(ONE, relation="videos")


def test_a_finding_made_again_is_the_same_one_with_the_latest_words() -> None:
    found = FindingStore(10)
    assert found.add(ONE, 1.0, "a")
    again = replace(ONE, title="another title")
    assert not found.add(again, 5.0, "b")
    (known,) = found
    assert (known.finding, known.first, known.last, known.count, known.trace) == (again, 1.0, 5.0, 2, "b")


def test_what_was_ignored_is_new_once_it_is_not() -> None:
    found, ignore = FindingStore(10), Ignore(rule="FAN001", reason="known")
    assert found.add(ONE, 1.0, "", ignore)
    (known,) = found
    assert known.ignore is ignore
    assert found.add(ONE, 2.0, "")
    assert not found.add(ONE, 3.0, "")
    assert known.count == 3
    assert [one.ignore for one in found] == [None]


def test_those_seen_last_come_first() -> None:
    found = FindingStore(10)
    for finding, now in ((ONE, 1.0), (TWO, 2.0), (ONE, 3.0)):
        found.add(finding, now, "")
    assert [known.finding for known in found] == [ONE, TWO]


def test_above_the_limit_the_one_not_seen_for_longest_gives_way_and_is_counted() -> None:
    found = FindingStore(1)
    assert found.add(ONE, 1.0, "")
    assert found.add(TWO, 2.0, "")
    assert [known.finding for known in found] == [TWO]
    assert found.dropped == 1
    assert found.add(ONE, 3.0, ""), "what was forgotten is new again"
