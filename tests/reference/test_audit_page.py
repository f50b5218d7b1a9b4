"""The page about reports as JSON has every type that a report is made of, and every field."""

from __future__ import annotations

import msgspec
import pytest

from proxy.audit import report
from proxy.findings.model import Finding
from proxy.reference.audit_page import audit

PAGE = "\n".join(audit())
KINDS = [
    kind for kind in (*vars(report).values(), Finding) if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
]
"""Every struct of a report."""


@pytest.mark.parametrize("kind", dict.fromkeys(KINDS), ids=lambda kind: kind.__name__)
def test_every_field_has_a_row(kind: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(kind):
        assert f"| `{field.encode_name}` |" in PAGE, field.name


def test_it_says_which_format_it_describes() -> None:
    assert f"This is format {report.FORMAT}:" in PAGE
