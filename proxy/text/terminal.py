"""Text that a client controls, made safe for a terminal or a log line."""


def safe(text: str) -> str:
    """``text`` with everything but printable characters written as escapes, so that it cannot move a cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
