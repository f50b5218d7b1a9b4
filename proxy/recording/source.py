"""The traffic that ``fanin check`` and ``fanin audit`` judge: recordings, or what a running fanin keeps."""

from argparse import Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import msgspec

from proxy.model import Trace
from proxy.recording.codec import RecordingError, read_recording
from proxy.recording.schema import RecordingHead
from proxy.settings.model import Settings
from proxy.settings.sources import ConfigError

TIMEOUT = 30.0
"""Seconds that a running fanin is given to answer."""


class DataAccessError(Exception):
    """There was nothing to be read, or no place to write to; the message says why."""


class Source(msgspec.Struct, frozen=True):
    """A recording, or a running fanin."""

    name: str
    """Its file, or its URL."""
    head: RecordingHead


Recordings = Iterator[tuple[Source, Trace]]
"""Trace by trace: however much was recorded, it is read as it is judged."""


def source_names(options: Namespace) -> tuple[str, ...]:
    """What is read, whether there is a trace in it or not; a file that is named twice is read once."""
    return (options.admin,) if options.admin else tuple(dict.fromkeys(map(str, options.traces)))


def read_source(options: Namespace, settings: Settings) -> Recordings:
    """What ``--admin`` or ``--traces`` names. ConfigError for what is no URL, UnableError for what cannot be read."""
    token = settings.admin_token
    if options.admin:
        return read_admin(options.admin, token.get_secret_value() if token else None)
    return read_files(map(Path, source_names(options)))


def read_files(files: Iterable[Path]) -> Recordings:
    """The traces of each file. UnableError where one cannot be read, or is no recording."""
    for file in files:
        try:
            with file.open("rb") as lines:
                yield from _read_lines(str(file), lines)
        except OSError as error:
            raise DataAccessError(f"{file}: cannot be read: {error.strerror}") from error


def read_admin(url: str, token: str | None) -> Recordings:
    """The traces that a running fanin keeps. ConfigError for what is no URL, UnableError where it does not answer."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"--admin: '{url}' is not http://HOST:PORT, where a running fanin has its admin port")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = Request(f"{url.rstrip('/')}/api/recording", headers=headers)  # noqa: S310 – the scheme is checked above
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=TIMEOUT) as answer:
            lines = answer.read().splitlines(keepends=True)
    except HTTPError as error:
        told = error.read(300).decode("utf-8", "replace").strip()
        raise DataAccessError(f"{url}: answers {error.code}: {told}") from error
    except (OSError, URLError) as error:
        raise DataAccessError(f"{url}: cannot be asked: {getattr(error, 'reason', error)}") from error
    yield from _read_lines(url, lines)


def _read_lines(name: str, lines: Iterable[bytes]) -> Recordings:
    try:
        head, traces = read_recording(name, lines)
        source = Source(name, head)
        for trace in traces:
            yield source, trace
    except RecordingError as error:
        raise DataAccessError(str(error)) from error


def write_text(file: Path, told: str) -> None:
    """Put what is told into ``file``. UnableError where that cannot be."""
    try:
        file.write_text(told, encoding="utf-8")
    except OSError as error:
        raise DataAccessError(f"{file}: cannot be written: {error.strerror}") from error
