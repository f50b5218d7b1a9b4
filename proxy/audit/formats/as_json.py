"""Formats a report as JSON; docs/reference/audit.md describes its fields."""

import msgspec

from proxy.audit.report import Report


def as_json(report: Report) -> str:
    """The whole report; text from clients is unchanged except for JSON's escapes."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"
