"""The import law: each kind of file knows only what it may, and what decides does no I/O."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
VALUES = {
    "proxy.budgets",
    "proxy.model",
    "proxy.errors",
    "proxy.fault_answer",
    "proxy.findings",
    "proxy.config",
    "proxy.law",
    "proxy.listing",
    "proxy.markdown",
    "proxy.overrides",
    "proxy.recorded",
    "proxy.recording",
    "proxy.reload",
    "proxy.remedies",
    "proxy.section",
    "proxy.sections",
    "proxy.sources",
    "proxy.telling",
    "proxy.thresholds",
    "proxy.workload",
}
KITS = {"proxy.http1", "proxy.postgrest", "proxy.fixes"}
EVENTS = {"proxy.observe.events"}
IMPURE = {"asyncio", "time", "socket", "logging", "ssl", "select", "selectors", "threading", "subprocess", "random"}

LAW: dict[str, tuple[set[str], set[str]]] = {
    # where: (which of ours, which packages)
    "values": (VALUES, {"msgspec", "pydantic", "pydantic_settings"}),
    "kit http1": (VALUES | {"proxy.http1"}, {"msgspec"}),
    "kit postgrest": (VALUES | {"proxy.postgrest"}, {"msgspec", "sqlglot"}),
    "kit fixes": (VALUES | {"proxy.postgrest", "proxy.fixes"}, {"msgspec"}),
    "room": (VALUES | KITS, {"msgspec"}),
    "rule": (VALUES | KITS, {"msgspec", "sqlglot"}),
    "observer": (VALUES | KITS | {"proxy.observe"}, {"msgspec", "structlog", "prometheus_client"}),
    "sender": (VALUES | KITS | {"proxy.observe"}, {"opentelemetry"}),
    "shell": (VALUES | KITS | EVENTS | {"proxy.path", "proxy.shell"}, {"msgspec", "aiohttp"}),
    "explain": (VALUES | KITS | {"proxy.path", "proxy.observe.text", "proxy.explain"}, {"msgspec"}),
    "check": (
        VALUES | KITS | {"proxy.observe.text", "proxy.observe.report", "proxy.check"},
        {"msgspec"},
    ),
    "audit": (
        # and what a report has in common with a gate: a trace's cost, and how findings are written for code hosts
        VALUES
        | KITS
        | EVENTS
        | {"proxy.observe.text", "proxy.observe.report", "proxy.audit"}
        | {"proxy.check.work", "proxy.check.verdict", "proxy.check.sarif"},
        {"msgspec", "sqlglot"},
    ),
    "seam": (VALUES | KITS | EVENTS, {"asyncpg"}),
}
PURE = {"values", "kit http1", "kit postgrest", "kit fixes", "room", "rule", "explain", "check", "audit"}


def kind(path: Path) -> str | None:
    """Which paragraph of the law a file is under; None for the root, the demo, and the maps in ``__init__``."""
    parts = path.relative_to(ROOT).parts
    if parts[0] == "rules":
        return None if path.name == "__init__.py" else "rule"
    rooms = {
        "http1": "kit http1",
        "postgrest": "kit postgrest",
        "fixes": "kit fixes",
        "path": "room",
        "observe": "sender" if path.stem in ("otlp", "otlp_sender") else "observer",
        "explain": "explain",
        "check": "check",
        "audit": "audit",
        "shell": "seam" if path.stem == "catalog" else "shell",
    }
    if len(parts) > 2:
        return rooms.get(parts[1])
    return "values" if f"proxy.{path.stem}" in VALUES else None


FILES = {
    str(path.relative_to(ROOT)): (path, found)
    for folder in ("proxy", "rules")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if (found := kind(path)) is not None
}


def imports(path: Path) -> set[str]:
    """Modules that a file imports, those under TYPE_CHECKING and inside functions included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it leads"
            found.add(node.module or "")
    return found


def within(module: str, allowed: set[str]) -> bool:
    return any(module == name or module.startswith(name + ".") for name in allowed)


@pytest.mark.parametrize("name", FILES)
def test_a_file_imports_only_what_its_kind_may(name: str) -> None:
    path, what = FILES[name]
    ours, packages = LAW[what]
    for module in imports(path):
        top = module.partition(".")[0]
        if top in ("proxy", "rules"):
            assert within(module, ours), f"{name} is a {what} and imports {module}"
        elif top in sys.stdlib_module_names:
            assert what not in PURE or top not in IMPURE, f"{name} decides, and imports {module}"
        else:
            assert top in packages, f"{name} is a {what} and imports {module}"


def test_every_kind_of_the_law_has_files() -> None:
    assert {what for _, what in FILES.values()} == set(LAW)


@pytest.mark.parametrize("name", [name for name, (_, what) in FILES.items() if what == "room"])
def test_a_room_knows_no_other_room(name: str) -> None:
    path, _ = FILES[name]
    assert not any(module.startswith("proxy.path") for module in imports(path))


def test_only_the_root_knows_the_rules() -> None:
    knowing = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "proxy").rglob("*.py")
        if any(module.partition(".")[0] == "rules" for module in imports(path))
    }
    assert knowing == {"proxy/cli.py", "proxy/reference.py"}
