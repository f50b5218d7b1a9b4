"""``fanin serve``: the parts of a running fanin put together, until it is told to end."""

import asyncio
import gc
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from proxy import __version__
from proxy.admin.console import Console
from proxy.admin.gauges import levels
from proxy.admin.server import Admin
from proxy.findings.model import Rule
from proxy.observe import log
from proxy.observe.events import Answered, Called, Closed, Events, Inspected, Reread, Warned
from proxy.observe.metrics import Levels, Metrics
from proxy.observe.tree import Trees
from proxy.recording.recorder import Recorder
from proxy.recording.schema import FORMAT, Head
from proxy.settings.model import ConfigError, Effective, Settings
from proxy.settings.reload import reload
from proxy.sidecar.sidecar import Sidecar
from proxy.upstream.discovery import Place

if TYPE_CHECKING:
    from proxy.observe.otlp import Spans


def run(work: Coroutine[Any, Any, None]) -> None:
    """On uvloop where there is one (not on Windows)."""
    gc.freeze()  # modules and tables stay as long as the process: a pause to look through them again would be traffic's
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


async def serve(loaded: Effective, read: Callable[[], Effective], rules: Sequence[Rule]) -> None:
    """Run until SIGTERM or SIGINT, then drain; the second one ends that. SIGHUP has the settings ``read`` again.

    ConfigError when what is set cannot be used.
    """
    held = Held(loaded)
    settings = loaded.settings
    events = Events()
    sidecar = Sidecar(settings, rules, events, time.monotonic)
    lines = log.Lines(lambda: held.loaded.settings.log)
    release = lines.capture()
    console = Console(sidecar, events, rules, lambda: held.loaded.settings)
    spans, recorder = _spans(settings, events), _recorder(settings, events, sidecar.salt)
    metrics = Metrics(settings.limits.relations, lambda: _levels(sidecar, console, lines, spans, recorder))
    events.subscribe(metrics)
    events.subscribe(log.Warnings(lines.warnings), Warned, Reread)
    events.subscribe(Trees(sys.stdout) if settings.debug else log.TraceLog(lines.traces), Closed, Inspected)
    admin = Admin(sidecar, metrics.scrape, lambda: held.loaded, console.routes)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: events.emit(_lost(context)))
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: sidecar.hurry() if told.is_set() else told.set())
    loop.add_signal_handler(signal.SIGHUP, lambda: held.reload(read, sidecar, admin, events))
    try:
        await admin.start()
        place = await sidecar.start()
        print(_start_line(sidecar, place, admin), file=sys.stderr, flush=True)
        await told.wait()
    finally:
        told.set()
        await sidecar.stop()
        await console.close()
        await admin.stop()
        if spans is not None:
            await spans.close()
        if recorder is not None:
            await asyncio.to_thread(recorder.close)
        lines.close()
        release()


def _levels(
    sidecar: Sidecar, console: Console, lines: log.Lines, spans: "Spans | None", recorder: Recorder | None
) -> Levels:
    """What every part says of itself, when Prometheus asks."""
    return {
        **levels(sidecar, __version__),
        **console.levels(),
        "log_lines_left_out": lines.left_out(),
        "otlp_spans": spans.counts() if spans else {},
        "recorded_traces": recorder.counts() if recorder else {},
    }


def _spans(settings: Settings, events: Events) -> "Spans | None":
    """Who makes spans of events, where they are wanted; what that takes is imported only then."""
    if not settings.otlp.endpoint:
        return None
    try:
        from proxy.observe.otlp import Spans
    except ImportError as error:
        raise ConfigError(
            f"otlp.endpoint: spans need their extra: pip install 'fanin[otel]' ({error.name} is missing)"
        ) from error
    spans = Spans(settings, __version__, events.emit, time.monotonic)
    events.subscribe(spans, Answered, Called)
    return spans


def _recorder(settings: Settings, events: Events, salt: bytes) -> Recorder | None:
    """Who writes traces down, where that is wanted."""
    if settings.record.file is None:
        return None
    recorder = Recorder(settings.record, recording_head(salt), events.emit)
    events.subscribe(recorder, Closed)
    return recorder


def recording_head(salt: bytes) -> Head:
    """The first line of what this process records."""
    return Head(FORMAT, __version__, salt.hex(), round(time.time() - time.monotonic(), 3))


class Held:
    """The settings in force."""

    def __init__(self, loaded: Effective) -> None:
        self.loaded = loaded

    def reload(self, read: Callable[[], Effective], sidecar: Sidecar, admin: Admin, events: Events) -> None:
        """Read them again; what does not fit changes nothing, and is told."""
        try:
            found = reload(self.loaded, read)
            if found.changed:
                sidecar.adopt(found.loaded.settings)
            self.loaded = found.loaded
            admin.adopt()
        except Exception as error:
            bug = None if isinstance(error, ConfigError) else error
            why = type(error).__name__ if bug else error
            events.emit(
                Warned(f"settings were not reloaded: {why}", "The old ones hold. Mend them, and send SIGHUP.", bug)
            )
            events.emit(Reread(None))
            return
        events.emit(Reread(found.changed))
        for what in found.loaded.warnings:
            events.emit(Warned(what, "Remove the variable, or mend its name."))
        if found.kept:
            names = ", ".join(found.kept)
            events.emit(Warned(f"settings that take a restart are other ones now: {names}", "Start fanin again."))


def _start_line(sidecar: Sidecar, place: Place, admin: Admin) -> str:
    settings = sidecar.settings
    host, watched = settings.listen.rpartition(":")[0], settings.admin.rpartition(":")[0]
    pages = f"\nfanin: what happens is shown at http://{watched}:{admin.port}/" if settings.debug and admin.port else ""
    return (
        f"fanin {__version__}: http://{host}:{sidecar.port} → {settings.upstream}, mount {place.mount}, "
        f"profile {place.gateway.name}, mode {settings.mode}{admin.told}{pages}"
    )


def _lost(context: dict[str, Any]) -> Warned:
    """An exception that nobody waited for. Its text may quote values, so only its place is told."""
    return Warned("an exception reached the event loop", "This is a bug: report it.", context.get("exception"))
