"""Arguments are checked, and an error says what to give and quotes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.mcp.answer import ToolError
from proxy.mcp.arguments import checked
from proxy.mcp.schemas import BY_NAME, TOOLS


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("findings", {"secret": 1}, "findings has no argument of that name; it has code, impact"),
        ("finding", {}, "id: is missing"),
        ("findings", {"impact": "secret"}, "impact: is one of low, medium, high, critical"),
        ("findings", {"limit": "secret"}, "limit: is of the type integer"),
        ("findings", {"limit": True}, "limit: is of the type integer"),
        ("findings", {"limit": 0}, "limit: is 1 to 50"),
        ("traces", {"min_queries": 0}, "min_queries: is 1 or more"),
        ("findings", {"ignored": "secret"}, "ignored: is of the type boolean"),
        ("explain", {"about": "secret" * 1000}, "about: has at most 4000 characters"),
    ],
)
def test_a_wrong_argument_is_an_error(tool: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ToolError, match=message) as caught:
        checked(BY_NAME[tool], arguments)
    assert "secret" not in str(caught.value)


def test_valid_arguments_are_returned() -> None:
    arguments = {"code": "FAN001", "impact": "high", "limit": 5, "ignored": True, "route": "GET /a"}
    assert checked(BY_NAME["findings"], arguments) == arguments


def test_there_are_at_most_eight_tools_and_none_takes_sql() -> None:
    assert len(TOOLS) <= 8
    names = {name for tool in TOOLS for name in tool.arguments}
    assert not names & {"sql", "statement", "query", "url", "command", "file", "path"}
