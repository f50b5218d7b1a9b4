"""What the tests of the demo's servers ask of them and of the system."""

from __future__ import annotations

import json
import os
import platform
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Stack


NEEDS_LINUX = pytest.mark.skipif(platform.system() != "Linux", reason="needs Linux")


def get(stack: Stack, path: str) -> Any:
    request = urllib.request.Request(stack.url + path, headers={"Authorization": f"Bearer {stack.token}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def eventually(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.005)


def inhabitants(directory: Path) -> list[int]:
    """Return the pids of the processes that work in `directory` (Linux only, else none)."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if os.readlink(link).startswith(str(directory)):
                found.append(int(link.parent.name))
        except OSError:  # not ours to see, or gone
            continue
    return found
