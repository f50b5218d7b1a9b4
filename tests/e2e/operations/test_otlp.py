"""`fanin serve` sends spans to a real OTLP receiver, and loses nobody's time where there is none."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import asyncpg
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.e2e.support.harness import (
    OK,
    SCRAPE,
    TIMEOUT,
    Program,
    ScriptedUpstream,
    answers,
    ask,
    fanin_program,
    free_port,
)
from tests.e2e.support.otlp_collector import CLIENT, SERVER, attributes, otlp_collector

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from tests.conftest import Stack

pytestmark = pytest.mark.e2e


def get(target: str, stack: Stack | None = None, traceparent: str = "", more: str = "") -> bytes:
    authorization = f"Authorization: Bearer {stack.token}\r\n" if stack else ""
    parent = f"traceparent: {traceparent}\r\n" if traceparent else ""
    return f"GET {target} HTTP/1.1\r\nHost: h\r\n{authorization}{parent}{more}\r\n".encode()


def parent(number: int, flags: str = "01") -> str:
    return f"00-{number:032x}-{number + 0x1000:016x}-{flags}"


async def metric(running: Program, name: str, labels: str = "") -> int:
    """The sum of a metric's samples that have ``labels``."""
    text = (await ask(running.admin, SCRAPE)).body.decode()
    return int(sum(float(value) for value in re.findall(rf"^{name}\{{?.*{labels}.*\}}? (\S+)$", text, re.MULTILINE)))


def links(span: Span) -> set[bytes]:
    return {link.span_id for link in span.links}


@pytest.fixture
async def keys(stack: Stack) -> list[str]:
    connection = await asyncpg.connect(stack.dsn)
    try:
        return [str(row[0]) for row in await connection.fetch("select id from creators order by 1 limit 20")]
    finally:
        await connection.close()


@pytest.mark.stack
async def test_a_request_is_a_server_span_under_its_caller_and_its_call_a_client_span_under_that(
    stack: Stack, keys: list[str]
) -> None:
    async with otlp_collector() as collector:
        flags = ("--set", f"otlp.endpoint={collector.url}", "--set", "otlp.database=shop")
        async with fanin_program(stack.url, *flags) as running:
            await ask(
                running.port, get(f"/creators?select=id&id=eq.{keys[0]}", stack, parent(7), "X-Fanin-Caller: f\r\n")
            )
            await ask(running.port, get("/creators?secret=eq.1", stack))
        served, refused = collector.spans(SERVER)
        called, _ = collector.spans(CLIENT)
    assert served.trace_id.hex() == f"{7:032x}"
    assert served.parent_span_id.hex() == f"{7 + 0x1000:016x}"
    assert (called.trace_id, called.parent_span_id) == (served.trace_id, served.span_id)
    assert served.start_time_unix_nano <= called.start_time_unix_nano < called.end_time_unix_nano
    assert called.end_time_unix_nano <= served.end_time_unix_nano + 1_000_000
    assert (served.name, called.name) == ("GET /creators", "SELECT public.creators")
    told = attributes(served)
    assert told["http.request.method"] == "GET"
    assert told["http.response.status_code"] == 200
    assert told["url.scheme"] == "http"
    assert told["server.address"] == "127.0.0.1"
    assert told["db.response.returned_rows"] == 1
    assert told["fanin.fingerprint"] == "GET creators?select=id&id=eq.?"
    assert (told["fanin.caller"], told["fanin.outcome"]) == ("f", "passed")
    told = attributes(called)
    assert told["db.system.name"] == "postgresql"
    assert told["db.collection.name"] == "public.creators"
    assert told["db.namespace"] == "shop|public"
    assert told["db.operation.name"] == "SELECT"
    assert told["db.query.summary"] == "SELECT public.creators"
    assert told["db.query.text"] == "SELECT creators.id FROM creators WHERE creators.id = ?"
    assert told["server.port"] == int(stack.url.rpartition(":")[2])
    assert attributes(refused)["fanin.fingerprint"] == "GET creators?…"
    assert not refused.parent_span_id
    assert not any(keys[0].encode() in raw or stack.token.encode() in raw for raw in collector.raw)


@pytest.mark.stack
async def test_a_merged_call_is_one_span_with_links_to_the_requests_that_it_answered(
    stack: Stack, keys: list[str]
) -> None:
    async with otlp_collector() as collector:
        async with fanin_program(stack.url, "--set", f"otlp.endpoint={collector.url}") as running:
            for round_ in range(3):
                requests = [
                    get(f"/creators?select=id&id=eq.{key}", stack, parent(100 * round_ + n + 1))
                    for n, key in enumerate(keys)
                ]
                statuses = [answer.status for answer in await asyncio.gather(*(ask(running.port, r) for r in requests))]
                assert statuses == [200] * len(keys)
            asked = await metric(running, "fanin_requests_total")
            made = await metric(running, "fanin_upstream_calls_total")
        served, called = collector.spans(SERVER), collector.spans(CLIENT)
    assert (len(served), len(called)) == (asked, made)
    assert made < asked == 60
    assert {span.trace_id.hex() for span in served} == {f"{100 * r + n + 1:032x}" for r in range(3) for n in range(20)}
    batches = [span for span in called if attributes(span)["fanin.kind"] == "merged"]
    assert batches
    for batch in batches:
        number = attributes(batch)["fanin.call"]
        members = [span for span in served if attributes(span).get("fanin.call") == number]
        assert len(members) > 1
        assert links(batch) == {span.span_id for span in members}
        assert attributes(batch)["fanin.batch.size"] == len(members)
        assert "db.operation.batch.size" not in attributes(batch)
        assert attributes(batch)["db.query.text"] == "SELECT creators.id FROM creators WHERE creators.id IN (?)"
        assert batch.parent_span_id in links(batch)
        assert {attributes(span)["fanin.outcome"] for span in members} == {"merged"}
    linked = Counter(link for batch in batches for link in links(batch))
    assert set(linked.values()) == {1}, "a request is answered by one call"


@pytest.mark.stack
async def test_an_error_has_the_sqlstate_and_names_that_postgrest_accepted_before(
    stack: Stack, keys: list[str]
) -> None:
    async with otlp_collector() as collector:
        async with fanin_program(stack.url, "--set", f"otlp.endpoint={collector.url}") as running:
            for target in (
                f"/creators?id=eq.{keys[0]}",
                "/creators?id=eq.nonsense",
                "/creators?nothing=eq.1",
                "/nosuch",
            ):
                await ask(running.port, get(target, stack))
            await ask(running.port, get("/rpc/nosuch", stack))
        _, text, column, relation, function = map(attributes, collector.spans(CLIENT))
    assert (text["error.type"], text["db.response.status_code"]) == ("22P02", "22P02")
    assert (column["error.type"], column["db.response.status_code"]) == ("42703", "42703")
    assert (text["db.collection.name"], text["db.query.summary"]) == ("public.creators", "SELECT public.creators")
    assert "db.query.text" not in column
    assert (relation["error.type"], relation["db.response.status_code"]) == ("42P01", "42P01")
    assert "db.collection.name" not in relation
    assert (function["error.type"], function["db.query.summary"]) == ("PGRST202", "SELECT")
    assert "db.response.status_code" not in function
    assert not any(b"nosuch" in raw or b"nonsense" in raw for raw in collector.raw)


@pytest.mark.stack
async def test_the_durations_of_calls_are_a_metric_that_counts_each_call_once(stack: Stack, keys: list[str]) -> None:
    async with otlp_collector() as collector:
        async with fanin_program(stack.url, "--set", f"otlp.endpoint={collector.url}") as running:
            for key in keys[:3]:
                await ask(running.port, get(f"/creators?select=id&id=eq.{key}", stack))
            await ask(running.port, get("/creators?id=eq.nonsense", stack))
        points = collector.points("db.client.operation.duration")
    counts = {attributes(point).get("error.type"): point.count for point in points}
    assert counts == {None: 3, "22P02": 1}
    told = attributes(points[0])
    assert told["db.system.name"] == "postgresql"
    assert told["db.collection.name"] == "public.creators"
    assert told["db.operation.name"] == "SELECT"
    assert list(points[0].explicit_bounds) == [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]
    assert not any(keys[0].encode() in raw or b"nonsense" in raw for raw in collector.raw_metrics)


async def test_the_caller_decides_whether_its_trace_is_sampled() -> None:
    async with otlp_collector() as collector, ScriptedUpstream(answers(OK)) as upstream:
        async with fanin_program(upstream.url, "--set", f"otlp.endpoint={collector.url}") as running:
            for flags in ("00", "01"):
                await ask(running.port, get("/x/y", None, parent(5, flags)))
            assert await metric(running, "fanin_requests_total") == 2
        assert len(collector.spans()) == 2


async def test_opentelemetrys_own_variables_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop-db")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=blue")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    async with otlp_collector() as collector, ScriptedUpstream(answers(OK)) as upstream:
        async with fanin_program(upstream.url, "--set", f"otlp.endpoint={collector.url}") as running:
            await ask(running.port, get("/t"))
            async with asyncio.timeout(TIMEOUT):
                await collector.request_came.wait()
        (resource,) = {str(request.resource_spans[0].resource) for request in collector.requests}
        assert "shop-db" in resource
        assert collector.headers[0]["x-team"] == "blue"


async def test_an_error_of_fanins_own_is_one_in_its_span() -> None:
    async with otlp_collector() as collector:
        async with fanin_program(
            f"http://127.0.0.1:{free_port()}", "--set", f"otlp.endpoint={collector.url}"
        ) as running:
            assert (await ask(running.port, get("/t"))).status == 502
        (served,) = collector.spans(SERVER)
        assert served.status.code == Status.STATUS_CODE_ERROR
        assert attributes(served)["error.type"] == "FANIN501"


async def test_a_collector_that_is_down_is_told_once_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    async with ScriptedUpstream(answers(OK)) as upstream:
        where = f"otlp.endpoint=http://127.0.0.1:{free_port()}"
        async with fanin_program(upstream.url, "--set", where) as running:
            async with asyncio.timeout(TIMEOUT):
                while not await metric(running, "fanin_otlp_spans_total", 'result="failed"'):
                    assert (await ask(running.port, get("/t"))).body == b"ok"
            assert (await ask(running.port, get("/t"))).body == b"ok"
            assert await metric(running, "fanin_warnings_total", 'kind="advice"') == 1
            running.process.terminate()
            assert running.process.stderr is not None
            printed = (await asyncio.wait_for(running.process.stderr.read(), TIMEOUT)).decode()
            assert await asyncio.wait_for(running.process.wait(), TIMEOUT) == 0
    assert printed.count("the collector does not accept spans") == 1
    assert "opentelemetry" not in printed


async def test_spans_beyond_the_queue_are_counted_and_a_collector_that_hangs_holds_up_no_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The exporter alone would wait for longer than the test does."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "600")
    flags = ("--set", "otlp.queue=10", "--set", "otlp.flush_timeout=0.2")
    async with otlp_collector(hangs=True) as collector, ScriptedUpstream(answers(OK)) as upstream:
        where = f"otlp.endpoint={collector.url}"
        async with fanin_program(upstream.url, "--set", where, *flags) as running:
            for _ in range(40):
                assert (await ask(running.port, get("/t"))).body == b"ok"
            dropped = await metric(running, "fanin_otlp_spans_total", 'result="dropped"')
            assert 80 - 2 * 10 <= dropped < 80, "one batch is under way, one waits, all others are left out"
            running.process.terminate()
            assert await asyncio.wait_for(running.process.wait(), TIMEOUT) == 0


def test_without_its_packages_the_setting_is_refused_with_the_remedy() -> None:
    code = "import sys; sys.modules['opentelemetry'] = None"
    code += "; from proxy.commands.main import main; sys.exit(main(sys.argv[1:]))"
    flags = ["serve", "--listen", "127.0.0.1:0", "--admin", "off", "--set", "otlp.endpoint=http://127.0.0.1:4318"]
    told = subprocess.run([sys.executable, "-c", code, *flags], capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 2
    assert "[otel]'" in told.stderr
    assert "pip install" in told.stderr


def test_unless_it_is_set_nothing_of_it_is_imported() -> None:
    code = "import sys, proxy.commands.main, proxy.commands.serve"
    code += "; print([name for name in sys.modules if 'opentelemetry' in name])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout == "[]\n"
