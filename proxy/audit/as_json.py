"""A report as JSON, for programs: docs/reference/audit.md says what is in it."""

import msgspec

from proxy.audit.report import Report


def as_json(report: Report) -> str:
    """All of it; texts of clients are as they came, in JSON's escapes."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"
