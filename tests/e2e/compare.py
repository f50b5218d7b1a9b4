"""The comparator of law 1: two answers are the same, or here is where they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.law import CLOCKS, compared

if TYPE_CHECKING:
    from tests.e2e.harness import RawAnswer


def differences(direct: RawAnswer, through: RawAnswer) -> list[str]:
    """What differs, but for law 1's exceptions; empty when the answers are the same."""
    found = []
    if direct.status_line != through.status_line:
        found.append(f"status line: {direct.status_line!r} became {through.status_line!r}")
    one, two = end_to_end(direct.lines), end_to_end(through.lines)
    if one != two:
        found.append(f"headers: {one!r} became {two!r}")
    if [end_to_end(_lines(head)) for head in direct.interim] != [end_to_end(_lines(head)) for head in through.interim]:
        found.append(f"1xx: {direct.interim!r} became {through.interim!r}")
    if direct.complete != through.complete:
        found.append(f"complete: {direct.complete} became {through.complete}")
    if direct.body != through.body:
        found.append(f"body: {_short(direct.body)} became {_short(through.body)}")
    return found


def assert_same(direct: RawAnswer, through: RawAnswer) -> None:
    """Fail with the list of differences."""
    assert not (found := differences(direct, through)), "\n".join(found)


def end_to_end(lines: list[bytes]) -> list[bytes]:
    """The header lines that law 1 speaks of, in their order; a clock's line without its value."""
    kept = []
    for line in lines:
        name = line.partition(b":")[0]
        if compared(name.lower()):
            kept.append(name if name.lower() in CLOCKS else line)
    return kept


def _lines(head: bytes) -> list[bytes]:
    return head.removesuffix(b"\r\n\r\n").split(b"\r\n")[1:]


def _short(data: bytes) -> str:
    return repr(data) if len(data) <= 400 else f"{data[:400]!r}… ({len(data)} bytes)"
