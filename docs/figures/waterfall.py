"""Draws waterfall.svg, the picture of the README, from a real run: RetroMuscle's payment export, before and after.

`.venv/bin/python docs/figures/waterfall.py` starts Postgres, PostgREST and fanin, runs the export with merging off and
on, and draws the spans of the two traces that fanin recorded, on one time scale.
"""

from __future__ import annotations

import asyncio
import sys
import time
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.demo.data import load
from proxy.demo.payment_export import ROUTE
from proxy.demo.stack import Postgres, PostgREST, service_token
from proxy.observe.events import Event, Events, TraceClosed
from proxy.settings.loading import load as load_settings
from proxy.sidecar.sidecar import Sidecar
from rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.model import Span, Trace

SECRET = "the figure's own secret, of no use elsewhere"  # noqa: S105
WIDTH, MARGIN, ROW, GAP = 860, 16, 3.2, 58
LEGEND = {
    "list": "the list of trackings",
    "alone": "one read, one call",
    "call": "the merged call",
    "wait": "a read that it answered",
}
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #57606a } .head { font-size: 15px; font-weight: 600; fill: #1f2328 }
  .alone { fill: #cf222e } .list { fill: #8c959f } .wait { fill: #bbdfff } .call { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 } .head { fill: #f0f6fc } .alone { fill: #f85149 } .list { fill: #656c76 }
    .wait { fill: #1b3a5c } .call { fill: #4493f8 }
  }
"""


def main() -> None:
    """Run, and write the picture beside this file."""
    with Postgres() as postgres:
        asyncio.run(load(postgres.dsn, 2000))
        with PostgREST(postgres.dsn_as("authenticator"), secret=SECRET) as postgrest:
            token = service_token(SECRET)
            before = asyncio.run(_trace(postgrest.url, token, "observe"))
            after = asyncio.run(_trace(postgrest.url, token, "rewrite"))
    target = Path(__file__).with_name("waterfall.svg")
    target.write_text(_svg(before, after), encoding="utf-8")
    print(f"{target.name}: {before.calls} calls in {_ms(before):.0f} ms, then {after.calls} in {_ms(after):.0f} ms")


async def _trace(upstream: str, token: str, mode: str) -> Trace:
    """The trace of the second export: the first one opens PostgREST's connections."""
    closed: list[Trace] = []

    def keep(event: Event) -> None:
        if isinstance(event, TraceClosed):
            closed.append(event.trace)

    flags = {"upstream": upstream, "listen": "127.0.0.1:0", "mount": "/", "mode": mode}
    events = Events()
    events.subscribe(keep)
    sidecar = await Sidecar.create(load_settings(flags).settings, RULES, events, time.monotonic)
    await sidecar.start()
    for name in ("first", "second"):
        await _application(f"http://127.0.0.1:{sidecar.port}", token, f"{name}-{mode}")
    await sidecar.stop()
    return next(trace for trace in closed if trace.id.startswith("second"))


async def _application(url: str, token: str, trace: str) -> None:
    """The export in a process of its own, as an application is."""
    code = "import asyncio, sys; from proxy.demo.payment_export import export; asyncio.run(export(*sys.argv[1:]))"
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, url, token, trace)
    if await child.wait():
        raise SystemExit("the export failed")


def _svg(before: Trace, after: Trace) -> str:
    scale = (WIDTH - 2 * MARGIN) / max(before.end - before.start, after.end - after.start)
    top = GAP + ROW * len(before.spans) + 24
    height = top + GAP + ROW * len(after.spans) + 48
    body = [
        *_panel(before, "Merging off", 0, scale),
        *_panel(after, "Merging on", top, scale),
        *_legend(height),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img">\n'
        f"<title>{escape(ROUTE)}: {before.calls} calls become {after.calls}</title>\n<style>{STYLE}</style>\n"
        + "\n".join(body)
        + "\n</svg>\n"
    )


def _panel(trace: Trace, title: str, top: float, scale: float) -> Iterator[str]:
    yield f'<text class="head" x="{MARGIN}" y="{top + 24:.0f}">{escape(title)}</text>'
    what = f"{escape(ROUTE)}: {len(trace.spans)} requests, {trace.calls} calls, {_ms(trace):.0f} ms"
    yield f'<text x="{MARGIN}" y="{top + 43:.0f}">{what}</text>'
    began: dict[int, float] = {}
    for span in sorted(trace.spans, key=lambda span: span.start):
        began.setdefault(span.call, span.start)
    spans = sorted(trace.spans, key=lambda span: (began[span.call], span.call, span.start))
    drawn: set[int] = set()
    for row, span in enumerate(spans):
        yield _bar(span, _kind(span, span.call in drawn), trace.start, top + GAP + row * ROW, scale)
        drawn.add(span.call)


def _legend(height: float) -> Iterator[str]:
    x = float(MARGIN)
    for kind, what in LEGEND.items():
        yield f'<rect class="{kind}" x="{x:.0f}" y="{height - 24:.0f}" width="18" height="4" rx="1"/>'
        yield f'<text x="{x + 24:.0f}" y="{height - 17:.0f}">{what}</text>'
        x += 48 + 7.2 * len(what)


def _kind(span: Span, call_is_drawn: bool) -> str:
    """The first member of a merged call stands for the call; the others wait for it."""
    if span.shared > 1:
        return "wait" if call_is_drawn else "call"
    return "alone" if "eq.?" in span.fingerprint and "creator_id" in span.fingerprint else "list"


def _bar(span: Span, kind: str, start: float, y: float, scale: float) -> str:
    x, width = MARGIN + (span.start - start) * scale, max(1.0, (span.end - span.start) * scale)
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{ROW - 0.7:.1f}" rx="1"/>'


def _ms(trace: Trace) -> float:
    return 1000 * (trace.end - trace.start)


main()
