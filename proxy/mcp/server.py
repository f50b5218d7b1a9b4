"""The server of the Model Context Protocol on standard input and output: https://modelcontextprotocol.io.

The package ``mcp`` is imported here and nowhere else. It takes most of the time until the first answer, so this file
imports nothing else that is large: what the tools need is loaded with the first call of one.

Tests: tests/e2e/operations/test_mcp.py.
"""

from collections.abc import Callable, Mapping
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp_types import CallToolResult, ListToolsResult, TextContent, Tool, ToolAnnotations

from proxy.mcp.answer import ToolAnswer, ToolError, as_json
from proxy.mcp.arguments import checked
from proxy.mcp.schemas import BY_NAME, TOOLS, ToolSchema, instructions

AnswerTool = Callable[[str, Mapping[str, Any]], ToolAnswer]
"""Answers a call of a tool by its name. It blocks, and is called in a thread. Raises ToolError."""


def serve_stdio(version: str, answer: AnswerTool) -> None:
    """Serve until standard input ends."""
    anyio.run(_serve, version, answer)


async def _serve(version: str, answer: AnswerTool) -> None:
    server = server_of(version, answer)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def server_of(version: str, answer: AnswerTool) -> "Server[Any]":
    """The server. ``answer`` is called by one thread at a time."""
    lock = anyio.Lock()

    async def on_list_tools(_: object, __: object) -> ListToolsResult:
        return ListToolsResult(tools=[_tool(tool) for tool in TOOLS])

    async def on_call_tool(_: object, params: Any) -> CallToolResult:
        tool = BY_NAME.get(params.name)
        if tool is None:
            return _failure(f"There is no such tool; there are {', '.join(BY_NAME)}.")
        async with lock:
            return await _call(answer, tool, params.arguments or {})

    return Server(
        "fanin",
        version=version,
        instructions=instructions(),
        on_list_tools=on_list_tools,
        on_call_tool=on_call_tool,
    )


async def _call(answer: AnswerTool, tool: ToolSchema, arguments: Mapping[str, Any]) -> CallToolResult:
    try:
        found = await anyio.to_thread.run_sync(answer, tool.name, checked(tool, arguments))
    except ToolError as error:
        return _failure(str(error))
    except Exception as error:
        return _failure(f"The tool failed ({type(error).__name__}). This is a bug of fanin: report it.")
    text = as_json(found)
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=_structured(found))


def _structured(answer: ToolAnswer) -> dict[str, Any]:
    narrower = (
        None
        if answer.narrower is None
        else {
            "tool": answer.narrower.tool,
            "arguments": dict(answer.narrower.arguments),
        }
    )
    return {
        "summary": answer.summary,
        "data_begin": answer.data_begin,
        "data": list(answer.data),
        "data_end": answer.data_end,
        "next_cursor": answer.next_cursor,
        "narrower": narrower,
    }


def _failure(message: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=message)], is_error=True)


def _tool(tool: ToolSchema) -> Tool:
    return Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=ToolAnnotations(
            read_only_hint=True,
            destructive_hint=False,
            idempotent_hint=True,
            open_world_hint=False,
        ),
    )
