"""The command line: parses flags, runs the command, and maps errors to messages and exit codes."""

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from proxy import __version__
from proxy.commands.admin_api import AdminPortError
from proxy.commands.audit_options import add_database, add_db_uri
from proxy.commands.serve import run, serve
from proxy.commands.top import top
from proxy.findings.model import IMPACTS
from proxy.recording.source import DataAccessError
from proxy.settings.declared import declared, describe
from proxy.settings.listing import as_toml
from proxy.settings.loading import EffectiveSettings, load
from proxy.settings.sources import AddressInUseError, ConfigError, from_text, nearest
from proxy.text.terminal import safe
from proxy.transport.descriptors import open_standard
from proxy.upstream.discovery import address_faults
from rules import RULES

OK, FINDINGS, USAGE, UNABLE = 0, 1, 2, 75
EXITS = {
    OK: "Success.",
    FINDINGS: "A check failed: a budget, a forbidden rule, a growth, a finding, or a warning with --strict.",
    USAGE: "Usage error or invalid settings.",
    UNABLE: "fanin could not do its work: a file or server could not be read or written, or an address is in use.",
}
"""Exit codes."""

UNWRITABLE = frozenset((errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))
"""Errors of a standard output that takes no more."""

FLAGS = (
    "upstream",
    "db_uri",
    "listen",
    "admin",
    "metrics",
    "mount",
    "mode",
    "profile",
    "upstream_ca",
    "forwarded",
    "headers",
)
SWITCHES = ("debug", "show_values")


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
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python writes it once more at its end
        if error.errno != errno.EPIPE:  # `fanin config | head`: the reader closed the pipe
            print(f"fanin: the output cannot be written: {error.strerror}", file=sys.stderr)
        return UNABLE


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the flags; the error for an unknown flag suggests the nearest one."""
    parser = command_line()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        name = unknown[0].partition("=")[0]
        flags = options.command._option_string_actions  # argparse has no public list of them
        near = nearest(name, flags, otherwise="") if name.startswith("-") else ""
        options.command.error(f"unknown argument '{safe(name)}'{near}")
    return options


def command_line() -> argparse.ArgumentParser:
    """The parser with all commands and their options."""
    parser = argparse.ArgumentParser(prog="fanin", description="Merges N+1 reads into one call to PostgREST.")
    parser.add_argument("--version", action="version", version=f"fanin {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run the sidecar")
    config = commands.add_parser("config", help="check and print the effective settings, each with its source")
    for command in (serve, config):
        _add_settings(command)
    serve.set_defaults(run=_serve)
    config.set_defaults(run=_config)
    demo = commands.add_parser("demo", help="run an example workload on real servers, without and with fanin")
    demo.add_argument("--keep", action="store_true", help="keep the servers running until Ctrl-C")
    demo.add_argument("--json", action="store_true", help="print only the table, as JSON")
    demo.set_defaults(run=_demo)
    _add_top(commands.add_parser("top", help="a live table of the queries of a running fanin"))
    explain = commands.add_parser("explain", help="explain a code, or a request: its SQL, and whether it merges")
    _add_settings(explain)
    _add_explain(explain)
    _add_check(commands.add_parser("check", help="fail a build on budgets and findings of recorded or live traces"))
    _add_audit(commands.add_parser("audit", help="report on the workload of recorded or live traces"))
    for command in commands.choices.values():
        command.set_defaults(command=command)
    return parser


def _add_check(command: argparse.ArgumentParser) -> None:
    tables = "TOML file of settings: tables [[budget]], [[growth]], [[ignore]], levels of rules"
    _add_traffic(command, "--budgets", tables, ("text", "json", "sarif", "junit"))
    _add_fail_on(command, "low", "the lowest impact that fails; what a budget forbids always fails")
    strict = "fail on warnings too, such as a budget to which no trace applies"
    command.add_argument("--strict", action="store_true", help=strict)
    command.add_argument(
        "--explain-ignores", action="store_true", help="print each [[ignore]] with the findings that it matches"
    )
    command.set_defaults(run=_check)


def _add_audit(command: argparse.ArgumentParser) -> None:
    tables = "TOML file of settings: [[ignore]] tables, levels of rules"
    _add_traffic(command, "--config", tables, ("text", "md", "json", "html", "sarif"))
    _add_fail_on(command, "high", "the lowest impact for which the exit code is 1; never: it is 0")
    command.add_argument(
        "--top", type=_positive, metavar="N", default=10, help="number of queries and routes in the report; default 10"
    )
    add_database(command, _positive)
    command.set_defaults(run=_audit)


def _add_traffic(command: argparse.ArgumentParser, settings: str, tables: str, formats: Sequence[str]) -> None:
    command.add_argument("--traces", type=Path, nargs="+", metavar="FILE", help="recordings of fanin serve --record")
    command.add_argument(
        "--admin",
        action="append",
        metavar="URL",
        help="admin port of a running fanin (http://… or unix:/path), to use its last traces; may be repeated",
    )
    command.add_argument(settings, dest="config", type=Path, metavar="FILE", help=tables)
    command.add_argument("--format", choices=formats, default="text", help=f"output format: {', '.join(formats)}")
    command.add_argument("--output", type=Path, metavar="FILE", help="write to this file, and print text as well")
    _add_set(command)
    add_db_uri(command)


def _add_fail_on(command: argparse.ArgumentParser, default: str, what: str) -> None:
    choices = (*map(str.lower, IMPACTS), "never")
    command.add_argument("--fail-on", choices=choices, default=default, help=f"{what}; default {default}")


def _positive(text: str) -> int:
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"'{safe(text)}' is not a positive integer")
    return int(text)


def _add_top(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--admin", metavar="URL", default="http://127.0.0.1:9000", help="admin port of the fanin, or unix:/path"
    )
    command.add_argument("--token", help="admin_token of the fanin, if it requires one; default FANIN_ADMIN_TOKEN")
    command.add_argument("--every", type=float, metavar="SECONDS", default=2.0, help="time between two updates")
    command.set_defaults(run=_top)


def _add_explain(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "words",
        metavar="WORD",
        nargs="+",
        help="FAN001, literal, ties, FANIN502, …, or a request: 'GET /t?id=eq.1', or its URL",
    )
    command.add_argument("-H", "--header", action="append", default=[], metavar="'NAME: VALUE'", help="a header line")
    command.add_argument(
        "--type",
        action="append",
        default=[],
        metavar="COLUMN=TYPE",
        help="a column's Postgres type, or 'enum'; 'TYPE unique' for a column that is unique and not null",
    )
    command.add_argument("--json", action="store_true", help="print the explanation of a request as JSON")
    command.add_argument(
        "--analyze", action="store_true", help="run the request's statement for its plan: read only, and rolled back"
    )
    command.add_argument("--role", help="role to plan as; default: that of the claims, else the user of --db-uri")
    command.add_argument(
        "--claims", metavar="JSON", help="claims of the caller; default: those of the token in -H 'Authorization: …'"
    )
    command.add_argument(
        "--running",
        metavar="URL",
        help="admin port of a running fanin: what it found by comparing with originals counts",
    )
    command.add_argument("--token", help="admin_token of that fanin, if it requires one; default FANIN_ADMIN_TOKEN")
    command.set_defaults(run=_explain)


def _add_settings(command: argparse.ArgumentParser) -> None:
    texts = dict(describe())
    command.add_argument("--config", type=Path, metavar="FILE", help="TOML file of settings")
    command.set_defaults(settings=(*FLAGS, *SWITCHES))
    for name in FLAGS:
        command.add_argument("--" + name.replace("_", "-"), help=texts[name].replace("%", "%%"))
    command.add_argument(
        "--record", type=Path, metavar="FILE", help="like --set record.file=FILE; " + texts["record.file"]
    )
    for name in SWITCHES:
        command.add_argument("--" + name.replace("_", "-"), action="store_true", default=None, help=texts[name])
    _add_set(command)


def _add_set(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other setting, e.g. merge.max_keys=100",
    )


def _load(options: argparse.Namespace) -> EffectiveSettings:
    """Load the settings and print their warnings."""
    loaded = _read(options)
    for warning in loaded.warnings:
        print(f"fanin: warning: {warning}", file=sys.stderr)
    return loaded


def _read(options: argparse.Namespace) -> EffectiveSettings:
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
    return load(flags, options.config, address_faults if serves else lambda _: ())


def _config(options: argparse.Namespace) -> int:
    loaded = _load(options)
    for line in as_toml(loaded):
        print(line)
    return OK


def _explain(options: argparse.Namespace) -> int:
    from proxy.commands.explain import explain  # imports sqlglot, which no other command needs

    try:
        return OK if explain(options, lambda: _load(options).settings, RULES) else UNABLE
    except AdminPortError as error:
        print(f"fanin: {safe(str(error))}", file=sys.stderr)
        return UNABLE


def _serve(options: argparse.Namespace) -> int:
    loaded = _load(options)
    run(serve(loaded, lambda: _read(options), RULES))
    return OK


def _check(options: argparse.Namespace) -> int:
    from proxy.commands.check import check  # imports all formats, which no other command needs

    return FINDINGS if check(options, _load(options), RULES) else OK


def _audit(options: argparse.Namespace) -> int:
    from proxy.commands.audit import audit  # imports all formats, which no other command needs

    return FINDINGS if audit(options, _load(options), RULES) else OK


def _top(options: argparse.Namespace) -> int:
    try:
        return top(options.admin, options.token or os.environ.get("FANIN_ADMIN_TOKEN"), options.every)
    except AdminPortError as error:
        print(f"fanin: {safe(str(error))}", file=sys.stderr)
        return UNABLE


def _demo(options: argparse.Namespace) -> int:
    try:
        from proxy.demo.run import demo
    except ImportError as error:
        print(
            f"fanin: the demo needs the package {error.name}: run pip install '.[demo]' in fanin's source folder",
            file=sys.stderr,
        )
        return UNABLE
    return int(demo(keep=options.keep, as_json=options.json))
