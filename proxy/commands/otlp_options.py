"""Options of the commands that read OpenTelemetry.

Tests: tests/e2e/clients/test_otlp_client.py.
"""

from argparse import ArgumentParser, _MutuallyExclusiveGroup
from pathlib import Path


def add_otlp(command: ArgumentParser, source: _MutuallyExclusiveGroup | None = None) -> None:
    """``--otlp``, a source of traffic, and ``--upstream``. ``source``: the group of those that exclude each other."""
    (source or command).add_argument(
        "--otlp",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="spans in OTLP JSON, as the Collector's file exporter writes",
    )
    add_upstream(command)


def add_upstream(command: ArgumentParser) -> None:
    """``--upstream``, which says which HTTP spans are requests to PostgREST."""
    command.add_argument(
        "--upstream",
        dest="upstreams",
        action="append",
        default=[],
        metavar="URL",
        help="with --otlp: PostgREST's URL as the application calls it; default: recognised by the requests",
    )


def add_top(command: ArgumentParser) -> None:
    """The options of ``fanin top``."""
    source = command.add_mutually_exclusive_group()
    source.add_argument(
        "--admin", metavar="URL", default="http://127.0.0.1:9000", help="admin port of the fanin, or unix:/path"
    )
    add_otlp(command, source)
    command.add_argument("--token", help="admin_token of the fanin, if it requires one; default FANIN_ADMIN_TOKEN")
    command.add_argument("--every", type=float, metavar="SECONDS", default=2.0, help="time between two updates")


def add_collect(command: ArgumentParser) -> None:
    """The options of ``fanin collect``."""
    command.add_argument(
        "--otlp", dest="listen_otlp", metavar="HOST:PORT", default="127.0.0.1:4318", help="address for OTLP over HTTP"
    )
    command.add_argument("--out", type=Path, metavar="FILE", required=True, help="recording to write")
    command.add_argument(
        "--quiet", type=float, metavar="SECONDS", default=15.0, help="a trace is complete after this time without spans"
    )
    add_upstream(command)
    command.set_defaults(settings=(), config=None)
