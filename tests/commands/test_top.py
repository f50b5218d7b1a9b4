"""`fanin top`: the table is sorted, fits the terminal, and contains no control characters."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from proxy.commands.admin_api import AdminPortError
from proxy.commands.top import KEYS, SortOrder, fetch, reader, table
from proxy.settings.sources import ConfigError
from proxy.text.terminal import safe
from tests.e2e.support.harness import free_port
from tests.hostile_inputs import HOSTILE_NAMES


def row(fingerprint: str, **values: float) -> dict[str, Any]:
    return dict.fromkeys((name for name, _ in KEYS.values()), 0.0) | {"fingerprint": fingerprint, **values}


ROWS = [row("GET a", calls=1, p95=9.0), row("GET b", calls=3, p95=1.0), row("GET c", calls=2, p95=5.0)]


def printed(rows: list[dict[str, Any]], order: SortOrder, most: int = 20, width: int = 120) -> list[str]:
    """The lines as a terminal of that width has them."""
    console = Console(width=width, file=io.StringIO(), color_system=None)
    with console.capture() as capture:
        console.print(table(rows, order, most, width))
    return capture.get().splitlines()


def names(order: SortOrder) -> list[str]:
    return [line.split()[1] for line in printed(ROWS, order)[1:-1]]


def test_a_key_sorts_and_the_same_key_again_reverses() -> None:
    order = SortOrder()
    assert names(order) == ["b", "c", "a"]
    assert names(order.pressed("c")) == ["a", "c", "b"]
    assert names(order.pressed("9")) == ["a", "c", "b"]
    assert order.pressed("x") == order


def test_the_sorted_column_is_marked() -> None:
    assert "calls↓" in printed(ROWS, SortOrder())[0]
    assert "p95 ms↑" in printed(ROWS, SortOrder("9", False))[0]


def test_a_narrow_terminal_shows_full_names_and_the_sorted_column() -> None:
    query = "GET videos?select=id&status=eq.?"
    heads, line, _ = printed([row(query, failed=7)], SortOrder("f"), width=80)
    assert (heads.split(), line.split()) == (
        ["fingerprint", "calls", "p95", "ms", "merged", "failed↓"],
        [*query.split(), "0", "0.0", "0", "%", "7"],
    )
    assert len(printed(ROWS, SortOrder(), width=140)[0].split()) == 12


@pytest.mark.parametrize("most", [-1, 0, 1, 4])
@pytest.mark.parametrize("width", [80, 200])
def test_each_fingerprint_has_one_line_and_the_table_fits_the_terminal(most: int, width: int) -> None:
    lines = printed([row("GET " + "x" * 500), *ROWS], SortOrder(), most, width)
    assert len(lines) == max(0, most) + 2
    assert all(len(line) <= width for line in lines)


@pytest.mark.parametrize("text", [*HOSTILE_NAMES, "\x1b[2J\x07\r\n", "[bold]GET t[/bold]", "[/nothing]"])
def test_hostile_names_are_escaped_and_not_interpreted_as_markup(text: str) -> None:
    lines = printed([row(text)], SortOrder(), width=400)
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    assert safe(text).split("\n")[0][:20].strip() in lines[1]


def test_a_url_that_is_not_an_admin_port_is_an_error() -> None:
    with pytest.raises(AdminPortError, match="is it the admin port of a fanin"):
        fetch(f"http://127.0.0.1:{free_port()}", None)
    with pytest.raises(ConfigError, match="is not http://HOST:PORT"):
        reader("file:///etc/passwd", None)
