"""What several rules ask of the size of answers: how bad it is, and how it reads."""

from proxy.findings.model import impact_of

IMPACTS = ((5_000_000, 5_000, "CRITICAL"), (1_000_000, 2_000, "HIGH"), (100_000, 500, "MEDIUM"))
"""Bytes, or rows, from which an impact holds; below the last it is LOW."""


def volume_impact(size: int, rows: int) -> str:
    """By the bytes, or the rows, that an application request moved for nothing, or may have."""
    return impact_of(IMPACTS, size, rows)


def many(count: int, what: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def in_words(size: int) -> str:
    """``812 bytes``, ``12 kB``, ``3.4 MB``."""
    if size < 1000:
        return many(size, "byte")
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"
