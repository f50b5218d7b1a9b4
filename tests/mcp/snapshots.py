"""Snapshots for tests of the tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from proxy.findings.model import Finding, Fix
from proxy.mcp.snapshot import SeenFinding, Snapshot
from proxy.observe.confirmed_names import ConfirmedNames
from tests.rules.traces import parallel

if TYPE_CHECKING:
    from collections.abc import Sequence

IMPACTS = ("LOW", "MEDIUM", "HIGH", "CRITICAL")


def finding(number: int = 1, text: str = "", **changes: Any) -> Finding:
    """A finding, every text of which that a client can choose has ``text``."""
    fields: dict[str, Any] = {
        "code": f"FAN{number % 9 + 1:03}",
        "impact": IMPACTS[number % 4],
        "confidence": "high",
        "title": f"{number} reads of orders{text}",
        "relation": f"public.orders_{number}{text}",
        "fingerprint": f"GET orders_{number}?select=id,customer_id,created_at&id=eq.?{text}",
        "route": f"GET /orders/{{id}}/{number}{text}",
        "caller": f"app/orders/page.tsx:{number}{text}",
        "problem": f"The application asks for orders once per id.{text}",
        "current": "12 requests, 12 upstream calls, 12 rows in 90 ms",
        "evidence": (f"12 requests differ only in id{text}", "sent in parallel"),
        "fix": Fix(sql=f"select id from orders where id = any($1);{text}", supabase_js="await x\n" * 40, reason=text),
        "expected": "1 request instead of 12.",
        "risk": f"Rows of all keys are read at one moment.{text}",
    }
    return Finding(**{**fields, **changes})


def snapshot(findings: Sequence[Finding] = (), texts: Sequence[str] = ("",), traces: int = 3) -> Snapshot:
    """A snapshot with these findings, and traces and queries whose names end in ``texts``."""
    made = [
        _named(parallel(["GET /orders?id=eq.1", "GET /orders?id=eq.2"]), f"t{number}", text)
        for number in range(traces)
        for text in texts
    ]
    queries = [
        {
            "fingerprint": f"GET orders?select=id{text}",
            "relation": f"public.orders{text}",
            **dict.fromkeys(("calls", "total", "p50", "p95", "rows", "bytes", "failed", "merged"), 1),
        }
        for text in texts
    ]
    rows = [{"fingerprint": text, "routes": [text]} for text in texts]
    report = {"traffic": {"sources": [], "traces": 3}, "queries": rows, "routes": [{"route": text} for text in texts]}
    report |= {"bypassed": rows, "not_checked": [], "warnings": list(texts)}
    return Snapshot(
        source="traces.jsonl",
        findings=[SeenFinding(one, 1, "t1" + one.route, False) for one in findings],
        traces=made,
        queries=queries,
        report=report,
        state={"version": "1", "warnings": list(texts)},
        names=ConfirmedNames(everything=True),
    )


def _named(made: Any, id_: str, text: str) -> Any:
    spans = tuple(replace(span, caller=f"a.py:1{text}", fingerprint=span.fingerprint + text) for span in made.spans)
    return replace(made, id=id_ + text, route=f"GET /a{text}", spans=spans)
