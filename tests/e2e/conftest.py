"""End to end, everything runs on the loop that `fanin serve` runs on; and fixtures of more than one folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.upstream.facts import write_notifications
from tests.e2e.support.event_loops import new_event_loop
from tests.e2e.support.racing_loops import new_versions, registers
from tests.e2e.support.unusual_types import unusual_tables

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator, Mapping

    from tests.conftest import Stack


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    loop = new_event_loop()
    loop.close()
    return {type(loop).__module__.partition(".")[0]: new_event_loop}


@pytest.fixture(autouse=True)
def _patient_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine does not lose Postgres' notifications."""
    monkeypatch.setattr(write_notifications, "CHECK_TIMEOUT", 60.0)


@pytest.fixture(scope="module")
def unusual(stack: Stack) -> Iterator[Stack]:
    """The schema ``unusual``, made afresh for each module, behind a PostgREST of its own."""
    with unusual_tables(stack) as made:
        yield made


@pytest.fixture(scope="module")
def registered(stack: Stack) -> Iterator[tuple[Stack, dict[int, int]]]:
    """The registers of races, made afresh for each module, and the last version of each."""
    with registers(stack) as made:
        yield made, new_versions()
