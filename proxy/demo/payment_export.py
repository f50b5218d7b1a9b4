"""RetroMuscle's payment export: reads the trackings of a month, then one payout profile per tracking that is due.

The application does this with `Promise.all(due.map((t) => getPayoutProfileByCreatorId(t.creator_id)))`.

Tests: tests/e2e/operations/test_demo.py.
"""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

import aiohttp

from proxy.allowed_differences import TIME_HEADERS, is_compared

MONTH = "2025-06"
ROUTE = "payment export"
OWN_TIMING = b"fanin;dur="
"""Start of the Server-Timing value that fanin adds with ``--debug``, as it adds X-Fanin; PostgREST does not send it."""


class ExportAnswer(NamedTuple):
    """The compared parts of an answer: status, end-to-end headers without allowed differences, body."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class ExportRun(NamedTuple):
    """One export: its answers in the order of its requests, and how long it took in seconds."""

    answers: list[ExportAnswer]
    seconds: float


async def export(url: str, token: str, trace: str) -> ExportRun:
    """Run the export once against PostgREST or fanin at `url`, with as many connections as needed."""
    headers = {"Authorization": f"Bearer {token}", "X-Fanin-Trace": trace, "X-Fanin-Route": ROUTE}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        began = time.perf_counter()
        trackings, rows = await _get(session, f"{url}/monthly_tracking?select=*&month=eq.{MONTH}&order=month.desc")
        due = [row["creator_id"] for row in rows if row["payment_status"] == "due"]
        profiles = await asyncio.gather(*(_get(session, _profile(url, creator)) for creator in due))
        return ExportRun([trackings, *(answer for answer, _ in profiles)], time.perf_counter() - began)


def _profile(url: str, creator: str) -> str:
    return f"{url}/creator_payout_profiles?select=*&creator_id=eq.{creator}"


async def _get(session: aiohttp.ClientSession, url: str) -> tuple[ExportAnswer, list[dict[str, str]]]:
    async with session.get(url) as response:
        body = await response.read()
        kept = tuple(
            (name.lower(), b"" if name.lower() in TIME_HEADERS else value)
            for name, value in response.raw_headers
            if is_compared(name.lower()) and not value.startswith(OWN_TIMING)
        )
        return ExportAnswer(response.status, kept, body), await response.json()
