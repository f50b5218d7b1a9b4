"""docs/explanation/speed.md, its plot, and the table of README.md, made of the committed figures in speed.json."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proxy import __version__
from proxy.reference.parts import renewed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.rows import Result

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).with_name("speed.json")
PAGE = ROOT / "docs/explanation/speed.md"
PLOT = ROOT / "docs/figures/fan-out.svg"
README = ROOT / "README.md"
COLOURS = {"direct": "#cf222e", "fanin": "#0969da", "floor": "#8c959f"}
WIDTH, HEIGHT, LEFT, TOP = 720, 340, 60, 20


def read() -> dict[str, Any]:
    """The committed figures; empty before the first run."""
    return dict(json.loads(DATA.read_text(encoding="utf-8"))) if DATA.exists() else {}


def plain(result: Result) -> dict[str, Any]:
    """What speed.json has of a row; a spread is [median, lowest, highest]."""
    figures = {
        side: {what: [float(f"{number:.4g}") for number in values] for what, values in by.items()}
        for side, by in result.figures.items()
    }
    checks = [
        {**check._asdict(), "measured": [float(f"{number:.4g}") for number in check.measured]}
        for check in result.checks
    ]
    return {"figures": figures, "checks": checks}


def machine() -> dict[str, str]:
    """What the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    return {
        "CPU": model,
        "cores, shared by all processes": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "fanin": __version__,
    }


def write(data: dict[str, Any]) -> None:
    """speed.json, and all that is made of it."""
    DATA.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write_pages(data)


def write_pages(data: dict[str, Any]) -> None:
    """Everything that is made of speed.json."""
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), page_parts(data)), encoding="utf-8")
    README.write_text(renewed(README.read_text(encoding="utf-8"), {"bench": "\n" + checks(data)}), encoding="utf-8")
    if "fan-out" in data["rows"]:
        PLOT.write_text(plot(data["rows"]["fan-out"]["figures"]), encoding="utf-8")


def page_parts(data: dict[str, Any]) -> dict[str, str]:
    """The generated parts of ``PAGE``, by name."""
    described = "| the machine | |\n|---|---|\n" + "".join(f"| {k} | {v} |\n" for k, v in data["machine"].items())
    detail = "".join(f"\n### {name}\n\n{row['run']}.\n\n{_detail(row)}" for name, row in data["rows"].items())
    return {"machine": "\n" + described, "checks": "\n" + checks(data), "detail": detail}


def checks(data: dict[str, Any]) -> str:
    """The table of targets."""
    lines = ["| work | measured (lowest to highest round) | target | |", "|---|---|---|---|"]
    lines += [_check(check) for row in data["rows"].values() for check in row["checks"]]
    return "\n".join(lines) + "\n"


def _check(check: dict[str, Any]) -> str:
    (median, low, high), target, unit = check["measured"], check["target"], check["unit"]
    met = median <= target if check["at_most"] else median >= target
    missed = f"missed by {abs(median / target - 1):.1%}"
    sign = "≤" if check["at_most"] else "≥"
    shown = f"{_number(median)} {unit} ({_number(low)} to {_number(high)})"
    return f"| {check['work']} | {shown} | {sign} {_number(target)} {unit} | {'met' if met else missed} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _detail(row: dict[str, Any]) -> str:
    figures = row["figures"]
    names = list(dict.fromkeys(what for by in figures.values() for what in by))
    lines = ["| | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for side, by in figures.items():
        cells = [_cell(what, by.get(what)) for what in names]
        lines.append(f"| {side} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(what: str, values: list[float] | None) -> str:
    if values is None:
        return "–"
    if what == "idle":
        return f"{values[0]:.0%} ({values[1]:.0%} to {values[2]:.0%})"
    return f"{_number(values[0])} ({_number(values[1])} to {_number(values[2])})"


def text_of(name: str, row: dict[str, Any]) -> str:
    """A row for the terminal."""
    return f"\n{name}\n\n{_detail(row)}\n" + "\n".join(map(_check, row["checks"]))


def plot(figures: dict[str, dict[str, list[float]]]) -> str:
    """Fan-out width against time as SVG: medians as lines, the middle half of the rounds as bands."""
    shown = {side: _points(by) for side, by in figures.items() if side in COLOURS}
    widest = max(width for points in shown.values() for width, _ in points)
    most = max(values[0] for points in shown.values() for _, values in points) * 1.1
    return "\n".join(_svg(shown, widest, most)) + "\n"


def _points(by: dict[str, list[float]]) -> list[tuple[int, list[float]]]:
    return [(int(what.split()[0]), values) for what, values in by.items()]


def _svg(shown: dict[str, list[tuple[int, list[float]]]], widest: int, most: float) -> Iterator[str]:
    def x(width: float) -> str:
        return f"{LEFT + width / widest * (WIDTH - LEFT - 80):.1f}"

    def y(value: float) -> str:
        return f"{HEIGHT - 40 - min(value, most) / most * (HEIGHT - 40 - TOP):.1f}"

    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
    yield "<title>Time of a fan-out by its width</title>"
    yield "<style>text { font: 12px system-ui, sans-serif; fill: #57606a }</style>"
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
    for step in range(5):
        value = most * step / 4
        yield f'<line x1="{LEFT}" x2="{WIDTH - 80}" y1="{y(value)}" y2="{y(value)}" stroke="#d0d7de"/>'
        yield f'<text x="{LEFT - 6}" y="{y(value)}" dy="4" text-anchor="end">{value:.0f} ms</text>'
    for width in (10, 50, 100, 200):
        yield f'<text x="{x(width)}" y="{HEIGHT - 20}" text-anchor="middle">{width}</text>'
    yield f'<text x="{WIDTH // 2}" y="{HEIGHT - 4}" text-anchor="middle">parallel requests</text>'
    for side, points in shown.items():
        band = [f"{x(w)},{y(v[1])}" for w, v in points] + [f"{x(w)},{y(v[2])}" for w, v in reversed(points)]
        line = " ".join(f"{x(width)},{y(values[0])}" for width, values in points)
        yield f'<polygon points="{" ".join(band)}" fill="{COLOURS[side]}" opacity="0.15"/>'
        yield f'<polyline points="{line}" fill="none" stroke="{COLOURS[side]}" stroke-width="2"/>'
        width, values = points[-1]
        yield f'<text x="{x(width)}" y="{y(values[0])}" dx="6" dy="4" style="fill:{COLOURS[side]}">{side}</text>'
    yield "</svg>"
