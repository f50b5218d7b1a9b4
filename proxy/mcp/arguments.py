"""Checks arguments of a call against the schema of its tool, as far as these schemas go."""

from collections.abc import Mapping
from typing import Any

from proxy.mcp.answer import ToolError
from proxy.mcp.schemas import ToolSchema

KINDS: Mapping[str, type] = {"string": str, "integer": int, "boolean": bool}


def checked(tool: ToolSchema, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments. ToolError if one is unknown, missing or not as the schema says; it quotes no argument's value."""
    for name in arguments:
        if name not in tool.arguments:
            raise ToolError(f"{tool.name} has no argument of that name; it has {', '.join(tool.arguments)}.")
    for name in tool.required:
        if name not in arguments:
            raise ToolError(f"{name}: is missing; {tool.arguments[name].get('description', 'give it')}.")
    for name, value in arguments.items():
        _check(name, value, tool.arguments[name])
    return arguments


def _check(name: str, value: Any, schema: Mapping[str, Any]) -> None:
    if "enum" in schema:
        if value not in schema["enum"]:
            raise ToolError(f"{name}: is one of {', '.join(schema['enum'])}.")
        return
    kind: str = schema["type"]
    if not isinstance(value, KINDS[kind]) or (kind == "integer" and isinstance(value, bool)):
        raise ToolError(f"{name}: is of the type {kind}.")
    if kind == "integer" and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        most = f" to {schema['maximum']}" if "maximum" in schema else " or more"
        raise ToolError(f"{name}: is {schema['minimum']}{most}.")
    if isinstance(value, str) and len(value) > schema["maxLength"]:
        raise ToolError(f"{name}: has at most {schema['maxLength']} characters.")
