"""Text of a client cannot control the terminal or forge a line."""

from __future__ import annotations

import pytest

from proxy.text.terminal import safe

HOSTILE_NAMES = ("\x1b[2J", "a\nb", "\r", "\x00", "\u202e", "\u2028", "\x7f", "\x9b1m", "\u200b")


@pytest.mark.parametrize("text", HOSTILE_NAMES)
def test_unprintable_characters_are_written_as_escapes(text: str) -> None:
    assert safe(f"x{text}y").isprintable()


def test_printable_text_is_unchanged() -> None:
    assert safe("GET /crème?a=eq.<b>") == "GET /crème?a=eq.<b>"
