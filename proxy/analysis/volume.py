"""Impact of large answers, and sizes as text."""

from proxy.findings.model import impact_of
from proxy.text.counted import counted

VOLUME_IMPACTS = ((5_000_000, 5_000, "CRITICAL"), (1_000_000, 2_000, "HIGH"), (100_000, 500, "MEDIUM"))
"""Minimum bytes, or minimum rows, per impact; below the last step the impact is LOW."""


def volume_impact(size: int, rows: int) -> str:
    """Impact by the bytes, or the rows, that an application request transferred without need."""
    return impact_of(VOLUME_IMPACTS, size, rows)


def format_bytes(size: int) -> str:
    """``812 bytes``, ``12 kB``, ``3.4 MB``."""
    if size < 1000:
        return counted(size, "byte")
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"
