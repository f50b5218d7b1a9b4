"""Names of called functions."""

from __future__ import annotations

from proxy.schema.expression import FunctionCall


def test_a_call_is_named_with_its_schema_if_it_has_one() -> None:
    assert FunctionCall("auth", "uid").qualified == "auth.uid"
    assert FunctionCall("", "now").qualified == "now"
