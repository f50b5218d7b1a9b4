"""`fanin top`: the table is sorted and cut to its place, and nothing that a client wrote moves the cursor."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.config import ConfigError
from proxy.top import KEYS, Order, TopError, fetch, frame, top
from tests.e2e.harness import free_port
from tests.nasty import NASTY


def row(fingerprint: str, **values: float) -> dict[str, Any]:
    return dict.fromkeys((name for name, _, _ in KEYS.values()), 0.0) | {"fingerprint": fingerprint, **values}


ROWS = [row("GET a", calls=1, p95=9.0), row("GET b", calls=3, p95=1.0), row("GET c", calls=2, p95=5.0)]


def names(order: Order, lines: int = 20) -> list[str]:
    return [line[4:5] for line in list(frame(ROWS, order, lines, 120))[1:-1]]


def test_a_key_sorts_and_again_turns_round() -> None:
    order = Order()
    assert names(order) == ["b", "c", "a"]
    assert names(order.pressed("c")) == ["a", "c", "b"]
    assert names(order.pressed("9")) == ["a", "c", "b"]
    assert order.pressed("x") == order


def test_the_column_that_it_is_sorted_by_is_marked() -> None:
    assert "calls↓" in next(frame(ROWS, Order(), 20, 120))
    assert "p95 ms↑" in next(frame(ROWS, Order("9", False), 20, 120))


@pytest.mark.parametrize("lines", [2, 3, 4, 20])
@pytest.mark.parametrize("width", [10, 80, 200])
def test_it_fits_its_place(lines: int, width: int) -> None:
    shown = list(frame([row("GET " + "x" * 500), *ROWS], Order(), lines, width))
    assert len(shown) <= lines
    assert all(len(line) <= width for line in shown)


@pytest.mark.parametrize("text", [*NASTY, "\x1b[2J\x07\r\n"])
def test_hostile_names_are_shown_escaped(text: str) -> None:
    assert all(line.isprintable() for line in frame([row(text)], Order(), 20, 200))


def test_what_is_no_admin_port_is_told() -> None:
    with pytest.raises(TopError, match="is it the admin port of a fanin"):
        fetch(f"http://127.0.0.1:{free_port()}", None)
    with pytest.raises(ConfigError, match="is no URL"):
        top("file:///etc/passwd", None, 1.0)
