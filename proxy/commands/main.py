"""The command line: parses flags, runs the command, and maps errors to messages and exit codes."""

import argparse
import errno
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from proxy import __version__
from proxy.commands import options as command_options
from proxy.commands.admin_api import AdminPortError
from proxy.commands.cache import HELP as CACHE
from proxy.commands.cache import add_cache, purge, triggers
from proxy.commands.mcp.command import HELP as MCP
from proxy.commands.mcp.command import add_mcp
from proxy.commands.mcp.command import serve as serve_mcp
from proxy.commands.otlp_options import add_top
from proxy.commands.snippet import pre_request
from proxy.errors.extras import missing_extra
from proxy.recording.source import DataAccessError
from proxy.settings.declared import declared
from proxy.settings.listing import as_toml
from proxy.settings.loading import EffectiveSettings, load
from proxy.settings.sources import AddressInUseError, ConfigError, from_text, nearest
from proxy.text.terminal import safe
from proxy.transport.descriptors import open_standard
from proxy.upstream.facts.discovery import address_faults
from rules import RULES

OK, FINDINGS, USAGE, UNABLE, CANCELLED = 0, 1, 2, 75, 130
EXITS = {
    OK: "Success.",
    FINDINGS: "A check failed: a budget, a forbidden rule, a growth, a finding, or a warning with --strict.",
    USAGE: "Usage error or invalid settings.",
    UNABLE: "fanin could not do its work: a file or server could not be read or written, or an address is in use.",
    CANCELLED: "Ctrl-C ended the command. Transactions in a database were rolled back.",
}
"""Exit codes."""

NO_FLAGS: Mapping[str, Any] = {}
UNWRITABLE = frozenset((errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))
"""Errors of a standard output that takes no more."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``fanin``; returns the exit code."""
    open_standard()
    options = _parsed(arguments)
    try:
        code = int(options.run(options))
        sys.stdout.flush()
        return code
    except AddressInUseError as error:
        print(f"fanin: {error}", file=sys.stderr)
        return UNABLE
    except ConfigError as error:
        print(f"fanin: {error}", file=sys.stderr)
        return USAGE
    except DataAccessError as error:
        print(f"fanin: {safe(str(error))}", file=sys.stderr)
        return UNABLE
    except KeyboardInterrupt:
        print("fanin: cancelled", file=sys.stderr)
        return CANCELLED
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python writes it once more at its end
        if error.errno != errno.EPIPE:  # `fanin config | head`: the reader closed the pipe
            print(f"fanin: the output cannot be written: {error.strerror}", file=sys.stderr)
        return UNABLE


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the flags; the error for an unknown flag suggests the nearest one."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words:
        command_line().print_help(sys.stderr)
        raise SystemExit(USAGE)
    own = words.index("--") if words[:1] == ["capture"] and "--" in words else len(words)
    options, unknown = command_line().parse_known_args(words[:own])
    if words[own:]:
        options.words += words[own + 1 :]  # a command with its own options, which argparse is not to read
    if unknown:
        name = unknown[0].partition("=")[0]
        flags = options.command._option_string_actions  # argparse has no public list of them
        near = nearest(name, flags, otherwise="") if name.startswith("-") else ""
        if "://" in name and "--upstream" in flags:
            near = "; did you mean '--upstream URL'?"
        options.command.error(f"unknown argument '{safe(name)}'{near}")
    return options


def command_line() -> argparse.ArgumentParser:
    """The parser with all commands and their options."""
    parser = argparse.ArgumentParser(prog="fanin", description="Merges N+1 reads into one call to PostgREST.")
    parser.add_argument("--version", action="version", version=f"fanin {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (add_options, run_command, what) in COMMANDS.items():
        command = commands.add_parser(name, help=what)
        add_options(command)
        command.set_defaults(command=command, run=run_command)
    return parser


def _load(options: argparse.Namespace) -> EffectiveSettings:
    """Load the settings and print their warnings."""
    loaded = _read(options)
    for warning in loaded.warnings:
        print(f"fanin: warning: {warning}", file=sys.stderr)
    return loaded


def _read(options: argparse.Namespace, more: Mapping[str, Any] = NO_FLAGS) -> EffectiveSettings:
    """The settings of the options, and ``more`` as flags that override these."""
    known = declared()
    named = {name: getattr(options, name, None) for name in options.settings}
    flags: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    if getattr(options, "record", None) is not None:
        flags["record.file"] = options.record
    for assignment in options.set:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise ConfigError(f"--set: '{assignment}' is not NAME=VALUE")
        setting = known.get(name)
        flags[name] = value if setting is None else from_text(value, setting, f"--set {name}")
    serves = "listen" in options.settings  # the command has the flags of serve
    return load({**flags, **more}, options.config, address_faults if serves else lambda _: ())


def _config(options: argparse.Namespace) -> int:
    loaded = _load(options)
    for line in as_toml(loaded):
        print(line)
    return OK


def _explain(options: argparse.Namespace) -> int:
    from proxy.commands.explain.command import explain  # imports sqlglot, which no other command needs

    try:
        return OK if explain(options, lambda: _load(options).settings, RULES) else UNABLE
    except AdminPortError as error:
        print(f"fanin: {safe(str(error))}", file=sys.stderr)
        return UNABLE


def _serve(options: argparse.Namespace) -> int:
    from proxy.commands.event_loop import run
    from proxy.commands.serve import serve  # imports the admin port, which no other command needs

    loaded = _load(options)
    run(serve(loaded, lambda: _read(options), RULES))
    return OK


def _capture(options: argparse.Namespace) -> int:
    from proxy.commands.capture import run_behind_fanin  # imports the sidecar, which few commands need

    options.config = options.check
    return run_behind_fanin(options, lambda flags: _read(options, flags), RULES)


def _check(options: argparse.Namespace) -> int:
    from proxy.commands.check import check  # imports all formats, which no other command needs

    return FINDINGS if check(options, _load(options), RULES) else OK


def _audit(options: argparse.Namespace) -> int:
    from proxy.commands.audit.command import audit  # imports all formats, which no other command needs

    return FINDINGS if audit(options, _load(options), RULES) else OK


def _snippet(options: argparse.Namespace) -> int:
    print(pre_request(options.schema), end="")
    return OK


def _cache(options: argparse.Namespace) -> int:
    if options.action == "triggers":
        print(triggers(options), end="")
        return OK
    try:
        print(f"{purge(options)} answers forgotten")
    except AdminPortError as error:
        print(f"fanin: {safe(str(error))}", file=sys.stderr)
        return UNABLE
    return OK


def _doctor(options: argparse.Namespace) -> int:
    from proxy.commands.doctor import doctor  # imports sqlglot, which few commands need

    return OK if doctor(options, _load(options).settings) else FINDINGS


def _top(options: argparse.Namespace) -> int:
    from proxy.commands.top import reader_of, top  # imports a library for terminals, which no other command needs

    try:
        return top(reader_of(options), options.every)
    except AdminPortError as error:
        print(f"fanin: {safe(str(error))}", file=sys.stderr)
        return UNABLE


def _collect(options: argparse.Namespace) -> int:
    from proxy.commands.collect import collect  # imports the parsers of OpenTelemetry
    from proxy.commands.event_loop import run

    run(collect(options, _load(options).settings))
    return OK


def _demo(options: argparse.Namespace) -> int:
    try:
        from proxy.demo.run import demo
    except ImportError as error:
        print(f"fanin: the demo {missing_extra(error.name, 'demo')}", file=sys.stderr)
        return UNABLE
    return int(demo(keep=options.keep, as_json=options.json))


COMMANDS: Mapping[str, tuple[Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], int], str]] = {
    "serve": (command_options.add_settings, _serve, "run the sidecar"),
    "config": (command_options.add_settings, _config, "check and print the effective settings, each with its source"),
    "demo": (command_options.add_demo, _demo, "run an example workload on real servers, without and with fanin"),
    "doctor": (command_options.add_doctor, _doctor, "check a set-up, and name the settings most worth changing"),
    "capture": (command_options.add_capture, _capture, "run a command behind a sidecar, and print the findings"),
    "snippet": (command_options.add_snippet, _snippet, "print code to put elsewhere: pre-request, for PostgREST"),
    "cache": (add_cache, _cache, CACHE),
    "top": (add_top, _top, "a live table of the queries of a running fanin"),
    "explain": (command_options.add_explain, _explain, "explain a code, or a request: its SQL, and whether it merges"),
    "check": (command_options.add_check, _check, "fail a build on budgets and findings of recorded or live traces"),
    "audit": (command_options.add_audit, _audit, "report on the workload of recorded or live traces"),
    "collect": (
        command_options.add_collect,
        _collect,
        "receive OpenTelemetry spans, and record the requests to PostgREST",
    ),
    "mcp": (add_mcp, serve_mcp, MCP),
}
"""By name: what adds the options, what runs the command, and what it does."""
