"""A log whose lines a test reads."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
import structlog

from proxy.observe import log
from proxy.observe.log_format import configure
from proxy.settings.observability import LogSettings

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure(stream)
    yield stream
    structlog.reset_defaults()


@pytest.fixture
def captured(stream: io.StringIO) -> Iterator[io.StringIO]:
    """The log with the redacted output of libraries and Python."""
    restore = log.LogOutput(LogSettings, lambda: 0.0).capture()
    yield stream
    restore()
