"""A gateway that holds reads back until several are in flight, for applications whose requests must overlap."""

from __future__ import annotations

import asyncio

from aiohttp import web

from tests.e2e.support.raw_client import TIMEOUT
from tests.e2e.support.supabase_gateway import Gateway
from tests.test_imports import ROOT

CLIENTS = ROOT / "deploy" / "clients"


class BarrierGateway(Gateway):
    """A gateway that answers reads of one profile by the eight, so that those of one request are in flight together."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.eight = asyncio.Barrier(8)

    async def rest(self, request: web.Request) -> web.Response:
        if "creator_payout_profiles" in request.path:
            try:
                await asyncio.wait_for(self.eight.wait(), TIMEOUT)
            except TimeoutError:
                return web.Response(status=500, text=f"fewer than eight reads came within {TIMEOUT:g} s")
        return await super().rest(request)
