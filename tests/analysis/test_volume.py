"""Sizes as text, and the impact of large answers."""

from __future__ import annotations

import pytest

from proxy.analysis.volume import format_bytes, volume_impact


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1 kB"), (12_600, "13 kB"), (3_440_000, "3.4 MB")],
)
def test_sizes_are_written_in_bytes_kb_or_mb(size: int, text: str) -> None:
    assert format_bytes(size) == text


@pytest.mark.parametrize(
    ("size", "rows", "impact"),
    [(0, 0, "LOW"), (99_999, 499, "LOW"), (100_000, 0, "MEDIUM"), (0, 2_000, "HIGH"), (5_000_000, 0, "CRITICAL")],
)
def test_the_impact_is_the_worse_of_bytes_and_rows(size: int, rows: int, impact: str) -> None:
    assert volume_impact(size, rows) == impact
