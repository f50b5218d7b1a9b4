"""The timeouts of upstream calls by path: reads and writes of relations, functions, other paths, upgrades.

Tests: tests/e2e/limits/test_timeouts_by_path.py.
"""

from typing import Literal

import msgspec

from proxy.settings.resources import TimeoutSettings

CallPath = Literal["relation", "rpc", "outside", "upgrade"]


class CallTimeouts(msgspec.Struct, frozen=True):
    """Seconds from the last byte of a request to the head of its answer, and without a byte of the body; and the
    settings that these are.
    """

    head: float
    idle: float
    head_setting: str
    idle_setting: str


def timeouts_of(path: CallPath, settings: TimeoutSettings) -> CallTimeouts:
    """The timeouts of a call to ``path``."""
    if path == "rpc":
        return CallTimeouts(settings.rpc_head, settings.upstream_idle, "timeouts.rpc_head", "timeouts.upstream_idle")
    if path == "outside":
        return CallTimeouts(
            settings.outside_head, settings.outside_idle, "timeouts.outside_head", "timeouts.outside_idle"
        )
    if path == "upgrade":
        return CallTimeouts(
            settings.upgrade_head, settings.outside_idle, "timeouts.upgrade_head", "timeouts.outside_idle"
        )
    return CallTimeouts(
        settings.upstream_head, settings.upstream_idle, "timeouts.upstream_head", "timeouts.upstream_idle"
    )
