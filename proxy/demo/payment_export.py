"""RetroMuscle's payment export: reads the trackings of a month, then one payout profile per tracking that is due.

The application does this with `Promise.all(due.map((t) => getPayoutProfileByCreatorId(t.creator_id)))`, and in another
place with `for (const t of due) await getPayoutProfileByCreatorId(t.creator_id)`.

Tests: tests/e2e/operations/test_demo.py.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from proxy.demo.application import Answer, Application, application

if TYPE_CHECKING:
    from collections.abc import Sequence

MONTH = "2025-06"
ROUTE = "payment export"
DUE = f"monthly_tracking?select=*&month=eq.{MONTH}&payment_status=eq.due&order=month.desc"


class ExportRun(NamedTuple):
    """One export: its answers in the order of its requests, and how long it took in seconds."""

    answers: Sequence[Answer]
    seconds: float


async def export(url: str, token: str, trace: str) -> ExportRun:
    """Run the export once against PostgREST or fanin at `url`, with as many connections as needed."""
    async with application(url, token, trace, ROUTE) as app:
        began = time.perf_counter()
        return ExportRun(await at_once(app), time.perf_counter() - began)


async def at_once(app: Application) -> list[Answer]:
    """The profiles are read at the same time."""
    trackings = await app.get(f"monthly_tracking?select=*&month=eq.{MONTH}&order=month.desc")
    due = [row["creator_id"] for row in trackings.rows() if row["payment_status"] == "due"]
    return [trackings, *await asyncio.gather(*(app.get(_profile(creator)) for creator in due))]


async def in_a_loop(app: Application) -> list[Answer]:
    """Each profile is read after the one before."""
    answers = [await app.get(DUE)]
    for row in answers[0].rows():
        answers.append(await app.get(_profile(row["creator_id"])))  # noqa: PERF401 – each waits for the one before
    return answers


def _profile(creator: str) -> str:
    return f"creator_payout_profiles?select=*&creator_id=eq.{creator}"
