"""Databases that are kept well have no finding of HIGH or above, with the requests of an application that is, too."""

from __future__ import annotations

import asyncio
import json
import threading
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from proxy.demo.data import _read
from tests.commands.test_check import desk as desk
from tests.commands.test_check import no_variables as no_variables
from tests.e2e.database.test_audit_database import PUBLIC
from tests.recording.test_codec import HEAD
from tests.rules.traces import told

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from proxy.model import Span, Trace
    from tests.commands.test_check import Desk

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

SHOP = (Path(__file__).parent / "shop_with_tenants.sql").read_text(encoding="utf-8")
SHOP_REQUESTS = (
    "60 × GET /orders?select=id,status,placed_at&tenant_id=eq.1&order=placed_at.desc&limit=20 → 20 rows, 2 ms",
    "60 × GET /products?select=id,sku,title&tenant_id=eq.1&sku=eq.x → 1 rows, 1 ms",
    "60 × GET /customers?select=id,name&tenant_id=eq.1&order=name&limit=20 → 20 rows, 2 ms",
    "60 × GET /order_lines?select=line,quantity&order_id=eq.1 → 2 rows, 1 ms",
    "20 × GET /orders?select=id,placed_at,order_lines(line,quantity)&id=eq.1 → 1 rows, 1 ms",
    "20 × GET /members?select=tenant_id,role&user_id=eq.1 → 1 rows, 1 ms",
)
BOOKING = (Path(__file__).parent / "booking_system.sql").read_text(encoding="utf-8")
BOOKING_REQUESTS = (
    "60 × GET /bookings?select=id,starts,ends&room_id=eq.1&order=starts&limit=20 → 6 rows, 2 ms",
    "60 × GET /bookings?select=id,starts,rooms(name,venues(name))&guest_id=eq.1&order=starts.desc → 1 rows, 2 ms",
    "30 × GET /rooms?select=id,name,seats&venue_id=eq.1 → 10 rows, 1 ms",
    "30 × GET /venues?select=id,name&open=is.true&order=id&limit=20 → 20 rows, 1 ms",
    "20 × GET /reviews?select=stars,body&booking_id=eq.1 → 0 rows, 1 ms",
    "5 × PATCH /bookings?id=eq.1 → 0 rows, 2 ms",
)
WELL_KEPT = """
create index on public.videos (status) where status = 'pending_review';
create index on public.videos (monthly_tracking_id);
create index on public.videos (creator_id);
create index on public.videos (video_type);
create index on public.monthly_tracking (month);
create index on public.monthly_tracking (creator_id);
create index on public.monthly_tracking (package_tier);
create index on public.monthly_tracking (mix_name);
create index on public.rushes (monthly_tracking_id);
create index on public.rushes (creator_id);
create index on public.creators (user_id);
create index on public.creators (package_tier);
create index on public.creators (default_mix);
create index on public.creator_applications (user_id);
create index on public.creator_applications (status);
create index on public.creator_applications (package_tier);
create index on public.creator_applications (mix_name);
create index on public.creator_contract_signatures (creator_id);
create index on public.creator_contract_signatures (user_id);
alter policy "own creator" on public.creators using ((select auth.uid()) = user_id);
alter policy "own signatures" on public.creator_contract_signatures using ((select auth.uid()) = user_id);
alter policy "own applications" on public.creator_applications using ((select auth.uid()) = user_id);
analyze;
"""
RETROMUSCLE_REQUESTS = (
    "40 × GET /videos?select=id,status&monthly_tracking_id=eq.1&order=created_at.desc&limit=20 → 5 rows, 1 ms",
    "40 × GET /rushes?select=id,file_name&monthly_tracking_id=eq.1&limit=20 → 1 rows, 1 ms",
    "40 × GET /creators?select=id,handle&user_id=eq.1 → 1 rows, 1 ms",
    "40 × GET /monthly_tracking?select=id,month&creator_id=eq.1&order=month.desc&limit=12 → 6 rows, 1 ms",
    "10 × GET /videos?select=id&status=eq.pending_review&order=created_at.desc&limit=20 → 20 rows, 3 ms",
)


def result(work: Awaitable[str]) -> str:
    """What ``work`` returns, from a thread: pytest may have a loop of its own here."""
    found: list[str] = []

    async def run() -> None:
        found.append(await work)

    _in_thread(run())
    return found[0]


def _in_thread(work: Coroutine[Any, Any, None]) -> None:
    thread = threading.Thread(target=asyncio.run, args=(work,))
    thread.start()
    thread.join()


def as_recorded(lines: tuple[str, ...]) -> list[Trace]:
    traces = told(lines)
    spans = [tuple(_recorded(each) for each in one.spans) for one in traces]
    return [replace(one, id=str(number), spans=spans[number]) for number, one in enumerate(traces)]


def _recorded(span: Span) -> Span:
    """With the literal of a status as it is hashed with the salt of the recording."""
    status = int.from_bytes(blake2b(b"pending_review", digest_size=8, key=bytes.fromhex(HEAD.salt)).digest(), "big")
    literals = tuple(status if one and "status=" in span.fingerprint else one for one in span.literals)
    return replace(span, literals=literals)


def high(desk: Desk, uri: str, lines: tuple[str, ...]) -> list[tuple[str, str]]:
    words = ("--db-uri", uri, *PUBLIC, "--traces", desk.record(*as_recorded(lines)), "--format", "json", "--trial")
    report = json.loads(desk.run("audit", "--config", "", words).out)
    assert "FAN020" in report["checked"]
    assert [each for each in report["not_checked"] if each["check"] == "FAN020"] == []
    worst = [each["finding"] for each in report["findings"] if each["finding"]["impact"] in ("HIGH", "CRITICAL")]
    return [(each["code"], each["title"]) for each in worst]


@pytest.fixture
def make(example_database: Callable[[str], Awaitable[str]]) -> Callable[[str], str]:
    return lambda sql: result(example_database(sql))


def test_a_shop_with_tenants_has_no_finding_of_high_or_above(desk: Desk, make: Callable[[str], str]) -> None:
    assert high(desk, make(SHOP), SHOP_REQUESTS) == []


def test_a_booking_system_has_no_finding_of_high_or_above(desk: Desk, make: Callable[[str], str]) -> None:
    assert high(desk, make(BOOKING), BOOKING_REQUESTS) == []


def test_retromuscle_kept_well_has_no_finding_of_high_or_above(desk: Desk, make: Callable[[str], str]) -> None:
    schema = _read("schema.sql").partition("-- Reference tables.")[2]
    data = "begin;\n" + _read("data.sql").replace(":creators", "1000") + "\ncommit;\n"
    writes = "revoke insert, update, delete, truncate on all tables in schema public from anon, authenticated;\n"
    assert high(desk, make(schema + data + writes + WELL_KEPT), RETROMUSCLE_REQUESTS) == []
