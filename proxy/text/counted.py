"""A number with the thing that it counts."""


def counted(count: int, what: str, several: str = "") -> str:
    """``1 row``, ``2 rows``; ``several`` is the plural if it is not ``what`` with an s (``2 queries``)."""
    return f"{count} {what}" if count == 1 else f"{count} {several or what + 's'}"
