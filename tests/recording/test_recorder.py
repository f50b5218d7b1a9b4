"""Closed traces are written in the background, within limits; a full disk is reported once."""

from __future__ import annotations

import errno
import os
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from proxy.observe.events import TraceClosed, Warned
from proxy.observe.trace_size import trace_bytes
from proxy.recording.codec import read_traces
from proxy.recording.recorder import Recorder
from proxy.recording.rotating_file import RotatingFile
from proxy.recording.schema import CURRENT_FORMAT, RecordingHead
from proxy.settings.observability import RecordSettings
from proxy.settings.sources import ConfigError
from tests.rules.traces import parallel

if TYPE_CHECKING:
    from pathlib import Path

    from proxy.model import Trace

HEAD = RecordingHead(CURRENT_FORMAT, "1.0", "00" * 16, 5.0)
FAN_OUT = parallel([f"GET /videos?id=eq.{number}" for number in range(9)])


class Recording:
    """A recorder and its warnings."""

    def __init__(self, file: Path, **settings: int) -> None:
        self.warned: list[Warned] = []
        self.recorder = Recorder(RecordSettings(file=file, **settings), HEAD, self.warned.append)

    def write(self, *traces: Trace) -> None:
        for trace in traces:
            self.recorder(TraceClosed(trace, ()))

    def ended(self) -> dict[str, float]:
        self.recorder.close()
        return {result: count for (result,), count in self.recorder.counts().items()}


def traces(file: Path) -> list[Trace]:
    with file.open("rb") as lines:
        return list(read_traces(str(file), lines))


def test_closed_traces_are_in_the_file_after_close(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "a")
    recording.write(FAN_OUT, FAN_OUT)
    assert recording.ended() == {"written": 2, "failed": 0, "dropped": 0}
    assert [len(trace.spans) for trace in traces(tmp_path / "a")] == [9, 9]
    assert not recording.warned


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    Recording(tmp_path / "a").ended()
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_a_full_file_is_rotated_and_the_oldest_is_deleted(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "a", max_bytes=10_000, files=3)
    recording.write(*[FAN_OUT] * 30)
    assert recording.ended()["written"] == 30
    assert sorted(os.listdir(tmp_path)) == ["a", "a.1", "a.2"]
    assert all(path.stat().st_size <= 10_000 for path in tmp_path.iterdir())
    assert all(traces(path) for path in tmp_path.iterdir())


def test_an_existing_file_is_rotated_at_start(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("something else")
    Recording(tmp_path / "a", files=2).ended()
    assert (tmp_path / "a.1").read_text() == "something else"


def test_a_trace_that_is_larger_than_a_file_is_left_out(tmp_path: Path) -> None:
    long = parallel([f"GET /videos?id=eq.{number}" for number in range(100)])
    recording = Recording(tmp_path / "a", max_bytes=10_000)
    recording.write(long, FAN_OUT)
    assert recording.ended() == {"written": 1, "failed": 0, "dropped": 1}


def test_a_file_that_cannot_be_opened_is_an_error_at_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"record\.file: .* cannot be written: No such file or directory"):
        Recording(tmp_path / "no" / "a")


def test_a_full_disk_is_reported_once_corrupts_no_line_and_recording_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk accepts half of each line, then nothing."""
    recording, real, full = Recording(tmp_path / "a"), os.write, threading.Event()
    tries: list[int] = []

    def write(file: int, data: bytes) -> int:
        if not full.is_set() or file in (1, 2):
            return real(file, data)
        tries.append(len(data))
        if len(tries) % 2:
            return real(file, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", write)
    recording.write(FAN_OUT)
    wait_for(recording, 1)
    full.set()
    for count in (2, 3, 4):
        recording.write(FAN_OUT)
        wait_for(recording, count)
    full.clear()
    recording.write(FAN_OUT)
    assert recording.ended() == {"written": 2, "failed": 3, "dropped": 0}
    assert [warned.what for warned in recording.warned] == ["traces are not recorded: No space left on device"]
    assert len(traces(tmp_path / "a")) == 2


def test_the_queue_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held, free = threading.Event(), threading.Event()
    real = RotatingFile.write

    def write(self: RotatingFile, line: bytes) -> bool:
        held.set()
        free.wait(10)
        return real(self, line)

    monkeypatch.setattr(RotatingFile, "write", write)
    recording = Recording(tmp_path / "a", queue=20)
    recording.write(FAN_OUT)
    assert held.wait(10)
    recording.write(*[FAN_OUT] * 5)
    free.set()
    assert recording.ended() == {"written": 2, "failed": 0, "dropped": 4}


def test_a_full_disk_does_not_rotate_older_files_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = RotatingFile(tmp_path / "a", 20, 2, b"head\n")
    assert file.write(b"0123456789\n")

    def write(number: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        for _ in range(3):
            with pytest.raises(OSError, match="No space"):
                file.write(b"another line\n")
    assert (tmp_path / "a.1").read_bytes() == b"head\n0123456789\n"
    assert file.write(b"another line\n")
    file.close()
    assert (tmp_path / "a").read_bytes() == b"head\nanother line\n"


def wait_for(recording: Recording, count: int) -> None:
    """Wait until this number of traces is finished."""
    done = threading.Event()
    for _ in range(2000):
        if sum(recording.recorder.counts().values()) >= count:
            return
        done.wait(0.005)
    raise AssertionError("nothing was written")


def test_the_queue_is_bounded_in_bytes_and_says_how_many_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, free = threading.Event(), threading.Event()
    real = RotatingFile.write

    def write(self: RotatingFile, line: bytes) -> bool:
        held.set()
        free.wait(10)
        return real(self, line)

    monkeypatch.setattr(RotatingFile, "write", write)
    recording = Recording(tmp_path / "a", queue_bytes=2 * trace_bytes(FAN_OUT))
    recording.write(FAN_OUT)
    assert held.wait(10)
    recording.write(*[FAN_OUT] * 5)
    assert recording.recorder.held_bytes == 2 * trace_bytes(FAN_OUT)
    free.set()
    assert recording.ended() == {"written": 2, "failed": 0, "dropped": 4}
    assert recording.recorder.held_bytes == 0
