"""`fanin mcp`, spoken to by the client of the official package: a live sidecar on real servers, and recordings."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import asyncpg
import jsonschema
import pytest
from mcp.client.session import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client

from proxy.mcp.answer import MAX_BYTES
from tests.e2e.support.harness import TIMEOUT, ask, fanin_program
from tests.mcp.injections import INJECTIONS, MARK, assert_within_boundary
from tests.receiver.spans import client, line, server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp_types import CallToolResult

    from tests.conftest import Stack

pytestmark = pytest.mark.e2e

FANIN = str(Path(sys.executable).with_name("fanin"))
BYTES_PER_TOKEN = 2.5
"""JSON of these answers has more; the tools are listed in one answer too."""


@asynccontextmanager
async def agent(*flags: str) -> AsyncIterator[ClientSession]:
    async with (
        stdio_client(StdioServerParameters(command=FANIN, args=["mcp", *flags])) as (incoming, outgoing),
        ClientSession(incoming, outgoing) as session,
    ):
        await session.initialize()
        yield session


def sent(result: Any) -> dict[str, Any]:
    """A result as JSON, as it was sent."""
    told: dict[str, Any] = result.model_dump(mode="json", by_alias=True, exclude_none=False)
    return told


async def call(session: ClientSession, name: str, **arguments: Any) -> dict[str, Any]:
    """The structured content of an answer, which fits its schema and its bound."""
    result: CallToolResult = await session.call_tool(name, arguments)
    told = sent(result)
    assert not told.get("isError"), told["content"]
    assert json.loads(told["content"][0]["text"]) == told["structuredContent"]
    assert len(told["content"][0]["text"].encode()) <= MAX_BYTES
    assert_within_boundary(told)
    structured: dict[str, Any] = told["structuredContent"]
    return structured


async def test_the_tools_are_listed_with_schemas_and_annotations(tmp_path: Path) -> None:
    async with agent("--traces", str(tmp_path / "none.jsonl")) as session:
        listed = await session.list_tools()
    assert len(listed.tools) == 8
    for tool in listed.tools:
        assert tool.output_schema is not None
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        jsonschema.Draft202012Validator.check_schema(tool.output_schema)
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is True
        assert tool.annotations.destructive_hint is False
        assert tool.annotations.open_world_hint is False
    told = json.dumps(listed.model_dump(mode="json", by_alias=True, exclude_none=True), separators=(",", ":"))
    assert len(told) / BYTES_PER_TOKEN < 4_000


@pytest.mark.stack
async def test_findings_of_a_running_fanin_are_read_and_nothing_is_changed(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.dsn)
    keys = [str(row[0]) for row in await connection.fetch("select id from creators order by 1 limit 12")]
    await connection.close()
    async with fanin_program(stack.url) as running:
        await page_load(running.port, running.admin, stack.token, "t1", "GET /creators", keys)
        async with agent("--admin", f"http://127.0.0.1:{running.admin}") as session:
            state = await call(session, "status")
            assert "a running fanin" in state["summary"]
            (found,) = (await call(session, "findings"))["data"]
            assert (found["code"], found["route"], found["trace"]) == ("FAN002", "GET /creators", "t1")
            report = await call(session, "finding", id=found["id"])
            assert any("12 requests differ only in id" in text for text in report["data"])
            requests = (await call(session, "trace", id="t1"))["data"]
            assert len(requests) == 12
            assert {one["status"] for one in requests} == {200}
            (query,) = (await call(session, "fingerprints"))["data"]
            assert (query["query"], query["calls"]) == ("GET creators?select=id&id=eq.?", 12)
            assert (await call(session, "audit", section="routes"))["data"][0]["route"] == "GET /creators"
            assert not any(key in json.dumps([report, requests, query]) for key in keys)


@pytest.mark.stack
async def test_texts_of_clients_and_of_the_database_stay_within_the_boundary(stack: Stack) -> None:
    """Through routes, callers, trace ids, filters, aliases, a table's comment, and the error of a function."""
    connection = await asyncpg.connect(stack.dsn)
    await connection.execute(
        f"comment on table creators is '{MARK} comment'; create function public.injected() returns int "
        f"language plpgsql as $$begin raise exception '{MARK} error' using errcode = 'P0001', hint = '{MARK}'; end$$; "
        "notify pgrst, 'reload schema'"
    )
    keys = [str(row[0]) for row in await connection.fetch("select id from creators order by 1 limit 12")]
    try:
        async with fanin_program(stack.url) as running:
            for number, text in enumerate(INJECTIONS):
                name = "".join(c for c in text if c.isascii() and c.isprintable())[:150]
                await page_load(running.port, running.admin, stack.token, f"{number} {name}", name, keys)
            quoted = f"/creators?select=%22{MARK}%22:id&handle=eq.{MARK}"
            await ask(running.port, request(quoted, stack.token, "filters", MARK))
            await ask(running.port, request("/rpc/injected", stack.token, "function", MARK))
            await ask(running.port, request(f"/{MARK}?{MARK}=eq.1", stack.token, "relation", MARK))
            for name in ("filters", "function", "relation"):
                await closed(running.admin, name)
            async with agent("--admin", f"http://127.0.0.1:{running.admin}") as session:
                rows = (await call(session, "findings", limit=50))["data"]
                assert any(MARK in row["route"] for row in rows)
                assert MARK in json.dumps(await call(session, "traces", limit=50))
                for name in ("fingerprints", "audit", "status"):
                    await call(session, name)
                for section in ("queries", "routes", "not_merged", "warnings"):
                    await call(session, "audit", section=section)
                for row in rows[:3]:
                    await call(session, "finding", id=row["id"])
                    await call(session, "trace", id=row["trace"])
                await call(session, "findings", route=rows[0]["route"])
                for wrong in ({"id": f"{MARK}"}, {"id": MARK, "part": MARK}):
                    told = sent(await session.call_tool("finding", wrong))
                    assert told["isError"]
                    assert_within_boundary(told)
    finally:
        await connection.execute(
            "comment on table creators is null; drop function public.injected(); notify pgrst, 'reload schema'"
        )
        await connection.close()


def request(target: str, token: str, trace: str, route: str) -> bytes:
    names = f"X-Fanin-Trace: {trace}\r\nX-Fanin-Route: {route}\r\nX-Fanin-Caller: {route}\r\n"
    return f"GET {target} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n{names}\r\n".encode()


async def page_load(port: int, admin: int, token: str, trace: str, route: str, keys: list[str]) -> None:
    for key in keys:
        answer = await ask(port, request(f"/creators?select=id&id=eq.{key}", token, trace, route))
        assert answer.status == 200
    await closed(admin, trace)


async def closed(admin: int, trace: str) -> None:
    """Close a trace now, as a client does when its request has ended."""
    head = f"POST /api/traces/{quote(trace, safe='')}/close HTTP/1.1\r\nHost: 127.0.0.1:{admin}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    assert (await ask(admin, head.encode())).status == 200


async def test_files_are_read_and_read_again_when_they_change(tmp_path: Path) -> None:
    file = tmp_path / "spans.jsonl"
    root = server("GET /a")
    loop = [client(f"http://db/t?select=id&id=eq.{n}", root.id, start=2_000_000 * n) for n in range(12)]
    async with agent("--otlp", str(file)) as session:
        missing = sent(await session.call_tool("findings", {}))
        assert missing["isError"]
        assert "cannot be read" in missing["content"][0]["text"]
        file.write_bytes(line(root, loop[0]))
        assert (await call(session, "findings"))["data"] == []
        file.write_bytes(line(root, *loop))
        (found,) = (await call(session, "findings"))["data"]
        assert (found["code"], found["route"]) == ("FAN002", "GET /a")
        assert len((await call(session, "audit", section="not_checked"))["data"]) == 7


async def test_codes_and_requests_are_explained() -> None:
    async with agent() as session:
        assert "sequential-n-plus-one" in (await call(session, "explain", about="FAN002"))["data"][0]
        assert "  merges     yes" in (await call(session, "explain", about="GET /t?id=eq.1"))["data"]
        for about in (MARK, f"GET {MARK}", "GET /t?" + MARK + " x"):
            told = sent(await session.call_tool("explain", {"about": about}))
            assert_within_boundary(told)


async def test_without_a_fanin_each_tool_says_what_to_do() -> None:
    async with agent("--admin", "http://127.0.0.1:1") as session:
        told = sent(await session.call_tool("findings", {}))
    assert told["isError"]
    assert "Check what fanin mcp was started with." in told["content"][0]["text"]


def test_before_the_first_call_of_a_tool_nothing_large_of_fanin_is_imported() -> None:
    """So that the handshake is answered within the time that the package itself needs."""
    code = (
        "import sys; sys.argv = ['fanin', 'mcp', '--traces', 'none']; "
        "import proxy.mcp.server as server; server.serve_stdio = lambda *_: None; "
        "from proxy.commands.entry import main; main(); "
        "own = {name.split('.')[1] for name in sys.modules if name.startswith('proxy.')}; "
        "print(sorted(own), 'rules' in sys.modules, 'sqlglot' in sys.modules, 'aiohttp' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=TIMEOUT, check=True)
    assert told.stdout == "['commands', 'findings', 'mcp', 'text'] False False False\n"


def test_without_its_package_the_command_says_what_to_install() -> None:
    code = "import sys; sys.modules['mcp'] = None; sys.argv = ['fanin', 'mcp']"
    code += "; from proxy.commands.entry import main; sys.exit(main())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert told.returncode == 2
    assert "pip install '.[mcp]'" in told.stderr
