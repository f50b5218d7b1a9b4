"""``fanin collect``: receives spans of OpenTelemetry and records the requests to PostgREST.

Tests: tests/e2e/clients/test_otlp_client.py.
"""

import asyncio
import secrets
import sys
import time
from argparse import Namespace
from collections.abc import Iterable

from proxy import __version__
from proxy.commands.serve import StopSignal
from proxy.model import Trace
from proxy.observe.events import TraceClosed, Warned
from proxy.receiver.assembly import Assembler
from proxy.receiver.endpoints import Endpoints
from proxy.receiver.files import LACKING, named_upstreams, reading_of
from proxy.receiver.gathering import Gatherer
from proxy.receiver.otel_span import OtelSpan
from proxy.receiver.server import receiving
from proxy.recording.recorder import Recorder
from proxy.recording.schema import CURRENT_FORMAT, RecordingHead
from proxy.settings.model import Settings
from proxy.text.counted import counted
from proxy.text.terminal import safe

MAX_SPANS = 200_000
"""Maximum number of spans that wait for the rest of their trace: about 200 MB."""
MAX_WAITING, PAUSE = 8_000_000, 0.01
"""At the end: bytes of traces that wait to be written, and seconds until the next look."""
FOREVER = float("inf")


async def collect(options: Namespace, settings: Settings) -> None:
    """Receive until SIGTERM or SIGINT; then the open traces are written. ConfigError, AddressInUseError."""
    stop = StopSignal()
    stop.install()
    collector = Collector(options, settings)
    try:
        async with receiving(options.listen_otlp, collector.take) as url:
            print(f"fanin {__version__}: OTLP at {url}, recording to {safe(str(options.out))}", flush=True)
            while not stop.requested.is_set():
                collector.close_quiet(options.quiet)
                try:
                    async with asyncio.timeout(min(1.0, options.quiet)):
                        await stop.requested.wait()
                except TimeoutError:
                    pass
    finally:
        await asyncio.to_thread(collector.close)
    print(collector.summary(), flush=True)


class Collector:
    """Gathers spans and records traces."""

    def __init__(self, options: Namespace, settings: Settings) -> None:
        salt = secrets.token_bytes(16)
        record = settings.record.model_copy(update={"file": options.out, "queue": 2 * MAX_SPANS})
        head = RecordingHead(CURRENT_FORMAT, __version__, salt.hex(), 0.0, LACKING)
        self._assembler = Assembler(Endpoints(named_upstreams(options.upstreams)), reading_of(settings), salt)
        self._gatherer = Gatherer(self._assembler, MAX_SPANS)
        self._recorder = Recorder(record, head, _warn)
        self._queries = 0

    def take(self, spans: Iterable[OtelSpan]) -> None:
        """Add the spans of one message."""
        self._record(self._gatherer.add(spans, time.monotonic()))

    def close_quiet(self, seconds: float) -> None:
        """Record the traces to which nothing was added for so long."""
        self._record(self._gatherer.quiet_since(time.monotonic() - seconds))

    def close(self) -> None:
        """Record all traces, and close the file. It blocks."""
        for trace in self._gatherer.quiet_since(FOREVER):
            while self._recorder.held_bytes > MAX_WAITING:
                time.sleep(PAUSE)
            self._record((trace,))
        self._recorder.close()

    def summary(self) -> str:
        """What was received and recorded, and what could not be read."""
        counts = {name: int(number) for (name,), number in self._recorder.counts().items()}
        traces = f"{counted(counts['written'], 'trace')} with {counted(self._queries, 'request')} recorded"
        lines = [f"{counted(self._gatherer.spans, 'span')} received; {traces}"]
        if lost := counts["dropped"] + counts["failed"]:
            lines.append(f"warning: {counted(lost, 'trace')} could not be written")
        if self._gatherer.spans and not self._queries:
            lines.append("none of the spans is of an HTTP client's request to PostgREST: give its URL by --upstream")
        return "\n".join([*lines, *self._assembler.warnings("warning")])

    def _record(self, traces: Iterable[Trace]) -> None:
        for trace in traces:
            self._queries += len(trace.spans)
            self._recorder(TraceClosed(trace, ()))


def _warn(warned: Warned) -> None:
    print(f"fanin: warning: {warned.what} {warned.remedy}", file=sys.stderr, flush=True)
