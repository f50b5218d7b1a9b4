"""What a reload comes to: which settings change at once, and which stay until a restart."""

from collections.abc import Callable

import msgspec

from proxy.settings.declared import declared, effective
from proxy.settings.loading import EffectiveSettings, changed


class ReloadResult(msgspec.Struct, frozen=True):
    """``loaded`` is what holds from now on; the rest are names of settings."""

    loaded: EffectiveSettings
    changed: tuple[str, ...]
    """Those that have another value now."""
    kept: tuple[str, ...]
    """Those that were given another value, but keep theirs until fanin is started again."""


def reload(old: EffectiveSettings, read: Callable[[], EffectiveSettings]) -> ReloadResult:
    """``read`` the settings again. ConfigError when they do not fit: then ``old`` still holds."""
    new = read()
    known, values = declared(), dict(effective(old.settings))
    different = [name for name, value in effective(new.settings) if value != values[name]]
    kept = tuple(name for name in different if known[name].restart)
    settings = changed(new.settings, {name: values[name] for name in kept})
    sources = {name: (old if name in kept else new).sources[name] for name in known}
    loaded = EffectiveSettings(settings=settings, sources=sources, warnings=new.warnings)
    return ReloadResult(loaded, tuple(name for name in different if name not in kept), kept)
