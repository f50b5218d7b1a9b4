"""The comparator: two answers are the same, or here is where they differ.

What may differ: docs/explanation/architecture.md#law-1-same-answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.allowed_differences import CACHE_HEADERS
from proxy.path.evidence.comparison import ComparedAnswer, Exemptions, compared_lines, difference
from proxy.postgrest.response.gateway import POSTGREST, Gateway

if TYPE_CHECKING:
    from tests.e2e.support.harness import RawAnswer


def differences(direct: RawAnswer, through: RawAnswer, gateway: Gateway = POSTGREST) -> list[str]:
    """What differs, but for law 1's exceptions; empty when the answers are the same.

    fanin's own comparator decides, tests/test_allowed_differences.py proves it, and here its findings get their values.
    """
    found = []
    if where := difference(
        ComparedAnswer(direct.head, direct.body), ComparedAnswer(through.head, through.body), Exemptions(gateway)
    ):
        found.append(where)
    if direct.status_line != through.status_line:
        found.append(f"status line: {direct.status_line!r} became {through.status_line!r}")
    one, two = compared_lines(direct.head, gateway), compared_lines(through.head, gateway)
    if one != two:
        found.append(f"headers: {one!r} became {two!r}")
    if _interim(direct, gateway) != _interim(through, gateway):
        found.append(f"1xx: {direct.interim!r} became {through.interim!r}")
    if direct.complete != through.complete:
        found.append(f"complete: {direct.complete} became {through.complete}")
    if direct.body != through.body:
        found.append(f"body: {_short(direct.body)} became {_short(through.body)}")
    return found


def assert_same(direct: RawAnswer, through: RawAnswer) -> None:
    """Fail with the list of differences."""
    assert not (found := differences(direct, through)), "\n".join(found)


def without_cache_headers(answer: RawAnswer) -> RawAnswer:
    """An answer without the lines that the cache added to it."""
    head, mark, end = answer.head.rpartition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if line.partition(b":")[0].lower() not in CACHE_HEADERS]
    return replace(answer, head=b"\r\n".join(lines) + mark + end)


def _interim(answer: RawAnswer, gateway: Gateway) -> list[list[bytes]]:
    return [compared_lines(head, gateway) for head in answer.interim]


def _short(data: bytes) -> str:
    return repr(data) if len(data) <= 400 else f"{data[:400]!r}… ({len(data)} bytes)"
