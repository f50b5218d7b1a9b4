"""fanin in this process with its admin port, pages and API, as `fanin serve` puts them together."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from proxy.admin.console import Console
from proxy.admin.server import AdminServer
from proxy.settings.loading import EffectiveSettings, load
from rules import RULES
from tests.e2e.support.harness import ask, fanin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.observe.events import Events
    from proxy.sidecar.sidecar import Sidecar
    from tests.e2e.support.harness import RawAnswer


class FaninWithAdmin(NamedTuple):
    """A fanin with an admin port."""

    sidecar: Sidecar
    admin: AdminServer
    console: Console
    events: Events

    @property
    def kept(self) -> dict[str, float]:
        """What the console keeps and who follows it, by the name of its metric."""
        return {one.name: one.value for one in self.console.readings() if isinstance(one.value, int | float)}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.admin.port}"

    async def get(self, path: str) -> RawAnswer:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        return await ask(self.admin.port, head.encode())

    async def api(self, path: str) -> Any:
        answer = await self.get(path)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    async def close(self, trace: str) -> None:
        """Close the trace with this id, and run the rules on it."""
        assert await self.sidecar.closer.close_trace(trace), f"requests of {trace} are in flight"

    async def post(self, path: str, body: str = "{}", kind: str = "application/json") -> RawAnswer:
        lines = (f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", f"Content-Type: {kind}")
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])
        return await ask(self.admin.port, head.encode())


async def no_metrics(_: str) -> tuple[bytes, str]:
    return b"", "text/plain"


@asynccontextmanager
async def fanin_with_admin(upstream: str, **changes: Any) -> AsyncIterator[FaninWithAdmin]:
    """Traces close soon, so that tests need not wait."""
    quick = {"trace__quiet_explicit": 0.3, "trace__quiet_inferred": 0.02}
    async with fanin(upstream, **quick | changes) as sidecar:
        events = sidecar.health._events
        flags = {"admin": "127.0.0.1:0"}
        settings = sidecar.settings
        console = Console(sidecar, events, RULES, lambda: settings)
        admin = AdminServer(sidecar, no_metrics, lambda: _effective(flags), console.routes)
        await admin.start()
        try:
            yield FaninWithAdmin(sidecar, admin, console, events)
        finally:
            await console.close()
            await admin.stop()


def _effective(flags: dict[str, Any]) -> EffectiveSettings:
    return load(flags)
