"""``fanin serve``: the parts of a running fanin put together, until it is told to end."""

import asyncio
import signal
import sys
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from proxy import __version__
from proxy.config import Effective
from proxy.findings import Rule
from proxy.observe import log
from proxy.observe.events import Events, Warned
from proxy.observe.metrics import Metrics
from proxy.observe.tree import Trees
from proxy.shell.admin import Admin
from proxy.shell.discover import Place
from proxy.shell.levels import levels
from proxy.shell.sidecar import Sidecar


def run(work: Coroutine[Any, Any, None]) -> None:
    """On uvloop where there is one (not on Windows)."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


async def serve(loaded: Effective, rules: Sequence[Rule]) -> None:
    """Run until SIGTERM or SIGINT, then drain. ConfigError when what is set cannot be used."""
    settings = loaded.settings
    events = Events()
    sidecar = Sidecar(settings, rules, events, time.monotonic)
    metrics = Metrics(settings.limits.relations, lambda: levels(sidecar, __version__))
    events.subscribe(metrics)
    events.subscribe(log.Warnings())
    events.subscribe(Trees(sys.stdout) if settings.debug else log.TraceLog())
    admin = Admin(sidecar, metrics.scrape, lambda: metrics.upstream_is_up)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: events.emit(_lost(context)))
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    place = await sidecar.start()
    try:
        if settings.admin != "off":
            await admin.start(settings.admin)
        print(_start_line(sidecar, place, admin), file=sys.stderr, flush=True)
        await told.wait()
    finally:
        await sidecar.stop()
        await admin.stop()


def _start_line(sidecar: Sidecar, place: Place, admin: Admin) -> str:
    settings = sidecar.settings
    host = settings.listen.rpartition(":")[0]
    return (
        f"fanin {__version__}: http://{host}:{sidecar.port} → {settings.upstream}, mount {place.mount}, "
        f"profile {place.gateway.name}, mode {settings.mode}" + (f", admin port {admin.port}" if admin.port else "")
    )


def _lost(context: dict[str, Any]) -> Warned:
    """An exception that nobody waited for. Its text may quote values, so only its place is told."""
    return Warned("an exception reached the event loop", "This is a bug: report it.", context.get("exception"))
