"""Instructions per request, counted by cachegrind: they do not depend on what else the machine does.

``python -m tests.bench.instructions`` prints them beside the committed figures, and ``--write`` commits new ones in
instructions.toml. The unit is one round of ``reference``, pure Python that is counted in the same run, so that another
build of the same Python changes the figures little. The collector is off, and the loop has a virtual clock, which moves
by ``SERVICE`` with each request: background work and the timers of batches take part, as often as at that rate, however
slow valgrind is. A second run counts the same, but for a few instructions in ten thousand.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import platform
import random
import re
import selectors
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.fakes import PATHS, Bench, start
from tests.programs import find

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FIGURES = Path(__file__).with_name("instructions.toml")
VERSION = "{}.{}".format(*sys.version_info)
PATIENCE = 540.0
"""Seconds in which valgrind ends, however busy the machine is: less than a test may take."""
TOLERANCE = 0.03
LENGTHS = {"merged": (480, 2480), "lone": (480, 2480), "passed": (480, 2480), "reference": (100, 400)}
"""Requests, or rounds, of two runs: the difference is what that many more of them take. 2,000 requests are a trace's
most spans, so that one trace is closed, and the rules run on it, in each difference."""
SERVICE = 100e-6
"""Seconds of the virtual clock from one request to the next one that any client sends."""
UPSTREAM = 1e-3
"""Seconds of the virtual clock that a call of upstream takes."""
CALLS = "merged_calls"
"""The figure beside the paths': upstream calls per request of the merged path. It explains a change of that path's."""
WARM_UP = 480
SUMMARY = re.compile(r"^summary: (\d+)", re.MULTILINE)


class VirtualSelector(selectors.SelectSelector):
    """Waits for nothing: when no file is ready, the clock is set to the next timer."""

    clock = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(None)
        events = super().select(0) if timeout > 0 else []
        if not events:
            self.clock += max(timeout, 0)
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in which no time passes while something runs."""

    def __init__(self) -> None:
        self._virtual = VirtualSelector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.clock

    def advance(self) -> None:
        """Let ``SERVICE`` seconds pass."""
        self._virtual.clock += SERVICE


class _Item:
    def __init__(self, number: int) -> None:
        self.number = number

    def text(self) -> str:
        return f"key {self.number}"


def reference(rounds: int) -> int:
    """What Python programs do most: calls, attributes, dicts, lists, text and bytes."""
    total = 0
    for number in range(rounds):
        found: dict[str, int] = {}
        for item in [_Item(number + more) for more in range(20)]:
            found[item.text()] = item.number
        line = ",".join(found).encode()
        total += line.find(b"key 7") + sum(value for value in found.values() if value % 3)
        total += len([part for part in line.split(b",") if part.endswith(b"1")])
    return total


async def _warm(loop: VirtualLoop) -> Bench:
    bench = await start(loop.time, UPSTREAM)
    for path in PATHS:
        await bench.serve(path, WARM_UP, loop.advance)
    return bench


def _fork_each() -> None:
    """In a child per path and length, run it: what was counted before the fork is the same in all.

    The loop stands still at the fork: a running one belongs to its process.
    """
    random.seed(0)
    loop = VirtualLoop()
    bench = loop.run_until_complete(_warm(loop))
    reference(WARM_UP)
    gc.collect()
    gc.disable()
    for path, lengths in LENGTHS.items():
        for length in lengths:
            child, calls = os.fork(), bench.upstream.calls
            if child == 0:
                try:
                    if path in PATHS:
                        loop.run_until_complete(bench.serve(path, length, loop.advance))
                    else:
                        reference(length)
                except BaseException as error:
                    print(repr(error), file=sys.stderr, flush=True)
                    os._exit(1)
                print(path, os.getpid(), bench.upstream.calls - calls, flush=True)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            if status != 0:
                print(f"{length} requests of {path} ended with status {status}", file=sys.stderr, flush=True)
                os._exit(1)
    os._exit(0)  # the fakes never close, so the clients' tasks would not end


def count() -> dict[str, float]:
    """Instructions per request by path, in rounds of ``reference``, and ``CALLS``.

    Raises RuntimeError where cachegrind fails, subprocess.TimeoutExpired where it takes longer than ``PATIENCE``.
    """
    valgrind = find("valgrind")
    if valgrind is None:
        raise RuntimeError("valgrind is neither unpacked nor on PATH (Debian: apt-get install valgrind)")
    with tempfile.TemporaryDirectory() as folder:
        command = [valgrind, "-q", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={folder}/%p"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("FANIN_", "PYTHON"))}
        environment |= {"PYTHONHASHSEED": "0", "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(
            [*command, sys.executable, "-m", "tests.bench.instructions", "--inside"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        if done.returncode != 0:
            raise RuntimeError(f"cachegrind ended with {done.returncode}:\n{done.stderr}")
        counted: dict[str, list[int]] = {}
        called: dict[str, list[int]] = {}
        for line in done.stdout.splitlines():
            path, child, calls = line.split()
            found = SUMMARY.search(Path(folder, child).read_text(encoding="utf-8", errors="replace"))
            if found is None:
                raise RuntimeError(f"cachegrind wrote no summary for {line}")
            counted.setdefault(path, []).append(int(found[1]))
            called.setdefault(path, []).append(int(calls))
    each = {path: _per_request(path, counts) for path, counts in counted.items()}
    unit = each.pop("reference")
    return {path: value / unit for path, value in each.items()} | {CALLS: _per_request("merged", called["merged"])}


def _per_request(path: str, counts: list[int]) -> float:
    few, more = LENGTHS[path]
    return (counts[1] - counts[0]) / (more - few)


def committed(text: str, version: str) -> dict[str, float]:
    """The figures of a minor version of Python; empty where there are none."""
    figures: dict[str, Any] = tomllib.loads(text)
    return dict(figures.get(version, {}))


def changed(now: Mapping[str, float], then: Mapping[str, float]) -> list[str]:
    """What differs by more than ``TOLERANCE``, in either direction: figures that are too high hide a later growth."""
    return [
        f"{path}: {now[path]:.3f}, committed {then[path]:.3f} ({now[path] / then[path] - 1:+.1%})"
        for path in then
        if abs(now[path] / then[path] - 1) > TOLERANCE
    ]


def written(text: str, version: str, figures: Mapping[str, float]) -> str:
    """``text`` of instructions.toml with the figures of one version replaced."""
    head = text[: text.index("\n\n") + 1] if "\n\n" in text else text
    known: dict[str, dict[str, float]] = {**tomllib.loads(text), version: dict(figures)}
    return head + "".join(_table(name, known[name].items()) for name in sorted(known))


def _table(version: str, figures: Iterable[tuple[str, float]]) -> str:
    return f'\n["{version}"]\n' + "".join(f"{path} = {value:.4f}\n" for path, value in figures)


def main() -> None:
    """Print the figures, or write them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.instructions")
    parser.add_argument("--write", action="store_true", help="commit the figures of this version of Python")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        _fork_each()
    figures, text = count(), FIGURES.read_text(encoding="utf-8")
    then = committed(text, VERSION)
    print(f"rounds of the reference per request, Python {platform.python_version()}")
    for path, value in figures.items():
        print(
            f"{path:12} {value:8.3f}",
            f"committed {then[path]:.3f} ({value / then[path] - 1:+.1%})" if path in then else "",
        )
    if options.write:
        FIGURES.write_text(written(text, VERSION, figures), encoding="utf-8")


if __name__ == "__main__":
    main()
