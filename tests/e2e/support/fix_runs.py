"""Loops through fanin, and the code that its findings print for them, run as printed in each language."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
from postgrest import AsyncPostgrestClient, SyncPostgrestClient
from yarl import URL

from proxy.observe.events import Event, TraceClosed
from tests.e2e.support.harness import fanin, until
from tests.e2e.support.script_runner import APPLICATIONS, MODULES, node_program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import asyncpg

    from proxy.findings.model import Finding
    from proxy.model import Trace
    from tests.conftest import Stack
    from tests.e2e.support.fix_shapes import Shape

PATIENT: dict[str, Any] = {
    "trace__quiet_explicit": 30.0,
    "catalog__schemas": ["loops", "second"],
    "rules": {
        name: {"max_pause": 60.0}
        for name in ("n_plus_one", "n_plus_one_write", "duplicate_read", "patch_and_recount", "serial_calls")
    },
}
"""However busy the machine is, a loop is one loop."""
PATIENCE = 300.0
"""Seconds in which the calls of one printed fix are made, however busy the machine is."""
LOOPS = ("FAN001", "FAN002", "FAN004")
Rows = list[Any]


@dataclass
class Played:
    """A loop that was made through fanin: what each call got, and what was found."""

    shape: Shape
    answers: list[tuple[int, Any]]
    trace: Trace | None = None
    findings: list[Finding] = field(default_factory=list)
    left: str = ""
    """What the loop left in the table that it changes."""

    def finding(self, *codes: str) -> Finding | None:
        return next((one for one in self.findings if one.code in codes), None)

    @property
    def rows(self) -> dict[str, Rows]:
        """By key, the rows or the count that the loop got; keys without rows are left out."""
        found = {}
        for key, (_, body) in zip(self.shape.keys, self.answers, strict=True):
            rows = body if isinstance(body, list) else [body]
            if rows and rows != [0]:
                found[key_text(key)] = rows
        return found


def key_text(key: Sequence[Any]) -> str:
    """The same for a number and its text, as in a URL."""
    return json.dumps([str(part) for part in key])


class Table:
    """Whatever the loops of writes change: made as it was before each, and read after each."""

    async def reset(self) -> None: ...

    async def state(self) -> str:
        return ""


async def play(stack: Stack, shapes: Sequence[Shape], table: Table | None = None, **settings: Any) -> list[Played]:
    """Make the loops through fanin, each a trace of its own: four at once, or one by one if they change ``table``."""
    closed: dict[str, TraceClosed] = {}

    def watch(event: Event) -> None:
        if isinstance(event, TraceClosed):
            closed[event.trace.id] = event

    gate = asyncio.Semaphore(4 if table is None else 1)
    async with fanin(stack.url, **PATIENT, **settings) as sidecar, aiohttp.ClientSession() as session:
        sidecar._events.subscribe(watch)
        base = f"http://127.0.0.1:{sidecar.port}"
        if settings.get("detect__openapi"):
            await until(lambda: sidecar.rule_runner.facts.relations)

        async def one(number: int, shape: Shape) -> Played:
            async with gate:
                caller = Caller(session, base, stack.token, f"loop-{number}")
                if table is None:
                    return Played(shape, await caller.loop(shape))
                await table.reset()
                return Played(shape, await caller.loop(shape), left=await table.state())

        played = await asyncio.gather(*(one(number, shape) for number, shape in enumerate(shapes)))
        assert all(sidecar.traces.close_trace(f"loop-{number}") for number in range(len(shapes)))
        await until(lambda: len(closed) == len(shapes))
    for number, loop in enumerate(played):
        event = closed[f"loop-{number}"]
        loop.trace, loop.findings = event.trace, list(event.findings)
    return list(played)


@dataclass
class Caller:
    """An application that makes the calls of a loop."""

    session: aiohttp.ClientSession
    base: str
    token: str
    trace: str

    async def loop(self, shape: Shape) -> list[tuple[int, Any]]:
        if shape.first:
            await self.get(shape.first, shape)
        calls = [self.call(shape, at) for at in range(len(shape.keys))]
        if shape.parallel:
            return list(await asyncio.gather(*calls))
        # A client that waits for each answer has one connection; by that fanin tells it from one that does not.
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as self.session:
            return [await call for call in calls]

    async def get(self, target: str, shape: Shape) -> None:
        headers = {"Authorization": f"Bearer {self.token}", "X-Fanin-Trace": self.trace, **shape.headers}
        async with self.session.get(URL(self.base + target, encoded=True), headers=headers) as answer:
            assert answer.status in (200, 206)

    async def call(self, shape: Shape, at: int) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}", "X-Fanin-Trace": self.trace, **shape.headers}
        target = URL(self.base + shape.target(shape.keys[at]), encoded=True)
        body = json.dumps(shape.bodies[at]).encode() if shape.bodies else None
        if body is not None:
            headers["Content-Type"] = "application/json"
        async with self.session.request(shape.method, target, headers=headers, data=body) as answer:
            content = await answer.read()
            if shape.method == "HEAD":
                return answer.status, int(answer.headers["Content-Range"].rpartition("/")[2])
            return answer.status, json.loads(content) if content else []


class NodeRunner:
    """supabase-js in one process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self, code: str, calls: Sequence[Sequence[Any]], schema: str = "loops") -> dict[str, Any]:
        """Call the first function of ``code`` with the arguments of each of ``calls``."""
        return await self._ask({"code": code, "calls": calls, "schema": schema})

    async def run_when_known(self, code: str, args: Sequence[Any]) -> dict[str, Any]:
        """Call the first function of ``code``, which calls one of the database that PostgREST may not know yet."""
        answer: dict[str, Any] = {}
        try:
            async with asyncio.timeout(PATIENCE):
                while "schema cache" in (answer := await self.run(code, [args])).get("error", ""):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"PostgREST did not read its schema again within {PATIENCE:g} s: {answer}") from None
        assert "error" not in answer, answer
        return answer

    async def steps(self, code: str, *steps: Sequence[Any]) -> list[Any]:
        """Call functions of ``code``: each step is a name and the arguments."""
        answer = await self._ask({"code": code, "steps": steps, "schema": "loops"})
        assert "error" not in answer, f"{answer['error']}\n{code}"
        results: list[Any] = answer["results"]
        return results

    async def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), PATIENCE)
        except TimeoutError:
            raise AssertionError(f"node had no answer within {PATIENCE:g} s to {json.dumps(asked)[:2000]}") from None
        assert line, f"node ended instead of answering {json.dumps(asked)[:2000]}"
        found: dict[str, Any] = json.loads(line)
        return found


@asynccontextmanager
async def node_runner(stack: Stack) -> AsyncIterator[NodeRunner]:
    arguments = (str(APPLICATIONS / "fix_runner.cjs"), str(MODULES), stack.url, stack.token)
    process = await asyncio.create_subprocess_exec(
        node_program(), *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 28
    )
    try:
        yield NodeRunner(process)
    finally:
        process.kill()
        await process.wait()


class PythonRunner:
    """The printed supabase-py, with postgrest-py as its client."""

    def __init__(self, stack: Stack) -> None:
        self._url, self._headers = stack.url, {"Authorization": f"Bearer {stack.token}"}
        # PostgREST closes a connection after its answer to a HEAD, and a write sent on it meanwhile is lost.
        self._session = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), timeout=PATIENCE)
        self._client = SyncPostgrestClient(stack.url, schema="loops", headers=self._headers, http_client=self._session)

    def close(self) -> None:
        self._session.close()

    async def run(self, code: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        return await asyncio.to_thread(self._run, code, calls)

    async def steps(self, code: str, *steps: Sequence[Any]) -> list[Any]:
        """Call functions of ``code``: each step is a name, or ``name.method``, and the arguments."""

        def run() -> list[Any]:
            scope: dict[str, Any] = {"supabase": self._client}
            exec(code, scope)
            return [
                attrgetter(name.partition(".")[2])(scope[name.partition(".")[0]])(*args)
                if "." in name
                else scope[name](*args)
                for name, *args in steps
            ]

        return await asyncio.to_thread(run)

    async def run_asynchronous(self, code: str, args: Sequence[Any]) -> Any:
        """Call the asynchronous function of ``code``, with the asynchronous client."""
        async with AsyncPostgrestClient(self._url, schema="loops", headers=self._headers) as client:
            scope: dict[str, Any] = {"supabase": client}
            exec(code, scope)
            (name,) = re.findall(r"^async def (\w+)", code, re.MULTILINE)
            return await scope[name](*args)

    def _run(self, code: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        scope: dict[str, Any] = {"supabase": self._client}
        exec(code, scope)
        name = re.findall(r"^def (\w+)", code, re.MULTILINE)[0]
        return [scope[name](*args) for args in calls]


async def run_sql(connection: asyncpg.Connection[Any], sql: str, values: Sequence[str | None]) -> Rows:
    """The rows of a printed query as PostgREST would write them; ``values`` are the texts of its placeholders."""
    query = sql.rstrip().removesuffix(";")
    await connection.execute(f"prepare printed as select coalesce(json_agg(q), '[]') from (\n{query}\n) q")
    try:
        rows = await connection.fetch(f"execute printed{given(values)}")
    finally:
        await connection.execute("deallocate printed")
    found: Rows = json.loads(rows[0][0])
    return found


def given(values: Sequence[str | None]) -> str:
    """The values of an ``execute``; without a type, as Postgres takes literals."""
    texts = ["null" if value is None else "'" + value.replace("'", "''") + "'" for value in values]
    return f"({', '.join(texts)})" if texts else ""


def array_text(values: Sequence[Any]) -> str:
    return "{" + ",".join('"' + str(v).replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values) + "}"
