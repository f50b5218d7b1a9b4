"""The calls of RetroMuscle's repository, through a real fanin that records them."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from tests.e2e.support.harness import ask, fanin_program
from tests.e2e.support.literals import uuid_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CREATORS = 2000


def calls(chance: random.Random) -> Iterator[tuple[str, str]]:
    """The route and the target of each call, with values as the application has them."""
    for number in range(30):
        n = chance.randrange(1, CREATORS + 1)
        month = chance.randrange(1, 7)
        creator, tracking = uuid_of(f"creator:{n}"), uuid_of(f"tracking:{n}:{month}")
        user = uuid_of(f"user:{n}")
        yield "GET /creator", f"/creators?select=*&id=eq.{creator}"
        yield "GET /dashboard", f"/creators?select=*&user_id=eq.{user}"
        yield "GET /dashboard", f"/monthly_tracking?select=*&creator_id=eq.{creator}&order=month.desc"
        yield "GET /dashboard", f"/creator_applications?select=*&user_id=eq.{user}"
        yield "GET /tracking", f"/videos?select=*&monthly_tracking_id=eq.{tracking}&order=created_at.desc"
        yield "GET /tracking", f"/rushes?select=*&monthly_tracking_id=eq.{tracking}&order=created_at.desc"
        yield "GET /export", f"/creator_payout_profiles?select=*&creator_id=eq.{creator}"
        if number % 3 == 0:
            yield "GET /month", f"/monthly_tracking?select=*&month=eq.2025-0{month}&order=month.desc"
            yield "GET /review", "/videos?select=*&status=eq.pending_review&order=created_at.desc"
            yield "GET /applications", "/creator_applications?select=*&status=eq.pending_review"
            yield "GET /creators", "/creators?select=*&order=created_at"
            yield "GET /month", "/monthly_tracking?select=*&order=month.desc"
        for table in ("video_rates", "package_definitions", "mix_definitions"):
            yield "GET /rates", f"/{table}?select=*"


async def record(upstream: str, token: str, file: Path, seed: int = 1) -> None:
    """Send the calls one after another through ``fanin serve --record``, each in a trace of its own."""
    async with fanin_program(upstream, "--record", str(file), "--set", "trace.quiet_explicit=0.05") as program:
        for number, (route, target) in enumerate(calls(random.Random(seed))):
            lines = (
                f"GET {target} HTTP/1.1",
                "Host: 127.0.0.1",
                f"Authorization: Bearer {token}",
                f"X-Fanin-Trace: {number}",
                f"X-Fanin-Route: {route}",
            )
            answer = await ask(program.port, ("\r\n".join(lines) + "\r\n\r\n").encode())
            assert answer.status == 200, (target, answer.body)


def recorded(upstream: str, token: str, file: Path) -> None:
    """The same from code that has no event loop."""
    asyncio.run(record(upstream, token, file))
