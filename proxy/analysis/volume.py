"""Impact of large answers, and counts and sizes as text."""

from proxy.findings.model import impact_of

VOLUME_IMPACTS = ((5_000_000, 5_000, "CRITICAL"), (1_000_000, 2_000, "HIGH"), (100_000, 500, "MEDIUM"))
"""Minimum bytes, or minimum rows, per impact; below the last step the impact is LOW."""


def volume_impact(size: int, rows: int) -> str:
    """Impact by the bytes, or the rows, that an application request transferred without need."""
    return impact_of(VOLUME_IMPACTS, size, rows)


def plural(count: int, what: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def format_bytes(size: int) -> str:
    """``812 bytes``, ``12 kB``, ``3.4 MB``."""
    if size < 1000:
        return plural(size, "byte")
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"
