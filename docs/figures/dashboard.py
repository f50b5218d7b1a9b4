"""Draws dashboard.svg: some panels of deploy/grafana's dashboard, of a real run. It is not a picture of Grafana.

`.venv/bin/python docs/figures/dashboard.py` starts Postgres, PostgREST, fanin and a Prometheus on deploy/'s own scrape
config, and runs RetroMuscle's payment export: as it should be, then with its N+1, then with fanin merging it. The
panels' own queries are asked of Prometheus, and their answers drawn.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import signal
import sys
import time
from html import escape
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from proxy.demo.data import load
from proxy.demo.payment_export import export
from proxy.demo.sidecar import Fanin
from proxy.demo.stack import Postgres, PostgREST, service_token
from tests.deploy.prometheus import KNOWN_AS, Prometheus
from tests.deploy.test_prometheus import healthy_export

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

sys.path.insert(0, str(Path(__file__).parents[2] / "deploy/grafana"))
from panels import FIGURES, ROWS, Panel

SECRET = "the figure's own secret, of no use elsewhere"  # noqa: S105
CREATORS = 2000
PHASE = 30.0  # seconds
WINDOW = "6s"
STEP = 0.5  # seconds
PAUSE = 0.1  # seconds between two exports
SHOWN = (
    "Queries per request, by route",
    "Upstream calls per request, by route",
    "Requests, by outcome",
    "Upstream calls, by kind",
    "Time to answer",
    "Not merged, by reason",
)
COLOURS = ("#2f81f7", "#d29922", "#3fb950", "#f778ba", "#a371f7", "#e5534b", "#57ab5a", "#768390")
WIDTH, GAP, TILE, PLOT, LEGEND = 880, 12, 74, 130, 18
STYLE = """
  text { font: 11px system-ui, sans-serif; fill: #57606a } .head { font-weight: 600; font-size: 12px; fill: #1f2328 }
  .number { font-size: 19px; font-weight: 600; fill: #1f2328 } .box { fill: #ffffff; stroke: #d0d7de }
  .grid { stroke: #d0d7de; stroke-width: .5 } .phase { stroke: #8c959f; stroke-dasharray: 3 3; stroke-width: .8 }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 } .head, .number { fill: #f0f6fc } .box { fill: #0d1117; stroke: #30363d }
    .grid { stroke: #30363d } .phase { stroke: #656c76 }
  }
"""


class Line(NamedTuple):
    """A series: its legend, and its points by seconds since the beginning."""

    legend: str
    points: list[tuple[float, float]]


def main() -> None:
    """Run, and write the picture beside this file."""
    with Postgres() as postgres:
        asyncio.run(load(postgres.dsn, CREATORS))
        with PostgREST(postgres.dsn_as("authenticator"), secret=SECRET) as postgrest:
            svg = _measured(postgrest.url)
    target = Path(__file__).with_name("dashboard.svg")
    target.write_text(svg, encoding="utf-8")
    print(f"{target.name}: {len(svg)} bytes")


def _measured(upstream: str) -> str:
    config = Path(os.environ.get("TMPDIR", "/tmp"), f"fanin-figure-{os.getpid()}.toml")  # noqa: S108
    config.write_text('mode = "observe"\n', encoding="utf-8")
    flags = ("--config", str(config))
    try:
        with (
            Fanin(upstream, settings={"admin_hosts": KNOWN_AS}, flags=flags) as fanin,
            Prometheus(fanin.admin_port) as prometheus,
        ):
            token = service_token(SECRET)
            asyncio.run(_phase(healthy_export, fanin.url, token, 5.0))
            began = time.time()
            asyncio.run(_phase(healthy_export, fanin.url, token))
            asyncio.run(_phase(export, fanin.url, token))
            config.write_text('mode = "rewrite"\n', encoding="utf-8")
            os.kill(fanin.pid, signal.SIGHUP)
            asyncio.run(_phase(export, fanin.url, token))
            return _svg(prometheus, began)
    finally:
        config.unlink()


async def _phase(run: Callable[[str, str, str], Awaitable[object]], url: str, token: str, lasts: float = PHASE) -> None:
    """One export after another."""
    until, number = time.monotonic() + lasts, 0
    while time.monotonic() < until:
        await run(url, token, f"{until}-{number}")
        number += 1
        await asyncio.sleep(PAUSE)


def _expression(query: str) -> str:
    chosen = {"$__rate_interval": WINDOW, "$__range": "90s", "$job": ".*", "$instance": ".*", "$route": ".*"}
    for name, text in chosen.items():
        query = query.replace(name, text)
    return query


def _lines(prometheus: Prometheus, panel: Panel, began: float) -> Iterator[Line]:
    for legend, query in panel.queries.items():
        times = {"start": str(began), "end": str(began + 3 * PHASE), "step": str(STEP)}
        for found in prometheus.ask("query_range", query=_expression(query), **times)["result"]:
            labels = found["metric"]
            told = re.sub(r"{{(\w+)}}", lambda name, known=labels: known.get(name[1], ""), legend)
            points = [(when - began, float(text)) for when, text in found["values"]]
            finite = [(when, value) for when, value in points if math.isfinite(value)]
            if any(value > 0 for _, value in finite):
                yield Line(told, finite)


def _svg(prometheus: Prometheus, began: float) -> str:
    known = {panel.title: panel for panels in ROWS.values() for panel in panels}
    wide, high = (WIDTH - 3 * GAP) / 2, PLOT + 2 * LEGEND + 34
    top = TILE + 2 * GAP + 16
    height = top + math.ceil(len(SHOWN) / 2) * (high + GAP) + 24
    body = [*_tiles(prometheus)]
    for at, title in enumerate(SHOWN):
        x, y = GAP + at % 2 * (wide + GAP), top + at // 2 * (high + GAP)
        lines = list(_lines(prometheus, known[title], began))
        body += _panel(title, known[title].unit, lines, (x, y, wide, high))
    told = "30 s each: as it should be · the N+1, mode observe · the same N+1, mode rewrite (set by SIGHUP)"
    body.append(f'<text x="{GAP}" y="{height - 10:.0f}">{told}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img">\n'
        f"<title>fanin's dashboard: queries per request, calls, time</title>\n<style>{STYLE}</style>\n"
        + "\n".join(body)
        + "\n</svg>\n"
    )


def _tiles(prometheus: Prometheus) -> Iterator[str]:
    """The figures of the first row, as they are at the end."""
    wide = (WIDTH - GAP * (len(FIGURES) + 1)) / len(FIGURES)
    yield f'<text x="{GAP}" y="14">At a glance, at the end of the run</text>'
    for at, figure in enumerate(FIGURES):
        x, (found,) = GAP + at * (wide + GAP), prometheus.query(_expression(figure.query))
        yield f'<rect class="box" x="{x:.1f}" y="22" width="{wide:.1f}" height="{TILE}" rx="3"/>'
        for line, part in enumerate(wrap(figure.title, 14)):
            yield f'<text x="{x + 6:.1f}" y="{36 + 12 * line}">{escape(part)}</text>'
        number = _number(float(found["value"][1]), figure.unit)
        yield f'<text class="number" x="{x + 6:.1f}" y="{TILE + 15}">{number}</text>'


def _panel(title: str, unit: str, lines: list[Line], place: tuple[float, float, float, float]) -> Iterator[str]:
    x, y, wide, high = place
    left, above, across = x + 46, y + 30, wide - 58
    most = _round_up(max(value for line in lines for _, value in line.points))
    yield f'<rect class="box" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" rx="3"/>'
    yield f'<text class="head" x="{x + 8:.1f}" y="{y + 18:.1f}">{escape(title)}</text>'
    for part in (0, 0.5, 1):
        level = above + PLOT * (1 - part)
        yield f'<line class="grid" x1="{left:.1f}" x2="{left + across:.1f}" y1="{level:.1f}" y2="{level:.1f}"/>'
        told = _number(most * part, unit)
        yield f'<text x="{left - 5:.1f}" y="{level + 4:.1f}" text-anchor="end">{told}</text>'
    for phase in (1, 2):
        at = left + across * phase / 3
        yield f'<line class="phase" x1="{at:.1f}" x2="{at:.1f}" y1="{above:.1f}" y2="{above + PLOT:.1f}"/>'
    over, down = left, above + PLOT + LEGEND
    for colour, line in zip(COLOURS, lines, strict=False):
        points = " ".join(
            f"{left + across * when / (3 * PHASE):.1f},{above + PLOT * (1 - value / most):.1f}"
            for when, value in line.points
        )
        yield f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{points}"/>'
        room = 28 + 6.6 * len(line.legend)
        if over + room > x + wide:
            over, down = left, down + LEGEND - 2
        yield f'<rect x="{over:.1f}" y="{down - 4:.1f}" width="10" height="3" fill="{colour}"/>'
        yield f'<text x="{over + 14:.1f}" y="{down:.1f}">{escape(line.legend)}</text>'
        over += room


def _round_up(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 5, 10, 15, …"""
    ten = 10.0 ** math.floor(math.log10(value))
    return next(step * ten for step in (1, 1.5, 2, 3, 5, 10) if step * ten >= value * 0.999)


def _number(value: float, unit: str) -> str:
    if unit == "percentunit":
        return f"{100 * value:.0f} %"
    if unit == "s":
        return f"{1000 * value:.3g} ms" if value < 1 else f"{value:.3g} s"
    return f"{value:.3g}" + {"reqps": "/s", "ops": "/s"}.get(unit, "")


main()
