"""Masks secrets and values in names that a client chose, before they are handed to a program or a person outside."""

import re

MASK = "…"
_TOKENS = re.compile(
    r"eyJ[\w-]{5,}(?:\.[\w-]*){0,2}"  # a JSON Web Token, or its beginning
    r"|\bsb_(?:secret|publishable)_\w+"
    r"|(?i:\bbearer\s+)\S+"
    r"|(?i:\b(?:api_?key|token|secret|password)\s*[=:]\s*)[^\s&\"']+"
)
_VALUES = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.-]+"  # an e-mail address
    r"|\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"
    r"|(?<=/)\d+(?=[/?#\s]|$)"  # a number as a segment of a path
    r"|(?<![\w-])(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[A-Za-z0-9+=_-]{24,}(?![\w-])"  # letters and digits: random
    r"|\b\d{6,}\b"
)


def without_tokens(text: str) -> str:
    """``text`` with tokens and keys masked: of code, whose names must stay as they are."""
    return _TOKENS.sub(MASK, text)


def masked(text: str) -> str:
    """``text`` with tokens, keys and what looks like a value masked: of a route, a caller, a name."""
    return _VALUES.sub(MASK, without_tokens(text))
