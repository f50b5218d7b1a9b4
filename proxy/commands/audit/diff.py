"""``fanin audit diff OLD NEW`` and ``fanin audit --baseline OLD``: compares reports in JSON.

Tests: tests/e2e/database/test_audit_database.py.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from proxy.audit.comparison import ReportComparison, compare, comparison_lines
from proxy.audit.report import FORMAT, Report
from proxy.recording.source import DataAccessError
from proxy.settings.sources import ConfigError


def read_report(file: Path) -> Report:
    """A report of ``fanin audit --format json``. DataAccessError if it cannot be read, or is none."""
    try:
        report = msgspec.json.decode(file.read_bytes(), type=Report)
    except OSError as error:
        raise DataAccessError(f"{file}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise DataAccessError(f"{file}: not a report of fanin audit --format json: {error}") from error
    if report.format != FORMAT:
        raise DataAccessError(f"{file}: a report of format {report.format}; this fanin reads {FORMAT}")
    return report


def diff(words: Sequence[str]) -> bool:
    """Compare two reports and print what changed; True if anything is new or worse. DataAccessError, ConfigError."""
    if len(words) != 3 or words[0] != "diff":
        raise ConfigError("write fanin audit diff OLD.json NEW.json, or fanin audit with options only")
    comparison = compare(read_report(Path(words[1])), read_report(Path(words[2])))
    print(text_of(comparison), end="")
    return comparison.failed


def text_of(comparison: ReportComparison) -> str:
    """The comparison as text."""
    return "\n".join(comparison_lines(comparison)) + "\n"
