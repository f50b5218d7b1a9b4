"""The defaults that the documentation promises."""

from __future__ import annotations

from proxy.settings.model import Settings


def test_the_promised_defaults() -> None:
    settings = Settings()
    timeouts = settings.timeouts
    assert (timeouts.head, timeouts.body_idle, timeouts.keep_alive, timeouts.write_stall) == (10, 30, 75, 60)
    assert (settings.limits.head_bytes, settings.pool.calls) == (65_536, 64)
    assert settings.pool.idle < 30, "PostgREST closes its idle connections after 30 s"
