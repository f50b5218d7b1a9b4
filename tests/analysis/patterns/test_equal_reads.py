"""Names tell which writes may change what a read returns, and what a finding says was written is known to exist."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from proxy.analysis.patterns.equal_reads import MAX_WRITTEN, are_related, equal_between_other_writes, written_between
from proxy.analysis.steps import result_of
from tests.rules.traces import span

READ = "GET /creators?select=handle&id=eq.7 → 1 rows"


@pytest.mark.parametrize(
    ("read", "written", "related"),
    [
        ("GET creators?select=*", "public.creators", True),
        ("GET cart_totals?select=*", "cart_items", True),
        ("GET orders?select=id,order_lines(qty)", "order_lines", True),
        ("GET people?select=*&pets.kind=eq.?", "pets", True),
        ("GET templates?select=subject", "outbox", False),
        ("GET creators?select=id", "api.videos", False),
    ],
)
def test_a_word_in_common_makes_a_write_matter(read: str, written: str, related: bool) -> None:
    assert are_related(read, written) is related


def runs(*writes: str) -> list[int]:
    lines = [line for write in writes for line in (READ, write)]
    spans = [span(line, n, start=float(n), end=n + 0.5) for n, line in enumerate(lines)]
    return [len(run) for run in result_of(equal_between_other_writes(spans, (), 3))]


def test_reads_between_writes_to_few_other_relations_are_one_run() -> None:
    assert runs(*["PATCH /outbox?id=eq.1"] * 4) == [4]
    assert runs(*["PATCH /outbox?id=eq.1"] * 2) == []
    assert runs(*["POST /rpc/send"] * 4) == []
    assert runs(*[f"POST /t{n}" for n in range(MAX_WRITTEN + 5)]) == [MAX_WRITTEN + 1]


def test_what_was_written_is_named_only_if_the_write_was_accepted() -> None:
    lines = (READ, "PATCH /outbox?id=eq.1", "PATCH /secrets?id=eq.1", READ)
    spans = [span(line, n, start=float(n), end=n + 0.5) for n, line in enumerate(lines)]
    spans[2] = replace(spans[2], status=404)
    assert written_between(spans, [[spans[0], spans[3]]]) == ["outbox"]
    assert written_between(spans, [[spans[0]]]) == []
