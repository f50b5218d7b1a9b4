"""``fanin capture``: runs a command behind a sidecar, prints the findings, and writes the recording.

Tests: tests/e2e/operations/test_capture.py.
"""

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from proxy.analysis.rule import AnyRule
from proxy.capture.guard import CommandEnd, Guard
from proxy.capture.report import Traffic, nothing_seen, report
from proxy.capture.session import Captured, capture
from proxy.capture.variables import CommandVariables, RequestedVariable, SidecarPlace, find_upstream, variables
from proxy.check.text import text
from proxy.commands.check import CheckAnalysis
from proxy.commands.event_loop import run
from proxy.commands.gates import read_gate
from proxy.recording.source import read_files
from proxy.settings.loading import EffectiveSettings
from proxy.settings.sources import ConfigError
from proxy.text.terminal import safe

FAILED, INTERRUPTED = 1, 130
HEAD = b'{"fanin-recording"'
"""How a recording begins."""
ALWAYS = {
    "listen": "127.0.0.1:0",
    "admin": "off",
    "metrics": "off",
    "debug": False,
    "record.max_bytes": 10**15,  # one file, whatever its size
}
"""Settings of the sidecar of a capture."""
UNLESS_SET: Mapping[str, Any] = {"mount_alias": "/rest/v1", "detect.row_keys": "on"}
"""Settings that the user may set to something else."""
Load = Callable[[Mapping[str, Any]], EffectiveSettings]


def run_behind_fanin(options: Namespace, load: Load, rules: Sequence[AnyRule]) -> int:
    """Run the command; returns its exit code, or 1 if it succeeded and the gate of ``--check`` failed. ConfigError."""
    if not options.words:
        raise ConfigError("capture: no command: write it behind --, as in 'fanin capture -- npm test'")
    requested = [_requested(text) for text in options.env]
    loaded, origin = _settings(options, load, requested)
    _make_room(options.out)
    choose = partial(variables, os.environ, requested, is_chosen=not origin)
    names: list[str] = []

    def say(place: SidecarPlace, chosen: CommandVariables, warnings: Sequence[str]) -> None:
        names.extend(chosen.changed)
        _print([*_start(place, chosen, origin), *_warnings(warnings)])

    guard = Guard.fork(options.words)
    try:
        captured = run(capture(guard, loaded.settings, rules, choose, say))
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        guard.close()
    _print(_end(captured.end))
    if captured.end.fault:
        return captured.end.code
    gate = _findings(options, loaded, rules, captured, names)
    return captured.end.code or (FAILED if gate else 0)


def _requested(text: str) -> RequestedVariable:
    name, equals, path = text.partition("=")
    is_name = name.isprintable() and not any(map(str.isspace, name)) and bool(name)
    if not is_name or (equals and path and not path.startswith("/")):
        raise ConfigError(f"--env: '{text}' is neither NAME nor NAME=/path")
    return RequestedVariable(name, path if equals else None)


def _settings(options: Namespace, load: Load, requested: Sequence[RequestedVariable]) -> tuple[EffectiveSettings, str]:
    """The settings of the sidecar, and the variable that named the upstream; empty if the user has chosen it."""
    flags: dict[str, Any] = {**ALWAYS, "record.file": options.out}
    given, origin = load(flags), ""
    flags |= {name: value for name, value in UNLESS_SET.items() if given.sources[name] == "default"}
    if given.sources["mode"] == "default":
        # To look changes nothing for the command. A budget of upstream calls is about what merging leaves of them.
        counts_calls = any(budget.max_upstream_calls is not None for budget in given.settings.budget)
        flags["mode"] = "rewrite" if counts_calls else "observe"
    if given.sources["upstream"] == "default":
        found = find_upstream(os.environ, requested)
        if found is None:
            raise ConfigError(
                "capture: no upstream: give --upstream URL, or set SUPABASE_URL, POSTGREST_URL or the variable of "
                "--env in the environment (files such as .env are not read)"
            )
        origin, flags["upstream"] = found
    return load(flags), origin


def _make_room(file: Path) -> None:
    """Remove the recording of an earlier capture. ConfigError if the file is something else."""
    try:
        if not file.is_file():
            return
        with file.open("rb") as lines:
            first = lines.read(len(HEAD))
        if first not in (HEAD, b""):
            raise ConfigError(f"--out: {file} is not a recording, and is not overwritten: name another file")
        file.unlink()
    except OSError as error:
        raise ConfigError(f"--out: {file} cannot be replaced: {error.strerror}") from error


def _findings(
    options: Namespace, loaded: EffectiveSettings, rules: Sequence[AnyRule], captured: Captured, names: Sequence[str]
) -> bool:
    """Print the findings, or the verdict of ``--check``; True if the gate failed."""
    checked = CheckAnalysis(read_files([options.out]), rules, loaded, read_gate(options))
    traffic = Traffic(captured.requests, captured.outside, checked.verdict.works)
    gates = options.check is not None
    if gates:
        _print(text(checked.verdict).splitlines())
        if not captured.requests:
            _print(["FAILED: nothing was seen, which proves nothing", *nothing_seen(names)])
    else:
        _print(report(checked.seen, traffic, str(options.out), names))
    _print(_warnings(captured.warnings))
    return gates and (checked.verdict.failed or not captured.requests)


def _start(place: SidecarPlace, chosen: CommandVariables, origin: str) -> Iterator[str]:
    source = f" ({origin})" if origin else ""
    yield f"fanin: {place.address} → {safe(place.upstream)}{source}, as SUPABASE_URL, POSTGREST_URL and others"
    if chosen.kept:
        yield f"fanin: {', '.join(map(safe, chosen.kept))} unchanged: another server than the upstream"


def _end(end: CommandEnd) -> Iterator[str]:
    if end.fault:
        yield f"fanin: {safe(end.fault)}"
    if end.left:
        yield f"fanin: processes that the command left running, and that were ended: {end.left}"


def _warnings(warnings: Sequence[str]) -> Iterator[str]:
    return (f"fanin: warning: {safe(warning)}" for warning in warnings)


def _print(lines: Iterator[str] | Sequence[str]) -> None:
    """Print to stderr: stdout is the command's. A closed stderr does not change the exit code."""
    try:
        for line in lines:
            print(line, file=sys.stderr)
        sys.stderr.flush()
    except OSError:
        pass
