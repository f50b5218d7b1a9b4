"""A gateway that accepts only short heads: batches shrink to what goes through, which is learned, and grow again."""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import TYPE_CHECKING

import pytest

from proxy.observe.events import FellBack, MergingPaused, UpstreamCalled, Warned
from tests.e2e.support.bursts import assert_all_same, burst, get, one_by_one, sockets
from tests.e2e.support.harness import fanin
from tests.e2e.support.nginx_gateway import NEEDS_NGINX
from tests.e2e.support.small_gateway import small_gateway

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from proxy.observe.events import Event
    from tests.conftest import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.stack, NEEDS_NGINX]

KEYS = 150
ROUNDS = 6
PAUSED = {"merge__pause_first": 600.0, "merge__pause_max": 600.0}
"""Pauses that do not end while a test runs."""
RELAXED = {"merge__deadline_floor": 10.0}
SMALL = "large_client_header_buffers 4 {size}; client_header_buffer_size 512;"


def reads(stack: Stack) -> list[bytes]:
    token = f"Authorization: Bearer {stack.token}"
    return [get(f"/creators?select=id&id=eq.{number:08}-0000-4000-8000-000000000000", token) for number in range(KEYS)]


async def rounds(url: str, requests: Sequence[bytes], seconds: Sequence[float], **changes: float) -> list[list[Event]]:
    """What fanin said in bursts in which every answer is the gateway's own: one at each of ``seconds``, by the clock
    that longer calls wait for.
    """
    said: list[list[Event]] = []
    direct = await one_by_one(url, requests)
    async with fanin(url, **(RELAXED | changes)) as sidecar, sockets(sidecar.port, len(requests)) as clients:
        everything: list[Event] = []
        sidecar._events.subscribe(everything.append)
        for now in seconds:
            sidecar.policy.default.merger._shorter._clock = partial(float, now)
            everything.clear()
            assert_all_same(requests, direct, await burst(clients, requests))
            said.append(everything.copy())
    return said


def merged_calls(said: Sequence[Event]) -> list[int]:
    """The status of each merged call."""
    return [event.status for event in said if isinstance(event, UpstreamCalled) and event.kind == "merged"]


def other_calls(said: Sequence[Event]) -> int:
    return sum(isinstance(event, UpstreamCalled) and event.kind != "merged" for event in said)


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        (SMALL.format(size="1k"), 414),
        (SMALL.format(size="2k"), 414),
        (SMALL.format(size="4k"), 414),
        ("proxy_buffer_size 1k; proxy_buffers 4 2k; proxy_busy_buffers_size 2k;", 502),
        ("proxy_buffer_size 4k;", 502),
        ('if ($request_uri ~ "^.{1500}") { return 444; }', 0),
        ('if ($request_uri ~ "^.{900}") { return 403; }', 403),
    ],
    ids=str,
)
async def test_a_batch_shrinks_to_what_goes_through_and_the_next_ones_are_no_longer(
    stack: Stack, tmp_path: Path, lines: str, refusal: int
) -> None:
    with small_gateway(stack.url, tmp_path, lines) as gateway:
        first, *later = await rounds(gateway.url, reads(stack), [0.0] * ROUNDS)
    assert set(merged_calls(first)) == {200, refusal}
    assert 1 <= merged_calls(first).count(refusal) <= 2
    assert {event.reason for event in first if isinstance(event, FellBack)} == {"refused-size"}
    assert len([event for event in first if isinstance(event, Warned)]) == 1
    everything = [event for said in (first, *later) for event in said]
    assert not [event for event in everything if isinstance(event, MergingPaused)]
    assert other_calls(everything) == 0, "no original was sent"
    assert [merged_calls(said).count(refusal) for said in later] == [0] * len(later)
    assert len(merged_calls(later[-1])) < len(merged_calls(first))


@pytest.mark.parametrize("refusal", [414, 403])
async def test_one_longer_call_is_tried_at_a_time_and_the_next_one_later(
    stack: Stack, tmp_path: Path, refusal: int
) -> None:
    seconds = [0.0, 0.0, 0.0, 2.0, 3.0, 3.9, 4.0, 5.0, 7.9, 8.0]
    lines = f'if ($request_uri ~ "^.{{500}}") {{ return {refusal}; }}'
    with small_gateway(stack.url, tmp_path, lines) as gateway:
        _, *later = await rounds(gateway.url, reads(stack), seconds)
    assert [merged_calls(said).count(refusal) for said in later] == [0, 0, 1, 0, 0, 1, 0, 0, 1]
    assert not [event for said in later for event in said if isinstance(event, Warned)]


async def test_where_no_merged_call_goes_through_the_originals_are_sent_and_merging_pauses(
    stack: Stack, tmp_path: Path
) -> None:
    with small_gateway(stack.url, tmp_path, 'if ($request_uri ~ "in[.]") { return 414; }') as gateway:
        first, second = await rounds(gateway.url, reads(stack), [0.0, 0.0], **PAUSED)
    assert merged_calls(first) == [414, 414, 414]
    assert other_calls(first) == KEYS
    assert [event.reason for event in first if isinstance(event, MergingPaused)] == ["status"]
    assert merged_calls(second) == []


async def test_a_gateway_whose_upstream_is_down_costs_one_shorter_call(tmp_path: Path, stack: Stack) -> None:
    with small_gateway("http://127.0.0.1:1", tmp_path, "") as gateway:
        first, second = await rounds(gateway.url, reads(stack), [0.0, 0.0], **PAUSED)
    assert merged_calls(first) == [502, 502]
    assert other_calls(first) == KEYS
    assert merged_calls(second) == []


async def test_a_gateway_that_accepts_long_heads_again_gets_long_calls_again(stack: Stack, tmp_path: Path) -> None:
    requests = reads(stack)
    with small_gateway(stack.url, tmp_path, SMALL.format(size="1k")) as gateway:
        direct = await one_by_one(gateway.url, requests)
        async with fanin(gateway.url, **RELAXED) as sidecar, sockets(sidecar.port, len(requests)) as clients:
            assert_all_same(requests, direct, await burst(clients, requests))
            small = sidecar.upstream_state.call_size.limit(7000)
            gateway.write("")
            os.kill(gateway.pid, signal.SIGHUP)
            sidecar.upstream_state.call_size._grows_at = 0.0
            for _ in range(60):
                assert_all_same(requests, direct, await burst(clients, requests))
            assert small < 1100
            assert sidecar.upstream_state.call_size.limit(7000) > 3000
