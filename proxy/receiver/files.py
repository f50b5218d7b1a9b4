"""Reads the traces in files of OTLP in JSON, one message a line, as the Collector's file exporter writes them."""

import secrets
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from proxy import __version__
from proxy.receiver.assembly import Assembler, SpanReading
from proxy.receiver.endpoints import Endpoints
from proxy.receiver.gathering import Gatherer
from proxy.receiver.http_request import origin_of
from proxy.receiver.otel_span import OtelSpan
from proxy.receiver.otlp_json import OtlpError, read_json
from proxy.recording.schema import CURRENT_FORMAT, RecordingHead
from proxy.recording.source import DataAccessError, Recordings, Source, each_source, text_lines
from proxy.settings.model import Settings
from proxy.settings.sources import ConfigError
from proxy.text.counted import counted

LACKING = ("rows", "total", "bytes", "headers")
"""What the spans of HTTP clients do not show, or not of each answer."""


MAX_DOCUMENT = 64_000_000
"""Bytes of a file that is one message in many lines."""


def reading_of(settings: Settings) -> SpanReading:
    """How requests are read, by the settings."""
    return SpanReading(settings.catalog.schemas[0], settings.merge.max_url, settings.trace.max_spans)


def read_traffic(options: Namespace, settings: Settings) -> Recordings:
    """The traces of all sources. ConfigError for an invalid URL, DataAccessError if reading fails."""
    for _, traces in each_traffic(options, settings):
        yield from traces


def each_traffic(options: Namespace, settings: Settings) -> Iterator[tuple[str, Recordings]]:
    """The name and the traces of each source: ``--traces``, ``--admin`` and ``--otlp``; nothing is read before."""
    upstreams = named_upstreams(options.upstreams)
    yield from each_source(options, settings)
    for name in dict.fromkeys(map(str, options.otlp or ())):
        yield name, read_otlp([Path(name)], upstreams, settings)


def named_upstreams(urls: Sequence[str]) -> tuple[str, ...]:
    """The URLs of ``--upstream``. ConfigError if one is invalid."""
    for url in urls:
        try:
            origin_of(url)
        except ValueError:
            raise ConfigError(f"--upstream: '{url}' is not a URL such as http://127.0.0.1:3000") from None
    return tuple(urls)


def read_otlp(files: Sequence[Path], upstreams: tuple[str, ...], settings: Settings) -> Recordings:
    """The traces of each file, in the order of their first span, after the whole file was read.

    ``upstreams`` are the URLs of PostgREST; if there is none, it is recognised by its requests. DataAccessError if a
    file cannot be read, is no OTLP, or has no request to PostgREST.
    """
    endpoints = Endpoints(upstreams)
    for file in files:
        salt = secrets.token_bytes(16)
        assembler = Assembler(endpoints, reading_of(settings), salt)
        gatherer = Gatherer(assembler)
        early = Source(str(file), RecordingHead(CURRENT_FORMAT, __version__, salt.hex(), 0.0, LACKING))
        yield from ((early, trace) for trace in gatherer.add(_spans(file)))
        traces = list(gatherer.quiet_since(0.0))
        lacks = tuple(name for name in LACKING if not assembler.shows(name))
        source = Source(str(file), msgspec.structs.replace(early.head, lacks=lacks), early.warnings)
        early.warnings.extend(assembler.warnings(str(file)))
        if gatherer.closed_early:
            divided = counted(gatherer.closed_early, "trace was", "traces were")
            early.warnings.append(f"{file}: {divided} divided: it has too many spans")
        if not traces and not gatherer.closed_early:
            raise DataAccessError("; ".join(early.warnings) or _nothing(file, gatherer.spans, bool(upstreams)))
        yield from ((source, trace) for trace in traces)


def _spans(file: Path) -> Iterator[OtelSpan]:
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(text_lines(file, lines), 1):
                if not line.strip():
                    continue
                try:
                    yield from read_json(line)
                except OtlpError as error:
                    if number > 1 and not line.endswith(b"\n"):
                        return  # the Collector was writing it
                    if number == 1 and line.strip() in (b"{", b"["):
                        yield from _document(file, line + lines.read(MAX_DOCUMENT))
                        return
                    raise DataAccessError(f"{file}:{number}: {error}") from error
    except OSError as error:
        raise DataAccessError(f"{file}: cannot be read: {error.strerror}") from error


def _document(file: Path, text: bytes) -> Iterator[OtelSpan]:
    """The spans of a file that is one message in many lines, as a person or a tool has formatted it."""
    if len(text) > MAX_DOCUMENT:
        raise DataAccessError(f"{file}: is one message of more than {MAX_DOCUMENT:,} bytes: write one message a line")
    try:
        yield from read_json(text)
    except OtlpError as error:
        raise DataAccessError(f"{file}: {error}") from error


def _nothing(file: Path, spans: int, is_named: bool) -> str:
    where = "to --upstream" if is_named else "that is one to PostgREST: give its URL by --upstream"
    return f"{file}: {spans} spans, and none is of an HTTP client's request {where}"
