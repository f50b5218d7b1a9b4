"""Formats a verdict as JSON."""

import msgspec

from proxy.check.verdict import Verdict


def as_json(verdict: Verdict) -> str:
    """The whole verdict; text from clients is unchanged except for JSON's escapes."""
    fields = {"failed": verdict.failed, **msgspec.structs.asdict(verdict)}
    return msgspec.json.format(msgspec.json.encode(fields), indent=2).decode() + "\n"
