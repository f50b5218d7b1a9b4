"""With everything off that is off by default, reads run through no function of it, and no answer is held."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from proxy.upstream.client import Upstream
from tests.bench.fakes import start
from tests.bench.instructions import UPSTREAM, VirtualLoop

if TYPE_CHECKING:
    from types import FrameType

OPT_IN = (
    *(
        "merging/kept/",
        "merging/write_merger.py",
        "path/kept/",
        "path/answers/write_answers.py",
        "path/batches/writes.py",
    ),
    *("path/overload/", "sidecar/cached_reads.py", "sidecar/merged_writes.py", "upstream/facts/write_notifications.py"),
)
"""Folders and files of FAN002, FAN004 and FAN006 at level rewrite, and of overload.control."""
REQUESTS = 200


@pytest.mark.parametrize("path", ["passed", "lone", "merged"])
def test_reads_run_through_no_function_of_what_is_off(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Upstream, "connect", Upstream.connect)  # which ``start`` replaces
    loop, called = VirtualLoop(), set[str]()

    def record(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.add(frame.f_code.co_filename.replace("\\", "/").rpartition("/proxy/")[2])

    async def serve() -> None:
        bench = await start(loop.time, UPSTREAM)
        await bench.serve(path, REQUESTS, loop.advance)
        before = sys.getprofile()
        sys.setprofile(record)
        try:
            await bench.serve(path, REQUESTS, loop.advance)
        finally:
            sys.setprofile(before)
        sidecar = bench.sidecar
        assert (sidecar.memories.held_bytes, sidecar.cached.answers.held_bytes) == (0, 0)
        await sidecar.stop()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(serve())
    assert "sidecar/pipeline.py" in called
    assert [name for name in called if name.startswith(OPT_IN)] == []
