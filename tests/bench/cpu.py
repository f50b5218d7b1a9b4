"""CPU time of processes with all their children, and idle time of the machine, from /proc (Linux)."""

from __future__ import annotations

import os
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")


def _fields(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()


def seconds(pid: int) -> float:
    """User and system time of a process, its children, and those of them that have ended.

    Raises FileNotFoundError where the process is gone.
    """
    return sum(map(int, _fields(pid)[11:15])) * TICK + sum(map(_of_child, _children(pid)))


def _of_child(pid: int) -> float:
    try:
        return seconds(pid)
    except (FileNotFoundError, ProcessLookupError):  # it has ended: its parent's figures have its time
        return 0.0


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += map(int, (task / "children").read_text(encoding="utf-8").split())
        except (FileNotFoundError, ProcessLookupError):  # a thread that has ended meanwhile
            continue
    return found


def idle() -> tuple[float, float]:
    """Idle seconds of all cores, and seconds of all cores together, since the machine started."""
    line = Path("/proc/stat").read_text(encoding="utf-8").partition("\n")[0]
    ticks = [int(field) for field in line.split()[1:9]]
    return (ticks[3] + ticks[4]) * TICK, sum(ticks) * TICK
