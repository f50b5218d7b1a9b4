"""A verdict as JSON, for programs."""

import msgspec

from proxy.check.verdict import Verdict


def as_json(verdict: Verdict) -> str:
    """All of it; texts of clients are as they came, in JSON's escapes."""
    told = {"failed": verdict.failed, **msgspec.structs.asdict(verdict)}
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"
