"""``fanin mcp``: the Model Context Protocol on standard input and output.

Programs wait for the first answer, so the command line is not imported before it: ``entry`` calls this at once.
Tests: tests/e2e/operations/test_mcp.py.
"""

import gc
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from proxy import __version__

if TYPE_CHECKING:
    from proxy.commands.mcp.source import ToolSource
    from proxy.mcp.answer import ToolAnswer

HELP = "answer an agent's questions about findings and traces: Model Context Protocol on standard input and output"
USAGE = 2


def add_mcp(command: ArgumentParser) -> None:
    """The options of ``fanin mcp``."""
    source = command.add_mutually_exclusive_group()
    source.add_argument(
        "--admin", metavar="URL", help="admin port of a running fanin, or unix:/path; default http://127.0.0.1:9000"
    )
    source.add_argument("--traces", nargs="+", metavar="FILE", help="recordings of fanin serve --record")
    source.add_argument("--otlp", nargs="+", metavar="FILE", help="spans in OTLP JSON")
    command.add_argument("--token", help="admin_token of the fanin, if it requires one; default FANIN_ADMIN_TOKEN")
    command.add_argument("--config", metavar="FILE", help="TOML file of settings: levels of rules, [[ignore]] tables")
    command.add_argument(
        "--upstream",
        dest="upstreams",
        action="append",
        default=[],
        metavar="URL",
        help="with --otlp: PostgREST's URL as the application calls it",
    )


def main(arguments: Sequence[str]) -> int:
    """Serve until standard input ends; returns the exit code."""
    parser = ArgumentParser(prog="fanin mcp", description=HELP)
    add_mcp(parser)
    return serve(parser.parse_args(arguments))


def serve(options: Namespace) -> int:
    """The same for parsed options."""
    gc.disable()  # thousands of types are made at import, none of which is garbage
    try:
        from proxy.mcp.server import serve_stdio
    except ImportError:
        from proxy.errors.extras import missing_extra

        print(f"fanin: mcp {missing_extra('mcp', 'mcp')}", file=sys.stderr)
        return USAGE
    gc.enable()
    gc.freeze()
    if not (options.traces or options.otlp or options.admin):
        options.admin = "http://127.0.0.1:9000"
    serve_stdio(__version__, _Tools(options).answer)
    return 0


class _Tools:
    """Loads the source of the tools with the first call."""

    def __init__(self, options: Namespace) -> None:
        self._options = options
        self._source: ToolSource | None = None

    def answer(self, name: str, arguments: Mapping[str, Any]) -> "ToolAnswer":
        if self._source is None:
            self._source = _source(self._options)
        return self._source.answer(name, arguments)


def _source(options: Namespace) -> "ToolSource":
    import os
    from pathlib import Path

    from proxy.commands.mcp.source import ToolSource
    from proxy.mcp.answer import ToolError
    from proxy.settings.loading import load
    from proxy.settings.sources import ConfigError
    from rules import RULES

    options.token = options.token or os.environ.get("FANIN_ADMIN_TOKEN")
    for name in ("traces", "otlp"):
        setattr(options, name, [Path(file) for file in getattr(options, name) or ()])
    try:
        flags = {"admin_token": options.token} if options.token else {}
        settings = load(flags, Path(options.config) if options.config else None).settings
        return ToolSource(options, settings, RULES)
    except ConfigError as error:
        raise ToolError(f"{error} Correct what fanin mcp was started with.") from None
