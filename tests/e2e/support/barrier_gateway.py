"""A gateway that holds reads back until several are in flight, for applications whose requests must overlap."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.e2e.support.supabase_gateway import Gateway
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from aiohttp import web


CLIENTS = ROOT / "deploy" / "clients"


class BarrierGateway(Gateway):
    """A gateway that answers reads of one profile by the eight, so that those of one request are in flight together."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.eight = asyncio.Barrier(8)

    async def rest(self, request: web.Request) -> web.Response:
        if "creator_payout_profiles" in request.path:
            await self.eight.wait()
        return await super().rest(request)
