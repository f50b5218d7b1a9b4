"""Escapes text that a client controls, for a terminal or a log line."""


def safe(text: str) -> str:
    """``text`` with unprintable characters as escapes, so that it cannot control the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
