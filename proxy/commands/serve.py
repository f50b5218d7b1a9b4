"""``fanin serve``: the parts of a running fanin put together, until it is told to end.

Tests: tests/e2e/operations/test_serve.py.
"""

import asyncio
import gc
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from proxy import __version__
from proxy.admin.console import Console
from proxy.admin.gauges import OUTPUTS, SIDECAR, Outputs
from proxy.admin.server import AdminServer
from proxy.analysis.rule import AnyRule
from proxy.observe import log
from proxy.observe.events import (
    Events,
    RequestAnswered,
    SettingsReloaded,
    TraceClosed,
    UpstreamCalled,
    Warned,
    WorkloadInspected,
)
from proxy.observe.metrics import Metrics
from proxy.observe.series import readings
from proxy.observe.tree import TracePrinter
from proxy.recording.recorder import Recorder
from proxy.recording.schema import FORMAT, RecordingHead
from proxy.settings.loading import EffectiveSettings
from proxy.settings.model import Settings
from proxy.settings.reload import reload
from proxy.settings.sources import ConfigError
from proxy.sidecar.sidecar import Sidecar

if TYPE_CHECKING:
    from proxy.observe.otlp import SpanExporter


def run(work: Coroutine[Any, Any, None]) -> None:
    """On uvloop where there is one (not on Windows)."""
    gc.freeze()  # modules and tables stay as long as the process: a pause to look through them again would be traffic's
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


async def serve(loaded: EffectiveSettings, read: Callable[[], EffectiveSettings], rules: Sequence[AnyRule]) -> None:
    """Run until SIGTERM or SIGINT, then drain; the second one ends that. SIGHUP has the settings ``read`` again.

    ConfigError when what is set cannot be used.
    """
    held, events, stop = ReloadableSettings(loaded), Events(), StopSignal()
    async with AsyncExitStack() as stack:
        lines = log.LogOutput(lambda: held.loaded.settings.log)
        stack.callback(lines.capture())
        stack.callback(lines.close)
        events.subscribe(log.Warnings(lines.warnings), Warned, SettingsReloaded)
        asyncio.get_running_loop().set_exception_handler(lambda _, context: events.emit(_lost(context)))
        stop.install()
        sidecar = await Sidecar.create(loaded.settings, rules, events, time.monotonic)
        console = Console(sidecar, events, rules, lambda: held.loaded.settings)
        metrics = _observers(sidecar, console, lines, events, stack)
        admin = AdminServer(sidecar, metrics.scrape, lambda: held.loaded, console.routes)
        stack.push_async_callback(admin.stop)
        stack.push_async_callback(console.close)
        stack.push_async_callback(sidecar.stop)
        stack.callback(stop.requested.set)
        stop.force = sidecar.force_stop
        reload_settings = partial(held.reload, read, sidecar, admin, events)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload_settings)
        await admin.start()
        await sidecar.start()
        print(_start_line(sidecar, admin), file=sys.stderr, flush=True)
        await stop.requested.wait()


class StopSignal:
    """SIGTERM and SIGINT: the first asks for the end, each further one calls ``force``."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self.force: Callable[[], None] = self.requested.set

    def install(self) -> None:
        """From now on the running loop hears the signals."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._signalled)

    def _signalled(self) -> None:
        if self.requested.is_set():
            self.force()
        self.requested.set()


def _observers(
    sidecar: Sidecar, console: Console, lines: log.LogOutput, events: Events, stack: AsyncExitStack
) -> Metrics:
    """Who hears of what happens: metrics, the log, and where they are wanted the tree, OTLP and a recording."""
    settings = sidecar.settings
    spans, recorder = _spans(settings, events), _recorder(settings, events, sidecar.salt)
    if recorder is not None:
        stack.push_async_callback(asyncio.to_thread, recorder.close)
    if spans is not None:
        stack.push_async_callback(spans.close)
    outputs = Outputs(lines, spans, recorder)
    metrics = Metrics(
        settings.limits.relations,
        lambda: [*readings(SIDECAR, sidecar), *console.readings(), *readings(OUTPUTS, outputs)],
    )
    events.subscribe(metrics)
    printer = TracePrinter(sys.stdout) if settings.debug else log.TraceLog(lines.traces)
    events.subscribe(printer, TraceClosed, WorkloadInspected)
    return metrics


def _spans(settings: Settings, events: Events) -> "SpanExporter | None":
    """Who makes spans of events, where they are wanted; what that takes is imported only then."""
    if not settings.otlp.endpoint:
        return None
    try:
        from proxy.observe.otlp import SpanExporter
    except ImportError as error:
        raise ConfigError(
            f"otlp.endpoint: needs the package {error.name}: run pip install '.[otel]' in fanin's source folder"
        ) from error
    spans = SpanExporter(settings, __version__, events.emit, time.monotonic)
    events.subscribe(spans, RequestAnswered, UpstreamCalled)
    return spans


def _recorder(settings: Settings, events: Events, salt: bytes) -> Recorder | None:
    """Who writes traces down, where that is wanted."""
    if settings.record.file is None:
        return None
    recorder = Recorder(settings.record, recording_head(salt), events.emit)
    events.subscribe(recorder, TraceClosed)
    return recorder


def recording_head(salt: bytes) -> RecordingHead:
    """The first line of what this process records."""
    return RecordingHead(FORMAT, __version__, salt.hex(), round(time.time() - time.monotonic(), 3))


class ReloadableSettings:
    """The settings in force."""

    def __init__(self, loaded: EffectiveSettings) -> None:
        self.loaded = loaded

    def reload(
        self, read: Callable[[], EffectiveSettings], sidecar: Sidecar, admin: AdminServer, events: Events
    ) -> None:
        """Read them again; what does not fit changes nothing, and is told."""
        try:
            found = reload(self.loaded, read)
            if found.changed:
                sidecar.apply_settings(found.loaded.settings)
            self.loaded = found.loaded
            admin.apply_settings()
        except Exception as error:
            bug = None if isinstance(error, ConfigError) else error
            why = type(error).__name__ if bug else error
            events.emit(
                Warned(f"settings were not reloaded: {why}", "The old ones hold. Mend them, and send SIGHUP.", bug)
            )
            events.emit(SettingsReloaded(None))
            return
        events.emit(SettingsReloaded(found.changed))
        for what in found.loaded.warnings:
            events.emit(Warned(what, "Remove the variable, or mend its name."))
        if found.kept:
            names = ", ".join(found.kept)
            events.emit(Warned(f"settings that take a restart are other ones now: {names}", "Start fanin again."))


def _start_line(sidecar: Sidecar, admin: AdminServer) -> str:
    settings, found = sidecar.settings, sidecar.discovered
    host, watched = settings.listen.rpartition(":")[0], settings.admin.rpartition(":")[0]
    pages = f"\nfanin: what happens is shown at http://{watched}:{admin.port}/" if settings.debug and admin.port else ""
    return (
        f"fanin {__version__}: http://{host}:{sidecar.port} → {settings.upstream}, mount {found.mount}, "
        f"profile {found.gateway.name}, mode {settings.mode}{admin.told}{pages}"
    )


def _lost(context: dict[str, Any]) -> Warned:
    """An exception that nobody waited for. Its text may quote values, so only its place is told."""
    return Warned("an exception reached the event loop", "This is a bug: report it.", context.get("exception"))
