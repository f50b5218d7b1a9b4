"""The Content-Range of an answer: ``lo-hi/total``, ``*`` for no rows or no total (RFC 9110 §14.4, rows as unit)."""


def rows_and_total(value: bytes | None) -> tuple[int, int | None]:
    """Rows of the answer (-1 when the header is absent or odd) and the total, if it was counted."""
    if value is None:
        return -1, None
    span, _, total = value.partition(b"/")
    whole = int(total) if _is_count(total) else None
    if span == b"*":
        return 0, whole
    low, _, high = span.partition(b"-")
    if not (_is_count(low) and _is_count(high)) or int(high) < int(low):
        return -1, whole
    return int(high) - int(low) + 1, whole


def _is_count(text: bytes) -> bool:
    return text.isdigit() and len(text) <= 18
