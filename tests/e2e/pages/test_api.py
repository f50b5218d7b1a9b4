"""The admin port's API over a socket: what happened is there to read, and following it costs the traffic nothing."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from proxy.admin import event_stream
from proxy.admin.console import MAX_TRACES
from proxy.admin.page_files import page_files
from proxy.settings.loading import load
from proxy.sidecar import trace_closer
from proxy.sidecar.sidecar import Sidecar
from tests.e2e.support.bursts import get, together
from tests.e2e.support.fanin_with_admin import FaninWithAdmin, fanin_with_admin
from tests.e2e.support.harness import OK, TIMEOUT, RawClient, ScriptedConnection, ScriptedUpstream, answers, ask, until
from tests.hostile_inputs import HOSTILE_NAMES

if TYPE_CHECKING:
    from proxy.observe.events import Event

EVENTS = b"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


async def send_one_trace(seen: FaninWithAdmin, *targets: str, trace: str = "t1", lines: tuple[str, ...] = ()) -> None:
    """Requests of one trace, which then has closed."""
    requests = [get(target, f"X-Fanin-Trace: {trace}", "X-Fanin-Route: GET /export", *lines) for target in targets]
    await together(seen.sidecar.port, requests)
    await seen.close(trace)
    assert not len(seen.sidecar.traces)


async def trace_list(seen: FaninWithAdmin) -> list[dict[str, Any]]:
    found = (await seen.api("/api/traces"))["traces"]
    assert isinstance(found, list)
    return found


async def test_a_closed_trace_is_listed_and_shown_whole() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen:
        await send_one_trace(seen, *(f"/t?id=eq.{n}&offset=1" for n in range(6)), lines=("X-Fanin-Caller: list.ts:12",))
        (one,) = await trace_list(seen)
        assert (one["id"], one["route"], one["queries"], one["calls"]) == ("t1", "GET /export", 6, 6)
        assert [mark["code"] for mark in one["findings"]] == ["FAN001"]
        for name in (str(one["number"]), "t1"):
            detail = await seen.api(f"/api/traces/{name}")
            assert detail["summary"] == one
            assert {span["bypass_reason"] for span in detail["spans"]} == {"offset"}
            assert {span["caller"] for span in detail["spans"]} == {"list.ts:12"}
            assert all(0 < span["upstream"] <= span["ms"] for span in detail["spans"])
        assert [trace["id"] for trace in (await seen.api("/api/traces?id=t1"))["traces"]] == ["t1"]
        assert (await seen.api("/api/traces?id=t2"))["traces"] == []
        assert (await seen.get("/api/traces/t2")).status == 404


async def test_traces_fingerprints_and_the_recording_come_in_pages() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen:
        for number in range(4):
            await send_one_trace(seen, f"/t{number}?id=eq.1", trace=f"t{number}")
        numbers = [one["number"] for one in await trace_list(seen)]
        page = (await seen.api(f"/api/traces?limit=2&before={numbers[0]}"))["traces"]
        assert [one["number"] for one in page] == numbers[1:3]
        whole = (await seen.api("/api/fingerprints"))["fingerprints"]
        page = (await seen.api("/api/fingerprints?offset=1&limit=2"))["fingerprints"]
        assert [one["fingerprint"] for one in page] == [one["fingerprint"] for one in whole[1:3]]
        lines = (await seen.get(f"/api/recording?before={numbers[0]}&limit=2")).body.splitlines()
        assert [json.loads(line).get("id") for line in lines] == [None, "t1", "t2"]
        refused = await seen.get("/api/traces?limit=many")
        assert (refused.status, b"limit must be a number" in refused.body) == (400, True)


async def test_a_large_answer_is_sent_in_pieces_and_other_requests_are_served_in_between() -> None:
    async with (
        ScriptedUpstream(answers(OK)) as upstream,
        fanin_with_admin(upstream.url, trace__quiet_explicit=60) as seen,
    ):
        wide = "&".join(f"column_{number}=eq.1" for number in range(40))
        await send_one_trace(seen, *(f"/t{number}?{wide}" for number in range(300)), trace="large")
        whole, alive = await asyncio.gather(seen.get("/api/traces/large"), seen.get("/livez"))
        assert (len(json.loads(whole.body)["spans"]), alive.status) == (300, 200)
        assert whole.raw.count(b"\r\n") > 10, "several chunks"


async def test_a_trace_that_is_said_to_be_over_is_closed_judged_and_told_with_all_its_parts() -> None:
    async with (
        ScriptedUpstream(answers(OK)) as upstream,
        fanin_with_admin(upstream.url, trace__quiet_explicit=60) as seen,
    ):
        for count in (6, 2):
            requests = [get(f"/t?id=eq.{n}&offset=1", "X-Fanin-Trace: a/b 1", "X-Fanin-Route: x") for n in range(count)]
            await together(seen.sidecar.port, requests)
            answer = await seen.post("/api/traces/a%2Fb%201/close")
            assert answer.status == 200
            told = json.loads(answer.body)
        assert told["open"] is False
        assert [part["summary"]["queries"] for part in told["parts"]] == [6, 2]
        assert [len(part["findings"]) for part in told["parts"]] == [1, 0]
        nothing = json.loads((await seen.post("/api/traces/none/close")).body)
        assert nothing == {"open": False, "parts": []}


async def test_a_trace_with_a_request_in_flight_is_said_to_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_closer, "CLOSE_TRACE_TIMEOUT", 0.1)
    held = asyncio.Event()

    async def slow(connection: ScriptedConnection) -> None:
        await connection.head()
        await held.wait()
        await connection.send(OK)

    async with ScriptedUpstream(slow) as upstream, fanin_with_admin(upstream.url, trace__quiet_explicit=60) as seen:
        asking = asyncio.create_task(together(seen.sidecar.port, [get("/t?id=eq.1", "X-Fanin-Trace: a")]))
        await until(lambda: len(seen.sidecar.traces))
        assert json.loads((await seen.post("/api/traces/a/close")).body) == {"open": True, "parts": []}
        held.set()
        await asking
        told = json.loads((await seen.post("/api/traces/a/close")).body)
        assert (told["open"], len(told["parts"])) == (False, 1)


async def test_only_a_post_of_json_closes_a_trace() -> None:
    async with (
        ScriptedUpstream(answers(OK)) as upstream,
        fanin_with_admin(upstream.url, trace__quiet_explicit=60) as seen,
    ):
        await together(seen.sidecar.port, [get("/t?id=eq.1", "X-Fanin-Trace: a")])
        assert (await seen.get("/api/traces/a/close")).status == 404
        assert (await seen.post("/api/traces/a/close", kind="text/plain")).status == 415
        assert len(seen.sidecar.traces) == 1


async def test_fingerprints_findings_and_health_are_told() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen:
        await send_one_trace(seen, *(f"/t?id=eq.{n}&offset=1" for n in range(6)))
        (usage,) = (await seen.api("/api/fingerprints"))["fingerprints"]
        assert (usage["fingerprint"], usage["calls"], usage["merged"]) == ("GET t?id=eq.?&offset=?", 6, 0)
        assert usage["p50"] <= usage["p95"]
        findings = await seen.api("/api/findings")
        (known,) = findings["findings"]
        assert (known["finding"]["code"], known["count"], known["trace"], known["ignored"]) == ("FAN001", 1, "t1", None)
        assert known["first"] > 1_700_000_000
        documents = {rule["code"]: rule["document"] for rule in findings["rules"]}
        assert "Why it hurts" in documents["FAN001"]
        health = await seen.api("/api/health")
        assert (health["state"], health["upstream_up"], health["limits"]["detect.traces"]) == ("ready", True, 500)
        gauges = {gauge["name"]: gauge["value"] for gauge in health["gauges"]}
        assert (gauges["kept_traces"], gauges["kept_spans"]) == (1, 6)


async def test_a_finding_that_is_ignored_stands_apart_with_its_reason() -> None:
    ignore = [{"rule": "FAN001", "reason": "a report, once a month", "owner": "ana", "until": "2999-01-01"}]
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url, ignore=ignore) as seen:
        await send_one_trace(seen, *(f"/t?id=eq.{n}&offset=1" for n in range(6)))
        (known,) = (await seen.api("/api/findings"))["findings"]
        assert known["ignored"] == {"reason": "a report, once a month", "owner": "ana", "until": "2999-01-01"}
        assert (await trace_list(seen))[0]["findings"] == []


async def test_no_value_is_told_unless_the_setting_says_so() -> None:
    secret = "/t?name=eq.sesame-99&offset=1"
    paths = ("/api/traces", "/api/traces/t1", "/api/fingerprints", "/api/findings", "/api/health")
    lines = ("Authorization: Bearer sesame-99", "Cookie: a=sesame-99", "apikey: sesame-99")
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen:
        await send_one_trace(seen, secret, lines=lines)
        for path in paths:
            assert b"sesame" not in (await seen.get(path)).body
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url, show_values=True) as seen:
        await send_one_trace(seen, secret, "/t?apikey=sesame-98&name=eq.1", lines=lines)
        detail = await seen.api("/api/traces/t1")
        assert [span.get("target") for span in detail["spans"]] == [secret, None]
        assert f"'http://127.0.0.1:{seen.sidecar.port}{secret}'" in detail["spans"][0]["curl"]
        told = (await seen.get("/api/traces/t1")).body
        assert b"sesame-98" not in told
        assert told.count(b"sesame-99") == 2


async def test_values_and_pages_are_off_unless_they_are_asked_for() -> None:
    assert not load({}).settings.show_values


@pytest.mark.parametrize("text", HOSTILE_NAMES)
async def test_hostile_ids_are_found_by_number(text: str) -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen:
        await send_one_trace(seen, "/t?id=eq.1", trace=text)
        (one,) = await trace_list(seen)
        assert one["id"] == text
        assert (await seen.api(f"/api/traces/{one['number']}"))["summary"] == one


async def next_trace_event(client: RawClient) -> dict[str, Any]:
    """The next message about traces."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            event = (await client.reader.readuntil(b"\n\n")).decode()
            if "event: traces\n" in event:
                found = json.loads(event.partition("data: ")[2])
                assert isinstance(found, dict)
                return found


async def test_whoever_follows_is_told_of_each_trace_that_closes() -> None:
    async with (
        ScriptedUpstream(answers(OK)) as upstream,
        fanin_with_admin(upstream.url) as seen,
        RawClient(seen.url) as client,
    ):
        await client.send(EVENTS)
        await until(lambda: seen.kept["viewers"] == 1)
        await send_one_trace(seen, "/t?id=eq.1", trace="one data: event:")
        await send_one_trace(seen, "/t?id=eq.1", trace="two")
        told = [trace for _ in range(2) for trace in (await next_trace_event(client))["traces"]]
        assert told == list(reversed(await trace_list(seen)))
    assert seen.kept["viewers"] == 0


async def test_of_very_many_at_once_some_are_told_and_the_others_counted() -> None:
    async with (
        ScriptedUpstream(answers(OK)) as upstream,
        fanin_with_admin(upstream.url) as seen,
        RawClient(seen.url) as client,
    ):
        await client.send(EVENTS)
        await until(lambda: seen.kept["viewers"] == 1)
        await send_one_trace(seen, "/t?id=eq.1")
        await next_trace_event(client)
        (entry,) = seen.console._store.all()
        for _ in range(MAX_TRACES + 7):
            seen.console._on_closed(entry)
        told = await next_trace_event(client)
        assert (len(told["traces"]), told["skipped"]) == (MAX_TRACES, 7)


async def test_a_reader_that_falls_behind_is_cut_off_and_traffic_goes_on() -> None:
    async with (
        ScriptedUpstream(answers(OK)) as upstream,
        fanin_with_admin(upstream.url) as seen,
        RawClient(seen.url) as client,
    ):
        await client.send(EVENTS)
        await until(lambda: seen.kept["viewers"] == 1)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(200):
            seen.console._event_stream.publish("traces", b'"' + b"x" * 1_000_000 + b'"')
            await asyncio.sleep(0)
            if not seen.kept["viewers"]:
                break
        assert seen.kept | {"viewers": 0, "viewers_dropped": 1} == seen.kept
        await send_one_trace(seen, "/t?id=eq.1")
        assert len(await trace_list(seen)) == 1


async def test_there_are_only_so_many_readers() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url, limits__viewers=1) as seen:
        async with RawClient(seen.url) as client:
            await client.send(EVENTS)
            await until(lambda: seen.kept["viewers"] == 1)
            answer = await ask(seen.admin.port, EVENTS.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            assert (answer.status, b"limits.viewers" in answer.body) == (503, True)
        await until(lambda: not seen.kept["viewers"])


async def test_one_who_says_nothing_hears_that_fanin_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT", 0.01)
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen:
        async with RawClient(seen.url) as client:
            await client.send(EVENTS)
            await until(lambda: seen.kept["viewers"] == 1)
            assert b"\n:\n" in await client.reader.readuntil(b"\n:\n")
        await until(lambda: not seen.kept["viewers"])


async def test_the_end_waits_for_no_reader() -> None:
    async with (
        ScriptedUpstream(answers(OK)) as upstream,
        fanin_with_admin(upstream.url) as seen,
        RawClient(seen.url) as client,
    ):
        await client.send(EVENTS)
        await until(lambda: seen.kept["viewers"] == 1)
        async with asyncio.timeout(TIMEOUT):
            await seen.console.close()
            await seen.admin.stop()
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await client.reader.readuntil(b"no such thing")


async def test_a_bug_in_a_page_is_told_and_hurts_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Sidecar) -> str:
        raise RuntimeError("a bug")

    said: list[Event] = []
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen:
        seen.events.subscribe(said.append)
        monkeypatch.setattr(Sidecar, "state", property(broken))
        assert (await seen.get("/api/health")).status == 500
        monkeypatch.undo()
        await send_one_trace(seen, "/t?id=eq.1")
        assert [notice["what"] for notice in (await seen.api("/api/health"))["warnings"]] == [
            "a page of the admin port failed"
        ]


async def test_pages_come_with_their_types() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_with_admin(upstream.url) as seen:
        answers_ = {path: await seen.get(path) for path in page_files().by_path}
        kinds = {path.rpartition(".")[2]: answer.values(b"content-type") for path, answer in answers_.items()}
        assert kinds == {
            "/": [b"text/html; charset=utf-8"],
            "js": [b"text/javascript; charset=utf-8"],
            "css": [b"text/css; charset=utf-8"],
            "svg": [b"image/svg+xml; charset=utf-8"],
        }
        assert {answer.values(b"cache-control")[0] for answer in answers_.values()} == {b"no-store"}
        assert (await seen.get("/pages/another/app.js")).status == 404
