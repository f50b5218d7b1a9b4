"""The event loop of the end-to-end tests: the one that `fanin serve` runs on."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed, as `fanin serve` takes it."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()

    class Loop(uvloop.Loop):
        """One that can be closed where warnings are errors: uvloop's then waits for ever for a connection left open."""

        def close(self) -> None:
            _close(super().close)

    Loop.__module__ = uvloop.__name__
    return Loop()


def _close(close: Callable[[], None]) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        close()
    for warning in caught:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
