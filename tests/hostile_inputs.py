"""What a client may write where a name is expected, to be shown as text wherever it comes out."""

from __future__ import annotations

HOSTILE_NAMES = (
    "<script>window.hit = 1</script>",
    "<img src=x onerror=window.hit=1>",
    "\"><svg onload='window.hit=1'>",
    "javascript:window.hit=1",
    "'; touch hit; '",
    "$(touch hit)`touch hit`!!",
    "a\\' b\\",
    "__proto__",
    "constructor",
    "..",
    "a/../b?c#d%2e",
    "\u202e\u2028\u65e5\u672c\ufffd",
    "</title><b>",
    "{{7*7}}${7*7}",
    "@/etc/passwd",
    "&amp;<&lt;",
)

HOSTILE_TEXTS = (
    "\x1b[2J\x1b]0;hit\x07",
    "a\nb\r\nc\td",
    "\x00\x01\x08\x7f\x9b",
    "]]><failure message='hit'/><![CDATA[",
    "-->\u2029<!--",
    "'\"`; drop table hit; --",
    "| a | b\\|`c`",
    "::error file=hit::hit",
    "%0A%0Dhit",
    "\ufeff\ufffe",
    "x" * 200,
)
"""The same where no header bounds it: control characters, ends of lines, and what a format ends its text with."""
