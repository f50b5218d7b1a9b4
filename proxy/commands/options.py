"""The options of each command, as argparse declares them."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from proxy.commands import otlp_options
from proxy.commands.audit.options import add_database, add_db_uri
from proxy.commands.snippet import SNIPPETS
from proxy.findings.model import IMPACTS
from proxy.settings.declared import describe
from proxy.text.terminal import safe

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
HOSTS = ("github", "gitlab", "pr-comment")
"""Formats of code hosts: workflow commands, a code quality report, a comment on a pull request."""


def add_capture(command: argparse.ArgumentParser) -> None:
    """The options of ``fanin capture``."""
    text = "PostgREST, Supabase, or another gateway; default: the URL in SUPABASE_URL and such variables"
    command.add_argument("--upstream", metavar="URL", help=text)
    command.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        default=Path("fanin-capture.jsonl"),
        help="file for the recording; default fanin-capture.jsonl",
    )
    command.add_argument(
        "--check",
        type=Path,
        metavar="FILE",
        help="check like fanin check --budgets FILE; 1 if the command succeeds and a check fails, or nothing was seen",
    )
    command.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME[=/path]",
        help="a further variable for the command that gets the URL of the sidecar, and with =/path this path",
    )
    _add_fail_on(command, "low", "with --check: the lowest impact that fails")
    command.add_argument("--strict", action="store_true", help="with --check: fail on warnings too")
    _add_gates(command)
    _add_set(command)
    command.add_argument(
        "words", nargs=argparse.REMAINDER, metavar="-- COMMAND …", help="the command and its arguments"
    )
    command.set_defaults(settings=("upstream",))


def add_check(command: argparse.ArgumentParser) -> None:
    """The options of ``fanin check``."""
    tables = "TOML file of settings: tables [[budget]], [[growth]], [[ignore]], levels of rules"
    _add_traffic(command, "--budgets", tables, ("text", "json", "sarif", "junit", *HOSTS))
    _add_fail_on(command, "low", "the lowest impact that fails; what a budget forbids always fails")
    strict = "fail on warnings too, such as a budget to which no trace applies"
    command.add_argument("--strict", action="store_true", help=strict)
    _add_gates(command)
    command.add_argument(
        "--explain-ignores", action="store_true", help="print each [[ignore]] with the findings that it matches"
    )


def add_audit(command: argparse.ArgumentParser) -> None:
    """The options of ``fanin audit``."""
    tables = "TOML file of settings: [[ignore]] tables, levels of rules"
    _add_traffic(command, "--config", tables, ("text", "md", "json", "html", "sarif", *HOSTS))
    _add_fail_on(command, "high", "the lowest impact for which the exit code is 1; never: it is 0")
    _add_gates(command)
    command.add_argument(
        "--top", type=_positive, metavar="N", default=10, help="number of queries and routes in the report; default 10"
    )
    add_database(command, _positive)


def _add_traffic(command: argparse.ArgumentParser, settings: str, tables: str, formats: Sequence[str]) -> None:
    command.add_argument("--traces", type=Path, nargs="+", metavar="FILE", help="recordings of fanin serve --record")
    otlp_options.add_otlp(command)
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


def _add_gates(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--strict-ignores", action="store_true", help="fail on an [[ignore]] that looks fixed or has expired"
    )
    command.add_argument(
        "--require-routes",
        type=Path,
        metavar="FILE",
        help="fail unless each route of this file, one per line, has a trace that can fail a check",
    )
    command.add_argument(
        "--min-traces", type=_positive, metavar="N", help="fail unless at least N traces can fail a check"
    )


def _add_fail_on(command: argparse.ArgumentParser, default: str, what: str) -> None:
    choices = (*map(str.lower, IMPACTS), "never")
    command.add_argument("--fail-on", choices=choices, default=default, help=f"{what}; default {default}")


def _positive(text: str) -> int:
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"'{safe(text)}' is not a positive integer")
    return int(text)


def add_snippet(command: argparse.ArgumentParser) -> None:
    """The options of ``fanin snippet``."""
    what = "; ".join(f"{name}: {text}" for name, text in SNIPPETS.items())
    command.add_argument("name", choices=SNIPPETS, metavar="NAME", help=what)
    command.add_argument(
        "--schema", default="fanin", help="schema of the function, not one that PostgREST serves; default fanin"
    )


def add_demo(command: argparse.ArgumentParser) -> None:
    """The options of ``fanin demo``."""
    command.add_argument("--keep", action="store_true", help="keep the servers running until Ctrl-C")
    command.add_argument("--json", action="store_true", help="print only the table, as JSON")


def add_collect(command: argparse.ArgumentParser) -> None:
    """The options of ``fanin collect``."""
    otlp_options.add_collect(command)
    _add_set(command)


def add_explain(command: argparse.ArgumentParser) -> None:
    """The options of ``fanin explain``."""
    add_settings(command, [name for name in FLAGS if name != "admin"])  # --admin is that of the fanin to read
    command.add_argument(
        "words",
        metavar="WORD",
        nargs="+",
        help="FAN001, literal, ties, FANIN502, …; or a request: 'GET /t?id=eq.1', or its URL; or the key of a finding",
    )
    command.add_argument("-H", "--header", action="append", default=[], metavar="'NAME: VALUE'", help="a header line")
    command.add_argument(
        "--type",
        action="append",
        default=[],
        metavar="COLUMN=TYPE",
        help="a column's Postgres type, or 'enum'; 'TYPE unique' for a column that is unique and not null",
    )
    command.add_argument("--data", metavar="JSON", help="the body of a PATCH, which decides whether it can be merged")
    command.add_argument("--json", action="store_true", help="print the explanation of a request as JSON")
    command.add_argument(
        "--prompt", action="store_true", help="print a finding as a prompt: what to change, and the acceptance check"
    )
    command.add_argument(
        "--traces", type=Path, nargs="+", metavar="FILE", help="recordings that have the finding, in place of --admin"
    )
    command.add_argument(
        "--analyze", action="store_true", help="run the request's statement for its plan: read only, and rolled back"
    )
    command.add_argument("--role", help="role to plan as; default: that of the claims, else the user of --db-uri")
    command.add_argument(
        "--claims", metavar="JSON", help="claims of the caller; default: those of the token in -H 'Authorization: …'"
    )
    command.add_argument(
        "--admin", metavar="URL", help="admin port of a running fanin: what it found by comparing with originals counts"
    )
    command.add_argument("--running", metavar="URL", help=argparse.SUPPRESS)  # the name of --admin in older releases
    command.add_argument("--token", help="admin_token of that fanin, if it requires one; default FANIN_ADMIN_TOKEN")


def add_doctor(command: argparse.ArgumentParser) -> None:
    """The options of ``fanin doctor``."""
    add_settings(command, [name for name in FLAGS if name != "admin"])  # --admin is that of the fanin to read
    command.add_argument(
        "-H", "--header", action="append", default=[], metavar="'NAME: VALUE'", help="a header line for upstream"
    )
    command.add_argument(
        "--admin", metavar="URL", help="admin port of a running fanin: headers of requests that differ per call"
    )
    command.add_argument("--token", help="admin_token of that fanin, if it requires one; default FANIN_ADMIN_TOKEN")


def add_settings(command: argparse.ArgumentParser, flags: Sequence[str] = FLAGS) -> None:
    """The file of settings, each setting in ``flags`` as a flag, and ``--set`` for the others."""
    texts = dict(describe())
    command.add_argument("--config", type=Path, metavar="FILE", help="TOML file of settings")
    command.set_defaults(settings=(*flags, *SWITCHES))
    for name in flags:
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
