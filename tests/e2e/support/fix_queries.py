"""Runs of what pages show for a query: its curl command and its supabase-js call; and of the code for long lists."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.clients.chain_code import name_values, unsupported_params
from proxy.fixes.clients.curl import curl
from proxy.fixes.reads.read_code import call_js
from tests.e2e.support.fix_reads import Request, single
from tests.e2e.support.fix_runs import PATIENCE, array_text
from tests.e2e.support.fix_shapes import uuid_of

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from proxy.findings.model import Fix
    from tests.e2e.support.fix_bench import Bench

TAGS = [uuid_of(f"tag:{n}") for n in range(1500)]


async def queries(bench: Bench, draw: random.Random, number: int) -> None:
    """The curl command and the call of a read, as the pages of findings and queries show them."""
    requests = [single(draw) for _ in range(number)]
    for request, seen in zip(requests, await bench.play([[one] for one in requests]), strict=True):
        rows, fingerprint = seen.answers[0][0], seen.trace.spans[0].fingerprint
        request.compare(await _by_curl(bench, fingerprint, request), rows)
        bench.executed["query", "curl"] += 1
        parsed = parse_fingerprint(fingerprint)
        assert not unsupported_params(parsed)
        names = ", ".join(name_values(parsed, camel=True, bounds=True).arguments)
        quoting = 'const quoted = (value) => `"${String(value).replace(/["\\\\]/g, "\\\\$&")}"`;'
        code = f"async function run({names}) {{ {quoting}\n{call_js(parsed)}\nif (error) throw error; return data }}"
        answer = await bench.comparison.node.run(code, [request.values])
        assert "error" not in answer, (answer, code)
        request.compare(answer["results"][0], rows)
        bench.executed["query", "js"] += 1


async def _by_curl(bench: Bench, fingerprint: str, request: Request) -> list[Any]:
    """The rows of the printed command; its variables have the percent-encoded texts that the request has."""
    command = curl(fingerprint, "thing", bench.stack.url).replace("-g", "-gs")
    names = [name for name in re.findall(r'"\$(\w+)"', command) if name != "TOKEN"]
    variables = dict(zip(names, _texts(fingerprint, request.target), strict=True))
    environment = {"PATH": "/usr/bin:/bin", "TOKEN": bench.stack.token} | variables
    pipe = asyncio.subprocess.PIPE
    # PostgREST is asked for the schema of the tables: it is its first one.
    process = await asyncio.create_subprocess_exec("bash", "-uc", command, env=environment, stdout=pipe, stderr=pipe)
    printed, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0, (errors, command)
    rows: list[Any] = json.loads(printed)
    assert isinstance(rows, list), (rows, command, variables)
    return rows


def _texts(fingerprint: str, target: str) -> Iterator[str]:
    """The parts of the target where the fingerprint has a placeholder, percent-encoded."""
    forms, sent = fingerprint.partition("?")[2].split("&"), target.partition("?")[2].split("&")
    for param, text in zip(forms, sent, strict=True):
        form, value = param.partition("=")[2], unquote(text.partition("=")[2])
        if param.startswith(("select=", "order=")):
            continue
        if form in ("in.?", "not.in.?"):
            form = form.replace("?", "(?)")
        found = re.fullmatch("(.*?)".join(map(re.escape, form.split("?"))), value, re.DOTALL)
        assert found is not None, (form, value)
        yield from (quote(part, safe="") for part in found.groups())


LISTS: tuple[tuple[str, tuple[Any, ...], str], ...] = (
    ("", (), "true"),
    ("&kind=neq.a&data->>k=eq.plain", ("a", "plain"), "kind <> 'a' and data->>'k' = 'plain'"),
    ("&rank=is.null", (), "rank is null"),
    ("&owner_id=lt.30&kind=in.(a,b)", (30, ["a", "b"]), "owner_id < 30 and kind in ('a', 'b')"),
)
ORDERS: tuple[tuple[str, str, str], ...] = (
    ("", "", ""),
    ("&order=due.desc.nullslast,id", "order by due desc nulls last, id limit 1000", ""),
)
ORDERS += (("&order=id.desc&limit=7", "order by id desc limit 7", "7"),)


async def long_lists(bench: Bench, draw: random.Random, number: int) -> None:
    """FAN005: a list that makes the URL too long."""
    chosen = [(draw.choice(LISTS), ORDERS[at % 3]) for at in range(number)]
    requests = [
        Request(
            f"/thing?select=id,due&tag=in.({','.join(TAGS)}){filters}{order}",
            (TAGS, *values, *([int(limit)] if limit else [])),
            total=bool(order),
            bounds=len(limit),
        )
        for (filters, values, _), (order, _, limit) in chosen
    ]
    played = await bench.play([[one] for one in requests], refused=True)
    await bench.comparison.declare([seen.findings["FAN005"].fix for seen in played])
    for request, seen, ((_, _, where), (_, ordered, _)) in zip(requests, played, chosen, strict=True):
        tags = f"tag::text = any('{array_text(TAGS)}')"
        found = await bench.comparison.connection.fetchval(
            "select coalesce(json_agg(q), '[]') from"
            f" (select id, due from loops.thing where {tags} and {where} {ordered}) q"
        )
        await _long_list(bench, request, seen.findings["FAN005"].fix, json.loads(found))


async def _long_list(bench: Bench, request: Request, fix: Fix, wanted: list[Any]) -> None:
    function = "create function" in fix.sql
    if function:
        await bench.comparison.install(fix)

    async def js(code: str) -> None:
        request.compare(await _reloaded(bench, code, list(request.values)), wanted)

    async def sql(code: str) -> None:
        if not function:  # which the other languages call
            request.compare(await bench.sql(code, request.texts), wanted)

    await bench.each("FAN005", fix, bench.reads(request, wanted) | {"js": js, "sql": sql})


async def _reloaded(bench: Bench, code: str, args: list[Any]) -> list[Any]:
    """The result of a call of a function that PostgREST may not know yet."""
    rows: list[Any] = (await bench.comparison.node.run_when_known(code, args))["results"][0]
    return rows
