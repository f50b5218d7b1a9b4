"""Reads the traces for ``fanin check`` and ``fanin audit``: from recordings, or from a running fanin."""

from argparse import Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.error import HTTPError, URLError

import msgspec

from proxy.model import Trace
from proxy.recording.admin_client import open_admin
from proxy.recording.codec import RecordingError, read_recording
from proxy.recording.schema import RecordingHead
from proxy.settings.model import Settings

TIMEOUT = 30.0
"""Seconds to wait for the answer of a running fanin."""


class DataAccessError(Exception):
    """Traces cannot be read, or a report cannot be written. The message says why."""


class Source(msgspec.Struct, frozen=True):
    """A recording, or a running fanin."""

    name: str
    """Path of the file, or URL."""
    head: RecordingHead
    warnings: list[str] = []
    """What could not be read; complete after the last trace."""


BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""With it, editors on Windows begin a file."""
COMPRESSED = {b"\x1f\x8b": "gunzip", b"\x28\xb5\x2f\xfd": "unzstd"}
"""How compressed files begin, and the program that reads them."""

Recordings = Iterator[tuple[Source, Trace]]
"""Traces one by one, so that a recording of any size fits into memory."""


def source_names(options: Namespace) -> tuple[str, ...]:
    """Names of the sources, including those without traces. One that is given twice is listed once."""
    spans = dict.fromkeys(map(str, options.otlp or ()))
    return (*_files(options), *spans, *dict.fromkeys(options.admin or ()))


def _files(options: Namespace) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(str, options.traces or ())))


def each_source(options: Namespace, settings: Settings) -> Iterator[tuple[str, Recordings]]:
    """The name and the traces of each file of ``--traces`` and of each ``--admin``; nothing is read before."""
    token = settings.admin_token.get_secret_value() if settings.admin_token else None
    for name in _files(options):
        yield name, read_files([Path(name)])
    for url in dict.fromkeys(options.admin or ()):
        yield url, read_admin(url, token)


def read_files(files: Iterable[Path]) -> Recordings:
    """The traces of each file. DataAccessError if one cannot be read, or is not a recording."""
    for file in files:
        try:
            with file.open("rb") as lines:
                yield from _read_lines(str(file), text_lines(file, lines))
        except OSError as error:
            raise DataAccessError(f"{file}: cannot be read: {error.strerror}") from error


def text_lines(file: Path, lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of an opened file, without a byte order mark. DataAccessError if it is compressed."""
    for number, line in enumerate(lines):
        if not number:
            program = next((name for start, name in COMPRESSED.items() if line.startswith(start)), None)
            if program:
                raise DataAccessError(f"{file}: is compressed: decompress it first, with {program}")
        yield line if number else line.removeprefix(BYTE_ORDER_MARK)


def read_admin(url: str, token: str | None) -> Recordings:
    """The traces in a running fanin. ConfigError if ``url`` is invalid, DataAccessError if fanin does not answer."""
    try:
        with open_admin(url, "/api/recording", token, TIMEOUT) as answer:
            lines = answer.read().splitlines(keepends=True)
    except HTTPError as error:
        message = error.read(300).decode("utf-8", "replace").strip()
        raise DataAccessError(f"{url}: answers {error.code}: {message}") from error
    except (OSError, URLError) as error:
        raise DataAccessError(f"{url}: cannot be read: {getattr(error, 'reason', error)}") from error
    yield from _read_lines(url, lines)


def _read_lines(name: str, lines: Iterable[bytes]) -> Recordings:
    try:
        head, traces = read_recording(name, lines)
        source = Source(name, head)
        for trace in traces:
            yield source, trace
    except RecordingError as error:
        raise DataAccessError(str(error)) from error


def write_text(file: Path, text: str) -> None:
    """Write ``text`` to ``file``. DataAccessError if that fails."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataAccessError(f"{file}: cannot be written: {error.strerror}") from error
