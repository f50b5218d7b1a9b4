"""`make` calls it: ``python -m tests.programs get NAME`` unpacks a program and tries it, ``try NAME`` only tries one.

Ends with 0 too where a program cannot be had: the tests that need it are skipped, and say so. Ends with 1 where one was
unpacked or installed and does not work.
"""

from __future__ import annotations

import argparse
import sys

from proxy.demo.process import StackError
from tests.programs.catalog import PROGRAMS
from tests.programs.install import BrokenError, get
from tests.programs.trial import TrialError, embedded_postgres, node, postgrest

INSTALLED = {
    "node": (node, "Install node and npm so that they are on PATH, and run make again."),
    "postgrest": (postgrest, "Name another PostgREST in FANIN_POSTGREST, or run `make clean` and make again."),
    "postgres": (embedded_postgres, "Name another Postgres' folder of programs in FANIN_PG_BIN, and run make again."),
}
"""What npm and pip installed: its trial, and what to do where that fails."""


def main() -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.programs", description=__doc__)
    actions = parser.add_subparsers(required=True, dest="action")
    actions.add_parser("get").add_argument("name", choices=PROGRAMS)
    actions.add_parser("try").add_argument("name", choices=INSTALLED)
    options = parser.parse_args()
    try:
        if options.action == "get":
            get(options.name)
            return 0
        attempt, advice = INSTALLED[options.name]
        attempt()
    except BrokenError as error:
        print(error, file=sys.stderr)
        return 1
    except (TrialError, StackError) as error:
        print(f"{options.name} was installed and does not work: {error}\n{advice}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
