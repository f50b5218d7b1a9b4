"""One capture: a sidecar on a free port that records, and the command behind it.

Tests: tests/e2e/operations/test_capture.py.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from proxy.analysis.rule import AnyRule
from proxy.capture.guard import CommandEnd, Guard
from proxy.capture.variables import CommandVariables, SidecarPlace
from proxy.observe.events import Event, Events, RequestAnswered, TraceClosed, Warned
from proxy.recording.recorder import Recorder, new_head
from proxy.settings.model import Settings
from proxy.sidecar.sidecar import Sidecar


class Captured(msgspec.Struct, frozen=True):
    """What a capture saw."""

    end: CommandEnd
    requests: int
    outside: int
    """Requests for paths outside PostgREST's mount, which are passed on and not analysed."""
    warnings: tuple[str, ...]


class TrafficObserver:
    """Counts requests, and collects warnings."""

    def __init__(self) -> None:
        self.requests = 0
        self.outside = 0
        self.warnings: dict[str, None] = {}

    def __call__(self, event: Event) -> None:
        """Count an event."""
        if isinstance(event, RequestAnswered):
            self.requests += 1
            self.outside += event.span.bypass_reason == "outside-mount"
        elif isinstance(event, Warned):
            self.warnings[f"{event.what}. {event.remedy}"] = None


async def capture(
    guard: Guard,
    settings: Settings,
    rules: Sequence[AnyRule],
    variables: Callable[[SidecarPlace], CommandVariables],
    say: Callable[[SidecarPlace, CommandVariables, Sequence[str]], None],
) -> Captured:
    """Run the command of ``guard`` behind a sidecar. ``say`` is called before it starts, with warnings.

    ConfigError for settings that cannot be used.
    """
    events, seen = Events(), TrafficObserver()
    events.subscribe(seen, RequestAnswered, Warned)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: seen(_unhandled(context)))
    sidecar = await Sidecar.create(settings, rules, events, time.monotonic)
    recorder = Recorder(settings.record, new_head(sidecar.salt), events.emit)
    events.subscribe(recorder, TraceClosed)
    try:
        await sidecar.start()
        place = place_of(sidecar, settings)
        chosen = variables(place)
        say(place, chosen, list(seen.warnings))
        guard.start(chosen.changed)
        end = await guard.end()
    finally:
        sidecar.force_stop()  # the command has ended: no client waits for an answer
        await sidecar.stop()
        recorder.close()
    return Captured(end, seen.requests, seen.outside, tuple(seen.warnings))


def place_of(sidecar: Sidecar, settings: Settings) -> SidecarPlace:
    """Where the sidecar is reached, and what upstream is."""
    mount, base = sidecar.discovered.mount.rstrip("/"), sidecar.discovered.base.decode()
    return SidecarPlace(f"http://127.0.0.1:{sidecar.port}", mount, settings.upstream, base)


def _unhandled(context: dict[str, Any]) -> Warned:
    """The warning for an unhandled exception, without its message, which may contain values."""
    return Warned("an exception reached the event loop", "This is a bug: report it.", context.get("exception"))
