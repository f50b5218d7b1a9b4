"""The event loop of the commands that serve.

Tests: tests/e2e/operations/test_serve.py.
"""

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``, run on uvloop if it is installed (not on Windows), else on asyncio's event loop."""
    gc.freeze()  # modules and tables live as long as the process: to scan them again would only delay requests
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)
