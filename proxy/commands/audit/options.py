"""Options of ``fanin audit`` and ``fanin check`` about the database.

Tests: tests/e2e/database/test_audit_database.py.
"""

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

DB_URI = "URI of the database: the rules of traffic then know its indexes and keys; default FANIN_DB_URI"


def add_db_uri(command: ArgumentParser) -> None:
    """``--db-uri``, which is the setting ``db_uri``."""
    command.add_argument("--db-uri", metavar="URI", help=DB_URI)
    command.set_defaults(settings=("db_uri",))


def add_database(command: ArgumentParser, milliseconds: Callable[[str], int]) -> None:
    """What only ``fanin audit`` has, which runs rules over the database itself."""
    _add_comparison(command)
    _add_limits(command, milliseconds)
    _add_workload(command)
    _add_proof(command)


def _add_comparison(command: ArgumentParser) -> None:
    command.add_argument(
        "words", nargs="*", metavar="diff OLD NEW", help="compare two reports of --format json; 1 on new or worse alone"
    )
    command.add_argument(
        "--baseline", type=Path, metavar="FILE", help="compare with this report in JSON; 1 on new or worse alone"
    )
    command.add_argument(
        "--require-full-coverage", action="store_true", help="exit with 1 if the report lists anything as not checked"
    )
    command.add_argument(
        "--probe",
        action="store_true",
        help="try each write of each API role on each table, in transactions that are rolled back (FAN029)",
    )


def _add_limits(command: ArgumentParser, milliseconds: Callable[[str], int]) -> None:
    command.add_argument(
        "--lock-timeout", type=milliseconds, metavar="MS", default=500, help="longest wait for a lock; default 500"
    )
    command.add_argument(
        "--statement-timeout", type=milliseconds, metavar="MS", default=5000, help="longest statement; default 5000"
    )


def _add_workload(command: ArgumentParser) -> None:
    """What tells of calls, beside the sources that all commands have."""
    command.add_argument(
        "--prometheus",
        metavar="URL",
        help="a Prometheus that scrapes a fleet of fanin: the requests of the last week, by relation",
    )
    command.add_argument(
        "--statements",
        action="store_true",
        help="read what the database ran from pg_stat_statements: statements of PostgREST are joined to their queries,"
        " those of others are listed apart",
    )
    command.add_argument(
        "--sql",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="SELECT statements to find indexes for, each with '-- calls: 120, ms: 3.5' (ms of one call) and"
        " '-- role: NAME, claims: {…}' above it",
    )


def _add_proof(command: ArgumentParser) -> None:
    command.add_argument(
        "--migration",
        type=Path,
        metavar="FILE.sql",
        help="write the statements that fix the findings over the database to this file, for psql",
    )
    command.add_argument(
        "--trial",
        action="count",
        default=0,
        help="build each possible index in a transaction that is rolled back, and measure: for a copy of the database,"
        " since nobody can write to the table meanwhile; give it twice where other clients are connected",
    )
    command.add_argument(
        "--explain-evidence",
        action="store_true",
        help="print the statements that read the evidence, and the source of each number, to standard error",
    )
