"""Checks of this machine and of what the settings leave out."""

import resource
from collections.abc import Iterator

from proxy.doctor.diagnosis import Diagnosis, SettingChange, SetupCheck
from proxy.settings.model import Settings
from proxy.transport.descriptors import needed


def descriptors(settings: Settings) -> Diagnosis:
    """Whether the process may have the connections that the settings allow."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = needed(settings)
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        return Diagnosis((SetupCheck("ulimit", "ok", f"{wanted:,} file descriptors are needed, and allowed"),))
    text = f"the settings need {wanted:,} file descriptors, and the hard limit (ulimit -Hn) is {hard:,}"
    remedy = "raise it (LimitNOFILE= in systemd, ulimits: in compose), or lower limits.connections"
    fewer = settings.limits.connections - (wanted - hard)
    change = SettingChange(f"limits.connections = {fewer}", "what the file descriptors of this machine allow", 60)
    return Diagnosis((SetupCheck("ulimit", "warning", text, remedy),), (change,) if fewer > 0 else ())


def left_out(settings: Settings) -> Iterator[SettingChange]:
    """Settings that most set-ups gain from."""
    if settings.db_uri is None:
        why = "fanin then knows unique keys, types, indexes and what must not merge, and asks for fewer counts"
        yield SettingChange('db_uri = "postgres://…"', why, 40)
    if settings.mode in ("pass", "observe", "shadow"):
        yield SettingChange('mode = "rewrite"', f"nothing is merged with mode = {settings.mode}", 35)
    if settings.detect.row_keys == "auto":
        why = "loops are then recognised by values that come from an earlier answer; no value is kept"
        yield SettingChange('detect.row_keys = "on"', why, 10)
    if settings.record.file is None:
        why = "fanin check and fanin audit then read the traces; no value is written"
        yield SettingChange('record.file = "fanin.jsonl"', why, 5)
