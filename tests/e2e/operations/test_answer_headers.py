"""Headers of fanin's own on answers, where they are asked for: what became of the request, and of its trace so far."""

from __future__ import annotations

import re

from tests.e2e.support.bursts import get, together
from tests.e2e.support.harness import OK, RawAnswer, RawClient, ScriptedUpstream, answers, fanin

NAMES = (b"x-fanin", b"x-fanin-trace", b"x-fanin-queries", b"x-fanin-saved", b"server-timing")


def fanin_header_lines(answer: RawAnswer) -> list[list[bytes]]:
    return [answer.values(name) for name in NAMES]


async def test_there_are_none_unless_they_are_wanted() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        (answer,) = await together(sidecar.port, [get("/t?id=eq.1", "X-Fanin-Trace: a")])
        assert fanin_header_lines(answer) == [[]] * 5


async def test_a_trace_is_named_and_its_requests_counted() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, headers="on") as sidecar:
        async with RawClient(sidecar.port) as client:
            found = []
            for target in ("/t?id=eq.1", "/u?id=eq.1"):
                await client.send(get(target, "X-Fanin-Trace: a"))
                found.append(fanin_header_lines(await client.answer(b"GET")))
        assert found == [[[b"passed"], [b"a"], [count], [b"0"], []] for count in (b"1", b"2")]


async def test_calls_that_were_saved_are_counted() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, headers="on") as sidecar:
        same = [get("/t?offset=1", "X-Fanin-Trace: a")] * 3
        found = [fanin_header_lines(answer) for answer in await together(sidecar.port, same)]
        assert {one[0][0] for one in found} == {b"shared; size=3; calls=1"}
        assert sorted(one[3][0] for one in found) == [b"0", b"1", b"2"]
        assert len(upstream.requests) == 1


async def test_a_name_that_is_no_ascii_is_escaped() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, headers="on") as sidecar:
        (answer,) = await together(sidecar.port, [get("/t", "X-Fanin-Trace: \u65e5\u202ea")])
        assert answer.values(b"x-fanin-trace") == [rb"\u65e5\u202ea"]


async def test_times_are_told_with_debug_alone() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, debug=True) as sidecar:
        found = await together(sidecar.port, [get("/t?offset=1"), get("/t?offset=1"), get("/t?offset=2")])
        for answer in found:
            (value,) = answer.values(b"server-timing")
            times = re.fullmatch(rb"fanin;dur=(\d+\.\d), upstream;dur=(\d+\.\d)", value)
            assert times is not None
            assert float(times[2]) <= float(times[1]) + 0.1, "of the time until the answer began"


async def test_what_is_not_traced_has_no_trace() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url, headers="on", mode="pass") as sidecar:
        (answer,) = await together(sidecar.port, [get("/t?id=eq.1", "X-Fanin-Trace: a")])
        assert fanin_header_lines(answer) == [[b"passed; reason=mode"], [], [], [], []]
