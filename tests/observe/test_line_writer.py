"""A reader that reads nothing stops nobody: lines wait up to a limit, then they are dropped, counted, and reported."""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING

import pytest

from proxy.observe.line_writer import LineWriter, descriptor_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 60.0  # seconds
LINE = "x" * 99 + "\n"


def report(count: int) -> str:
    return f"{count} dropped\n"


class Pipe:
    """A pipe whose reader reads only when it is told to."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        self._writers: list[LineWriter] = []

    def writer(self, max_bytes: int) -> LineWriter:
        self._writers.append(LineWriter(self.write_end, max_bytes, report))
        return self._writers[-1]

    def close(self) -> None:
        """Close both ends; before the second one, whose number others get then, no thread writes to it any more."""
        self.close_read_end()
        for writer in self._writers:
            writer.close(PATIENCE)
        os.close(self.write_end)

    def close_read_end(self) -> None:
        if self.read_end >= 0:
            os.close(self.read_end)
        self.read_end = -1

    def read(self) -> bytes:
        """What is in the pipe; an error if nothing comes."""
        assert select.select([self.read_end], [], [], PATIENCE)[0], "nothing was written"
        return os.read(self.read_end, 65_536)

    def read_lines(self, count: int) -> int:
        """Read until ``count`` lines were read or told as dropped; returns the number of dropped ones."""
        got, told = "", 0
        while got.count(LINE) + told < count:
            assert select.select([self.read_end], [], [], PATIENCE)[0], f"{got.count(LINE)} lines and {told} dropped"
            got += os.read(self.read_end, 65_536).decode()
            told = sum(int(line.split()[0]) for line in got.splitlines(keepends=True) if line.endswith(" dropped\n"))
        return told


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"not within {PATIENCE:g} s"
        time.sleep(0.001)


def test_lines_are_written_in_order_and_close_waits_for_them(pipe: Pipe) -> None:
    writer = pipe.writer(10_000)
    for number in range(5):
        writer.write(f"{number}\n")
    writer.close(PATIENCE)
    assert pipe.read() == b"0\n1\n2\n3\n4\n"
    assert (writer.dropped, writer.waiting) == (0, 0)


@pytest.mark.parametrize("blocking", [True, False])
def test_a_full_pipe_stops_no_caller_and_the_dropped_lines_are_told_when_it_is_read(pipe: Pipe, blocking: bool) -> None:
    os.set_blocking(pipe.write_end, blocking)
    writer = pipe.writer(10_000)
    for _ in range(5_000):  # 500 kB: more than the pipe holds
        writer.write(LINE)
    assert writer.dropped > 4_000
    assert pipe.read_lines(5_000) == writer.dropped
    until(lambda: writer.waiting == 0)  # only then is there room for certain
    writer.write("after\n")
    writer.close(PATIENCE)
    assert pipe.read() == b"after\n"


def test_what_waits_never_exceeds_the_limit(pipe: Pipe) -> None:
    writer = pipe.writer(10_000)
    seen = 0
    for _ in range(3_000):
        writer.write(LINE)
        seen = max(seen, writer.waiting)
    assert 0 < seen <= 10_000


def test_close_gives_up_after_its_time_and_later_lines_are_counted(pipe: Pipe) -> None:
    writer = pipe.writer(1_000_000)
    for _ in range(5_000):
        writer.write(LINE)
    writer.close(0.01)
    writer.write("late\n")
    assert writer.waiting > 0
    assert writer.dropped == 1


def test_close_tells_what_was_dropped_just_before_it(pipe: Pipe) -> None:
    writer = pipe.writer(100)
    writer.write(LINE)
    until(lambda: writer.waiting == 0)
    with writer._changed:  # the thread cannot begin before both happened
        writer.write(LINE * 2)
        writer.close(0)
    writer.close(PATIENCE)
    assert pipe.read().decode() == LINE + report(2)


def test_a_pipe_without_a_reader_loses_lines_and_raises_nothing(pipe: Pipe) -> None:
    writer = pipe.writer(10_000)
    pipe.close_read_end()
    writer.write("one\ntwo\n")
    until(lambda: writer.dropped == 2)
    writer.write("three\n")
    until(lambda: writer.dropped >= 3)
    writer.close(PATIENCE)
    assert writer.waiting == 0


def test_a_full_disk_is_told_once_it_has_room() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    read_end, write_end = os.pipe()
    writer = LineWriter(full, 10_000, report)
    writer.write("lost\n")
    until(lambda: writer.dropped == 1)
    os.dup2(write_end, full)  # the disk has room again
    writer.write("kept\n")
    writer.close(PATIENCE)
    assert os.read(read_end, 100) == b"kept\n1 dropped\n"
    for descriptor in (full, read_end, write_end):
        os.close(descriptor)


def test_text_that_is_not_unicode_is_escaped(pipe: Pipe) -> None:
    writer = pipe.writer(10_000)
    writer.write("a\udc80b\n")
    writer.close(PATIENCE)
    assert pipe.read() == b"a\\udc80b\n"


def test_a_stream_that_python_was_started_without_is_dev_null() -> None:
    descriptor = descriptor_of(None)
    assert os.write(descriptor, b"x") == 1
    os.close(descriptor)
