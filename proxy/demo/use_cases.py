"""What the demo runs: pages and actions of RetroMuscle with a fault each, and what cures it.

Tests: tests/e2e/operations/test_demo.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import md5
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from proxy.demo import payment_export
from proxy.demo.application import Answer, Application

DEFAULT, OFF, ON, ADVICE = "default", "off", "on", "advice"
REVIEWED = 10
REVIEWER = "fanin demo"
"""Who has reviewed the videos of the bulk review; no row of the data has it."""
REVIEW = {"status": "approved", "reviewed_at": "2025-07-01T09:00:00+00:00", "reviewed_by": REVIEWER}
CREATOR = str(UUID(md5(b"creator:1207", usedforsecurity=False).hexdigest()))
"""Whose dashboard is shown (data.sql)."""
SETTINGS: Mapping[str, str] = MappingProxyType({"db_uri": "postgresql://…"})
"""Settings of each fanin; `db_uri` is that of the demo's Postgres. FAN004 needs it, and FAN007 reads unique columns."""
OPT_IN: Mapping[str, str] = MappingProxyType({"rules.fan002": "rewrite", "rules.fan004": "rewrite"})
"""Settings of the fanin that merges loops and writes, which are off by default."""
CACHED: Mapping[str, str] = MappingProxyType({"rules.fan006": "rewrite", "cache.fresh": "300"})
"""Settings of the fanin that keeps the answers of KEPT, which is off by default."""
KEPT = ("video_rates", "package_definitions", "mix_definitions")
PAGES = 5
"""Pages of one run that read the reference tables."""
REFERENCE_READS = (
    "video_rates?select=*&order=video_type",
    "package_definitions?select=*&order=tier",
    "mix_definitions?select=*&order=name",
)
_NOTHING: Mapping[str, str] = MappingProxyType({})

Calls = Callable[[Application], Awaitable[Sequence[Answer]]]
"""Sends the calls of one application request; returns their answers in order."""
Result = Callable[[Sequence[Answer]], object]
"""From the answers to what is compared."""


class Cure(NamedTuple):
    """One way to run a use case through fanin. `name` is DEFAULT, OFF, ON or ADVICE."""

    name: str
    calls: Calls
    settings: Mapping[str, str] = _NOTHING
    """Settings of its fanin beside SETTINGS."""
    relations: Sequence[str] = ()
    """The relations that these settings are for (`[[override]]`); empty: all."""
    advised: str = ""
    """What the application sends in place of what."""


class UseCase(NamedTuple):
    """A page or an action, with the code of the rule that finds its fault. `name` is also its route."""

    name: str
    rule: str
    calls: Calls
    """As the application sends them."""
    cures: Sequence[Cure]
    result: Result = list
    writes: bool = False
    """Whether its rows have to be restored after each run."""


async def dashboard(app: Application) -> list[Answer]:
    """The page of a creator: lists all creators to find this one, and reads its trackings."""
    listed = await app.get("creators?select=*&order=created_at")
    return [listed, await app.get(_trackings(_own(listed)["id"]))]


async def dashboard_as_advised(app: Application) -> list[Answer]:
    """The page with the call that FAN007 prints in place of the list (`getCreatorById`)."""
    found = await app.get(f"creators?select=*&id=eq.{CREATOR}&order=created_at")
    return [found, await app.get(_trackings(_own(found)["id"]))]


def _shown(answers: Sequence[Answer]) -> object:
    """What the dashboard shows: of the creators, only its own."""
    creators, trackings = answers
    return _own(creators), trackings


def _own(creators: Answer) -> dict[str, str]:
    return next(row for row in creators.rows() if row["id"] == CREATOR)


def _trackings(creator: str) -> str:
    return f"monthly_tracking?select=*&creator_id=eq.{creator}&order=month.desc"


async def bulk_review(app: Application) -> list[Answer]:
    """An administrator approves the newest videos that wait for a review, all at the same time."""
    waiting = await app.get(f"videos?select=id&status=eq.pending_review&order=created_at.desc,id&limit={REVIEWED}")
    patches = (app.patch(f"videos?id=eq.{row['id']}", REVIEW) for row in waiting.rows())
    return [waiting, *await asyncio.gather(*patches)]


async def reference_tables(app: Application) -> list[Answer]:
    """Pages of one user, one after the other: each reads the reference tables, and the months of one creator."""
    answers: list[Answer] = []
    for number in range(PAGES):
        page = app.page(number)
        answers += [await page.get(target) for target in REFERENCE_READS]
        answers.append(await page.get(f"{_trackings(CREATOR)}&limit={number + 1}"))
    return answers


USE_CASES = (
    UseCase(payment_export.ROUTE, "FAN001", payment_export.at_once, (Cure(DEFAULT, payment_export.at_once),)),
    UseCase(
        "payment export, a loop",
        "FAN002",
        payment_export.in_a_loop,
        (
            Cure(OFF, payment_export.in_a_loop),
            Cure(ON, payment_export.in_a_loop, OPT_IN),
        ),
    ),
    UseCase(
        "dashboard",
        "FAN007",
        dashboard,
        (
            Cure(OFF, dashboard),
            Cure(
                ADVICE,
                dashboard_as_advised,
                advised="creators?select=*&id=eq.…&order=created_at in place of creators?select=*&order=created_at",
            ),
        ),
        result=_shown,
    ),
    UseCase(
        "bulk review",
        "FAN004",
        bulk_review,
        (
            Cure(OFF, bulk_review),
            Cure(ON, bulk_review, OPT_IN),
        ),
        writes=True,
    ),
    UseCase(
        "reference tables",
        "FAN006",
        reference_tables,
        (
            Cure(OFF, reference_tables),
            Cure(ON, reference_tables, CACHED, KEPT),
        ),
    ),
)
