"""Writes by relation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import proxy.traces.writes as module
from proxy.traces.writes import WriteCounts

if TYPE_CHECKING:
    import pytest


def test_a_write_increases_the_number_of_its_relation_alone() -> None:
    writes = WriteCounts()
    writes.add("public.t")
    assert (writes.before("public.t"), writes.before("public.u")) == (1, 0)


def test_a_request_without_a_relation_is_no_write() -> None:
    writes = WriteCounts()
    writes.add("")
    assert (writes.before(""), writes.before("public.t")) == (0, 0)


def test_beyond_the_limit_a_write_counts_for_every_relation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RELATIONS", 1)
    writes = WriteCounts()
    for relation in ("public.t", "public.u"):
        writes.add(relation)
    assert [writes.before(f"public.{name}") for name in "tuv"] == [2, 1, 1]
