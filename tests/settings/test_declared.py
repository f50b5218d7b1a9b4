"""What is declared of every setting: its help text, and whether it takes a restart or can be overridden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.settings.declared import declared, describe, effective
from proxy.settings.model import Settings

if TYPE_CHECKING:
    from proxy.settings.sources import Declared


def restarting(marked: dict[str, Declared]) -> set[str]:
    return {name for name, setting in marked.items() if setting.restart}


def test_what_takes_a_restart_and_what_can_be_overridden_is_declared_and_never_both() -> None:
    marked = declared()
    assert {"upstream", "listen", "admin", "metrics", "pool.calls", "db_uri"} <= restarting(marked)
    assert not {"mode", "merge.max_keys", "timeouts.head", "rules.fan001", "override", "ignore"} & restarting(marked)
    own = {name for name, setting in marked.items() if setting.override}
    assert {"merge.ties", "rules.fan001", "rules.fan003"} <= own
    assert not own & restarting(marked)
    assert {name for name, setting in marked.items() if setting.secret} == {"db_uri", "admin_token", "openapi_token"}


def test_every_setting_has_its_help_text_and_a_value() -> None:
    described = dict(describe())
    assert all(text.strip() for text in described.values())
    assert [name for name, _ in effective(Settings())] == list(described)
