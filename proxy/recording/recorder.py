"""Writes closed traces to a file in a separate thread, so that a slow or full disk does not delay requests."""

import secrets
import threading
import time
from collections.abc import Callable
from hashlib import blake2b
from queue import SimpleQueue

from proxy import __version__
from proxy.model import Span, Trace
from proxy.observe.confirmed_names import METHODS, ConfirmedNames
from proxy.observe.events import Event, TraceClosed, Warned
from proxy.observe.trace_size import trace_bytes
from proxy.recording.codec import encode_line, encode_trace
from proxy.recording.rotating_file import RotatingFile
from proxy.recording.schema import CURRENT_FORMAT, RecordingHead
from proxy.settings.observability import RecordSettings
from proxy.settings.sources import ConfigError

CLOSE_TIMEOUT = 5.0
"""Seconds that ``close`` waits for the queued traces."""
SPANS_PER_PAUSE, PAUSE_SECONDS = 20, 0.0005
"""The thread pauses for ``PAUSE_SECONDS`` after this number of spans. A thread that computes without a pause holds the
interpreter for 5 ms at a time, in which no request is answered."""


def new_head(salt: bytes) -> RecordingHead:
    """The first line of a recording of this process, whose hashes have the key ``salt``."""
    return RecordingHead(CURRENT_FORMAT, __version__, salt.hex(), round(time.time() - time.monotonic(), 3))


class Recorder:
    """An observer that writes traces. ``warn`` is called if a write fails; ConfigError if the file cannot be opened."""

    def __init__(self, settings: RecordSettings, head: RecordingHead, warn: Callable[[Warned], None]) -> None:
        if settings.file is None:
            raise ConfigError("record.file: is not set")
        try:
            self._file = RotatingFile(settings.file, settings.max_bytes, settings.files, encode_line(head))
        except OSError as error:
            raise ConfigError(f"record.file: {settings.file} cannot be written: {error.strerror}") from error
        self._max_queued = settings.queue
        self._max_bytes = settings.queue_bytes
        self._warn = warn
        self._redact = NameRedactor(ConfirmedNames())
        self._queue: SimpleQueue[Trace | None] = SimpleQueue()
        self._queued = 0
        """Number of spans put into the queue. Like ``_finished`` below, only one thread changes it."""
        self._finished = 0
        self._queued_bytes = 0
        self._finished_bytes = 0
        self._spans = 0
        self._counts = {"written": 0, "failed": 0, "unfit": 0}
        self._dropped = 0
        self._error = ""
        self._reported = ""
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        if isinstance(event, TraceClosed):
            self._enqueue(event.trace)

    def counts(self) -> dict[tuple[str, ...], float]:
        """Number of traces by result: ``written``, ``failed`` or ``dropped``."""
        counts = self._counts
        dropped = self._dropped + counts["unfit"]
        return {("written",): counts["written"], ("failed",): counts["failed"], ("dropped",): dropped}

    @property
    def held_bytes(self) -> int:
        """Estimated bytes of the traces that wait to be written."""
        return self._queued_bytes - self._finished_bytes

    def close(self) -> None:
        """Write the queued traces, for at most ``CLOSE_TIMEOUT`` seconds."""
        self._queue.put(None)
        self._thread.join(CLOSE_TIMEOUT)
        self._report()

    def _enqueue(self, trace: Trace) -> None:
        self._redact.names.learn(trace.spans)
        size = trace_bytes(trace)
        many = self._queued - self._finished + len(trace.spans) > self._max_queued
        if many or self.held_bytes + size > self._max_bytes:
            self._dropped += 1
        else:
            self._queued += len(trace.spans)
            self._queued_bytes += size
            self._queue.put(trace)
        self._report()

    def _report(self) -> None:
        """Warn of a write error, once until writing works again."""
        error = self._error
        if error and not self._reported:
            self._warn(Warned(f"traces are not recorded: {error}", "Free disk space, or move record.file."))
        self._reported = error

    # In the thread.

    def _run(self) -> None:
        while (trace := self._queue.get()) is not None:
            try:
                result = "written" if self._file.write(encode_trace(trace, self._redact_with_pauses)) else "unfit"
                self._error = ""
            except OSError as error:
                result, self._error = "failed", error.strerror or type(error).__name__
            except Exception as error:
                result, self._error = "failed", type(error).__name__
            self._counts[result] += 1
            self._finished += len(trace.spans)
            self._finished_bytes += trace_bytes(trace)
        self._file.close()

    def _redact_with_pauses(self, span: Span) -> tuple[str, str, str]:
        self._spans += 1
        if not self._spans % SPANS_PER_PAUSE:
            time.sleep(PAUSE_SECONDS)
        return self._redact(span)


class NameRedactor:
    """Replaces names that upstream has not confirmed, which could contain values, by hashes that differ per name."""

    def __init__(self, names: ConfirmedNames) -> None:
        self.names = names
        self._key = secrets.token_bytes(16)

    def __call__(self, span: Span) -> tuple[str, str, str]:
        """Method, relation and fingerprint as they may be written to a file."""
        method = span.method if span.method in METHODS else "other"
        relation = self.names.shown_relation(span.relation)
        if self.names.may_show(span.fingerprint):
            return method, relation, span.fingerprint
        hash_ = blake2b(span.fingerprint.encode("utf-8", "replace"), digest_size=8, key=self._key).hexdigest()
        return method, relation, f"{self.names.fingerprint_of(span)}#{hash_}"
