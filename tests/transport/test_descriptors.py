"""File descriptors: what settings need, what the process may have, and whether any is left."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

import pytest

from proxy.settings.loading import load
from proxy.transport import descriptors
from proxy.transport.descriptors import is_exhausted, needed, raise_limit, share_for_admin

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def limits() -> Iterator[tuple[int, int]]:
    """The process's own limits, which are restored."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_settings_need_a_descriptor_per_connection() -> None:
    small = {"limits.connections": 10, "limits.admin_connections": 3, "shadow.concurrency": 2}
    pools = {"pool.calls": 5, "pool.others": 4, "pool.tunnels": 1, "pool.for_writes": 0}
    assert needed(load(small | pools).settings) == 10 + 3 + 2 + 10 + descriptors.OWN
    assert needed(load({}).settings) > 4096


def test_the_soft_limit_is_raised_as_far_as_needed_and_never_lowered(limits: tuple[int, int]) -> None:
    soft, hard = limits
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 10, hard))
    assert raise_limit(soft - 5) == soft - 5
    assert raise_limit(3) == soft - 5
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft - 5, hard)


def test_no_more_than_the_hard_limit_is_asked_for(limits: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, 200))
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: asked.append(both))
    asked: list[tuple[int, int]] = []
    assert raise_limit(1000) == 200
    assert asked == [(200, 200)]


def test_a_limit_that_may_not_be_changed_stays(limits: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int, __: tuple[int, int]) -> None:
        raise ValueError

    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, 200))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert raise_limit(150) == 100


@pytest.mark.parametrize(("soft", "share"), [(64, 4), (16, 2), (1024, 64), (100_000, 64), (resource.RLIM_INFINITY, 64)])
def test_the_admin_port_gets_a_small_share(soft: int, share: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert share_for_admin(64) == share


def test_it_is_noticed_that_none_is_left(limits: tuple[int, int]) -> None:
    assert not is_exhausted()
    opened: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 20, limits[1]))
    try:
        while not is_exhausted():
            opened.append(os.dup(0))
            assert len(opened) < 1000
    finally:
        for descriptor in opened:
            os.close(descriptor)
    assert not is_exhausted()
