"""What makes ``fanin check``, ``audit`` and ``capture`` fail beside budgets: impacts, warnings, ignores, coverage."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import msgspec

from proxy.check.coverage import RequiredCoverage
from proxy.findings.ignores import Ignores
from proxy.findings.unmatched import UnmatchedIgnore
from proxy.recording.source import DataAccessError
from proxy.settings.model import Settings
from proxy.settings.sources import ConfigError
from proxy.sidecar.rule_runner import today

COMMENT = "#"


class Gate(msgspec.Struct, frozen=True):
    """The options that decide what fails."""

    fail_on: str
    """The lowest impact that fails: an item of ``IMPACTS`` in lower case, or ``never``."""
    strict: bool = False
    """Whether warnings fail."""
    strict_ignores: bool = False
    """Whether ignores fail that look fixed or have expired."""
    required: RequiredCoverage = RequiredCoverage()


def read_gate(options: Namespace) -> Gate:
    """The gate of a command's options. DataAccessError if the file of routes cannot be read, ConfigError if empty."""
    routes = read_routes(options.require_routes) if options.require_routes else ()
    required = RequiredCoverage(routes, options.min_traces or 0)
    return Gate(options.fail_on, getattr(options, "strict", False), options.strict_ignores, required)


def read_routes(file: Path) -> tuple[str, ...]:
    """The routes in ``file``: one per line, as X-Fanin-Route has them; without empty lines and those with ``#``."""
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise DataAccessError(f"{file}: cannot be read: {why}") from error
    routes = tuple(dict.fromkeys(line for line in lines if line and not line.startswith(COMMENT)))
    if not routes:
        raise ConfigError(f"--require-routes: {file} names no route; write one per line, e.g. GET /export")
    return routes


def failing_ignores(settings: Settings, unmatched: Sequence[UnmatchedIgnore]) -> list[str]:
    """About each ignore that fails with ``--strict-ignores``."""
    expired = Ignores(settings.ignore, settings.catalog.schemas[0]).expired(today())
    return [*(ignore.text for ignore in unmatched if ignore.looks_fixed), *expired]
