"""End to end, everything runs on the loop that `fanin serve` runs on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest


def new_event_loop() -> asyncio.AbstractEventLoop:
    """One of the kind that `fanin serve` runs on."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    loop = new_event_loop()
    loop.close()
    return {type(loop).__module__.partition(".")[0]: new_event_loop}
