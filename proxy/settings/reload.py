"""Reloads the settings: some change at once, the others at the next restart."""

from collections.abc import Callable

import msgspec

from proxy.settings.declared import declared, effective
from proxy.settings.loading import EffectiveSettings, changed


class ReloadResult(msgspec.Struct, frozen=True):
    """The settings in force after a reload, and the names of the settings that differ from before."""

    loaded: EffectiveSettings
    changed: tuple[str, ...]
    """Settings with a new value in force."""
    kept: tuple[str, ...]
    """Settings with a new value that keep the old one until a restart."""


def reload(old: EffectiveSettings, read: Callable[[], EffectiveSettings]) -> ReloadResult:
    """``read`` the settings again. ConfigError if they are invalid: ``old`` then stays in force."""
    new = read()
    known, values = declared(), dict(effective(old.settings))
    different = [name for name, value in effective(new.settings) if value != values[name]]
    kept = tuple(name for name in different if known[name].restart)
    settings = changed(new.settings, {name: values[name] for name in kept})
    sources = {name: (old if name in kept else new).sources[name] for name in known}
    loaded = EffectiveSettings(settings=settings, sources=sources, warnings=new.warnings)
    return ReloadResult(loaded, tuple(name for name in different if name not in kept), kept)
