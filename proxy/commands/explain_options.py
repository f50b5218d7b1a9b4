"""Options of ``fanin explain``.

Tests: tests/e2e/findings/test_explain_plan.py.
"""

from argparse import ArgumentParser
from pathlib import Path


def add_explain(command: ArgumentParser) -> None:
    """What only ``fanin explain`` has, beside the flags of serve."""
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
    command.add_argument("--json", action="store_true", help="print the explanation of a request as JSON")
    command.add_argument(
        "--prompt", action="store_true", help="print a finding as a prompt: what to change, and the acceptance check"
    )
    command.add_argument(
        "--traces", type=Path, nargs="+", metavar="FILE", help="recordings that have the finding, in place of --running"
    )
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
