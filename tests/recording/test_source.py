"""The sources of `--traces` and `--admin` are read one trace at a time; errors name their cause."""

from __future__ import annotations

import gzip
from argparse import Namespace
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.recording.source import DataAccessError, each_source, read_admin, read_files, source_names, write_text
from proxy.settings.loading import load
from proxy.settings.sources import ConfigError
from tests.recording.test_codec import HEAD, lines
from tests.rules.traces import span, trace

if TYPE_CHECKING:
    from pathlib import Path

ONE = trace([span("GET /songs?id=eq.1&select=id", 1)])
TWO = replace(ONE, id="u")


def test_traces_come_in_order_with_their_source(tmp_path: Path) -> None:
    files = [tmp_path / "a", tmp_path / "b"]
    for file, one in zip(files, (ONE, TWO), strict=True):
        file.write_bytes(b"".join(lines(one)))
    read = [(source.name, source.head, one.id) for source, one in read_files(files)]
    assert read == [(str(files[0]), HEAD, "t"), (str(files[1]), HEAD, "u")]


def test_a_file_that_is_given_twice_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"".join(lines(ONE)))
    options = Namespace(admin=None, otlp=None, traces=[file, file])
    assert source_names(options) == (str(file),)
    assert len([trace for _, traces in each_source(options, load({}).settings) for trace in traces]) == 1
    assert source_names(Namespace(admin=["http://h:1"] * 2, otlp=None, traces=[file])) == (str(file), "http://h:1")


def test_a_file_is_read_lazily(tmp_path: Path) -> None:
    """Only one trace is in memory, whatever the size of the recording."""
    file = tmp_path / "a"
    file.write_bytes(b"".join([*lines(ONE), b"broken\n"]))
    traces = read_files([file])
    assert next(traces)[1].id == "t"
    with pytest.raises(DataAccessError, match="a:3: "):
        next(traces)


def test_a_byte_order_mark_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"\xef\xbb\xbf" + b"".join(lines(ONE)))
    assert [one.id for _, one in read_files([file])] == ["t"]


def test_a_compressed_file_is_an_error_that_names_the_program(tmp_path: Path) -> None:
    file = tmp_path / "a"
    for data, program in ((gzip.compress(b"".join(lines(ONE))), "gunzip"), (b"\x28\xb5\x2f\xfd", "unzstd")):
        file.write_bytes(data)
        with pytest.raises(DataAccessError, match=f"a: is compressed: decompress it first, with {program}"):
            list(read_files([file]))


def test_a_file_that_cannot_be_read_or_written_is_an_error_with_its_cause(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for file, why in (("none", "No such file"), ("empty", ":1: is empty"), (".", "Is a directory")):
        with pytest.raises(DataAccessError, match=why):
            list(read_files([tmp_path / file]))
    with pytest.raises(DataAccessError, match="cannot be written: No such file"):
        write_text(tmp_path / "none" / "file", "")


def test_an_invalid_admin_url_is_a_configuration_error() -> None:
    for url in ("127.0.0.1:9000", "file:///etc/passwd", "http://"):
        with pytest.raises(ConfigError, match="is not http://HOST:PORT"):
            list(read_admin(url, None))
    with pytest.raises(DataAccessError, match="cannot be read"):
        list(read_admin("http://127.0.0.1:1", "token"))
