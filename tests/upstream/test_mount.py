"""Mount: upstream's base replaces the mount in a target."""

from __future__ import annotations

import pytest

from proxy.upstream.mount import Mount


@pytest.mark.parametrize(
    ("mount", "base", "target", "on_mount", "upstream"),
    [
        (b"", b"", b"/t?x", True, b"/t?x"),
        (b"", b"", b"//t", True, b"//t"),
        (b"", b"", b"*", False, b"*"),
        (b"", b"/base", b"/t", True, b"/base/t"),
        (b"", b"/base", b"/", True, b"/base/"),
        (b"", b"/base", b"*", False, b"*"),
        (b"/rest/v1", b"", b"/rest/v1/t?x", True, b"/t?x"),
        (b"/rest/v1", b"", b"/rest/v1/", True, b"/"),
        (b"/rest/v1", b"", b"/rest/v1", True, b"/"),
        (b"/rest/v1", b"", b"/rest/v1?x", True, b"/?x"),
        (b"/rest/v1", b"", b"/rest/v1x", False, b"/rest/v1x"),
        (b"/rest/v1", b"", b"/auth/v1", False, b"/auth/v1"),
        (b"/rest/v1", b"", b"/REST/v1/t", False, b"/REST/v1/t"),
        (b"/rest/v1", b"/rest/v1", b"/rest/v1", True, b"/rest/v1"),
        (b"/api", b"/rest/v1", b"/api?x", True, b"/rest/v1?x"),
    ],
)
def test_only_the_mount_is_replaced(mount: bytes, base: bytes, target: bytes, on_mount: bool, upstream: bytes) -> None:
    mapping = Mount(mount, base)
    assert mapping.on_mount(target) is on_mount
    assert mapping.upstream_target(target) == upstream


@pytest.mark.parametrize(
    ("mount", "target", "under_the_mount"),
    [
        (b"", b"/rest/v1/t?x", b"/t?x"),
        (b"", b"/rest/v1", b"/"),
        (b"", b"/rest/v1?x", b"/?x"),
        (b"", b"/rest/v1x", b"/rest/v1x"),
        (b"", b"/t", b"/t"),
        (b"/api", b"/rest/v1/t", b"/api/t"),
        (b"/api", b"/api/t", b"/api/t"),
        (b"/rest/v1", b"/rest/v1/t", b"/rest/v1/t"),
    ],
)
def test_a_target_under_the_alias_is_one_under_the_mount(mount: bytes, target: bytes, under_the_mount: bytes) -> None:
    assert Mount(mount, b"", b"/rest/v1").without_alias(target) == under_the_mount
