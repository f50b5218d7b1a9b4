"""``fanin serve``: assembles a running fanin, handles signals, and stops it.

Tests: tests/e2e/operations/test_reload.py.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from proxy import __version__
from proxy.admin.console import Console
from proxy.admin.gauges import OUTPUTS, SIDECAR, Outputs
from proxy.admin.server import AdminServer
from proxy.analysis.rule import AnyRule
from proxy.commands.terminal import Terminal
from proxy.errors.extras import missing_extra
from proxy.observe import log
from proxy.observe.events import (
    Events,
    NotificationsResumed,
    RequestAnswered,
    SettingsReloaded,
    TraceClosed,
    UpstreamCalled,
    UpstreamRecovered,
    Warned,
    WorkloadInspected,
)
from proxy.observe.metrics import Metrics
from proxy.observe.series import readings
from proxy.observe.tree import TracePrinter
from proxy.recording.recorder import Recorder, new_head
from proxy.settings.loading import EffectiveSettings
from proxy.settings.model import Settings
from proxy.settings.reload import reload
from proxy.settings.sources import ConfigError
from proxy.sidecar.descriptor_monitor import fit_limit
from proxy.sidecar.sidecar import Sidecar

if TYPE_CHECKING:
    from proxy.observe.otlp import SpanExporter


async def serve(loaded: EffectiveSettings, read: Callable[[], EffectiveSettings], rules: Sequence[AnyRule]) -> None:
    """Run until SIGTERM or SIGINT, then drain; a second signal ends the drain at once. SIGHUP calls ``read``.

    Raises ConfigError for settings that cannot be used.
    """
    held, events, stop = ReloadableSettings(loaded), Events(), StopSignal()
    async with AsyncExitStack() as stack:
        terminal = Terminal(loaded.settings, stack)
        lines = log.LogOutput(lambda: held.loaded.settings.log)
        stack.callback(lines.capture())
        stack.callback(lines.close)
        events.subscribe(
            log.Warnings(lines.warnings), Warned, UpstreamRecovered, NotificationsResumed, SettingsReloaded
        )
        asyncio.get_running_loop().set_exception_handler(lambda _, context: events.emit(_unhandled(context)))
        stop.install()
        early: list[bool] = []
        """SIGHUPs that came before fanin could reload: without a handler, the first would end the process."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, early.append, True)
        fit_limit(loaded.settings, events)
        sidecar = await Sidecar.create(loaded.settings, rules, events, time.monotonic)
        console = Console(sidecar, events, rules, lambda: held.loaded.settings)
        outputs = Outputs(lines, terminal.streams)
        metrics = _observers(sidecar, console, outputs, events, stack)
        admin = AdminServer(sidecar, metrics.scrape, lambda: held.loaded, console.routes, outputs.admin)
        stack.push_async_callback(admin.stop)
        stack.push_async_callback(console.close)
        stack.push_async_callback(sidecar.stop)
        stack.callback(stop.requested.set)
        stop.force = sidecar.force_stop
        reload_settings = partial(held.reload, read, sidecar, admin, events)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload_settings)
        await admin.start()
        await sidecar.start()
        terminal.say("start", _start_line(sidecar, admin))
        if early:
            reload_settings()
        await stop.requested.wait()


class StopSignal:
    """Handles SIGTERM and SIGINT: the first signal sets ``requested``, each further one calls ``force``."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self.force: Callable[[], None] = self.requested.set

    def install(self) -> None:
        """Add the signal handlers to the running event loop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._signalled)

    def _signalled(self) -> None:
        if self.requested.is_set():
            self.force()
        self.requested.set()


def _observers(sidecar: Sidecar, console: Console, outputs: Outputs, events: Events, stack: AsyncExitStack) -> Metrics:
    """Subscribe all observers: metrics and log; trace printer, OTLP and recorder if configured. Returns the metrics."""
    settings = sidecar.settings
    spans, recorder = _spans(sidecar, events), _recorder(settings, events, sidecar.salt)
    if recorder is not None:
        stack.push_async_callback(asyncio.to_thread, recorder.close)
    if spans is not None:
        stack.push_async_callback(spans.close)
    outputs.spans, outputs.recorder = spans, recorder
    metrics = Metrics(
        settings.limits.relations,
        lambda: [*readings(SIDECAR, sidecar), *console.readings(), *readings(OUTPUTS, outputs)],
    )
    events.subscribe(metrics)
    printed = outputs.streams.get("stdout")
    printer = log.TraceLog(outputs.log.traces) if printed is None else TracePrinter(printed)
    events.subscribe(printer, TraceClosed, WorkloadInspected)
    if settings.log.access:
        events.subscribe(log.AccessLog(), RequestAnswered)
    return metrics


def _spans(sidecar: Sidecar, events: Events) -> "SpanExporter | None":
    """The OTLP exporter, if ``otlp.endpoint`` is set. Its libraries are an extra and imported only then."""
    settings = sidecar.settings
    if not settings.otlp.endpoint:
        return None
    try:
        from proxy.observe.otlp import SpanExporter
    except ImportError as error:
        raise ConfigError(f"otlp.endpoint: {missing_extra(error.name, 'otel')}") from error
    spans = SpanExporter(settings, __version__, events.emit, time.monotonic, lambda: sidecar.discovered.mount)
    events.subscribe(spans, RequestAnswered, UpstreamCalled)
    return spans


def _recorder(settings: Settings, events: Events, salt: bytes) -> Recorder | None:
    """The recorder, if ``record.file`` is set."""
    if settings.record.file is None:
        return None
    recorder = Recorder(settings.record, new_head(salt), events.emit)
    events.subscribe(recorder, TraceClosed)
    return recorder


class ReloadableSettings:
    """The effective settings, which SIGHUP reloads."""

    def __init__(self, loaded: EffectiveSettings) -> None:
        self.loaded = loaded

    def reload(
        self, read: Callable[[], EffectiveSettings], sidecar: Sidecar, admin: AdminServer, events: Events
    ) -> None:
        """Read and apply the settings. Invalid settings change nothing and are logged as a warning."""
        try:
            reloaded = reload(self.loaded, read)
            if reloaded.changed:
                sidecar.apply_settings(reloaded.loaded.settings)
            self.loaded = reloaded.loaded
            admin.apply_settings()
        except Exception as error:
            bug = None if isinstance(error, ConfigError) else error
            why = type(error).__name__ if bug else error
            events.emit(
                Warned(
                    f"settings were not reloaded: {why}",
                    "The previous settings stay in effect. Correct the new ones and send SIGHUP again.",
                    bug,
                )
            )
            events.emit(SettingsReloaded(None))
            return
        events.emit(SettingsReloaded(reloaded.changed))
        for what in reloaded.loaded.warnings:
            events.emit(Warned(what, "Remove the variable, or correct its name."))
        if reloaded.kept:
            names = ", ".join(reloaded.kept)
            events.emit(Warned(f"changed settings need a restart to take effect: {names}", "Restart fanin."))


def _start_line(sidecar: Sidecar, admin: AdminServer) -> str:
    settings, discovered = sidecar.settings, sidecar.discovered
    shown = settings.debug and admin.port
    pages = f", live traces at {_url(settings.admin, admin.port)}/" if shown else ""
    return (
        f"fanin {__version__}: {_url(settings.listen, sidecar.port)} → {settings.upstream}, mount {discovered.mount}, "
        f"profile {discovered.gateway.name}, mode {settings.mode}{admin.summary}{pages}"
    )


def _url(listen: str, port: int) -> str:
    """The URL of a listening address; a unix socket as it is."""
    return listen if listen.startswith("unix:") else f"http://{listen.rpartition(':')[0]}:{port}"


def _unhandled(context: dict[str, Any]) -> Warned:
    """The warning for an unhandled exception. Its message may contain values, so only its location is logged."""
    return Warned("an exception reached the event loop", "This is a bug: report it.", context.get("exception"))
