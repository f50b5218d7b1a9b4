"""``fanin top``: a live table of fingerprints on a terminal, read from the admin port of a running fanin."""

import json
import os
import select
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from proxy.settings.sources import ConfigError
from proxy.text.terminal import safe

PATIENCE = 5.0
"""Seconds for one answer of the admin port."""
WIDE = 160
"""Characters of a line where there is no terminal to fit in."""
KEYS = {
    "c": ("calls", "calls"),
    "5": ("p50", "p50 ms"),
    "9": ("p95", "p95 ms"),
    "t": ("total", "total ms"),
    "r": ("rows", "rows"),
    "b": ("bytes", "bytes"),
    "m": ("share", "merged"),
    "f": ("failed", "failed"),
}
"""By the key that sorts by it: a column's name in the API, its head."""
PLACES = "cm9tr5bf"
"""The same keys, the most looked at first: what a narrow terminal has no room for is shown when it is sorted by."""
NAMED, EACH = 36, 11
"""Characters that a fingerprint has at least, and that a column takes."""
AROUND = 2
"""Lines of the terminal that hold no fingerprint: the heads, and what the keys are."""


class SortOrder(msgspec.Struct, frozen=True):
    """By which key the table is sorted."""

    key: str = "c"
    down: bool = True

    def pressed(self, key: str) -> "SortOrder":
        """The order after a key: the same one again turns it round."""
        if key not in KEYS:
            return self
        return SortOrder(key, not self.down if key == self.key else True)


class TopError(Exception):
    """The admin port cannot be asked; the message says why and what to do."""


def top(admin: str, token: str | None, every: float) -> int:
    """Show it until q or Ctrl-C; once, where the output is no terminal. TopError when it cannot be read."""
    if not admin.startswith(("http://", "https://")):
        raise ConfigError(f"--admin: '{admin}' is no URL: http://HOST:PORT")
    console, found = Console(), fetch(admin, token)
    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        Console(width=WIDE).print(table(found, SortOrder(), len(found), WIDE))
        return 0
    try:
        with _keys(), Live(console=console, screen=True, auto_refresh=False) as live:
            _watch(live, lambda: fetch(admin, token), every, found)
    except KeyboardInterrupt:
        pass  # as good an end as q
    return 0


def fetch(admin: str, token: str | None) -> list[dict[str, Any]]:
    """The fingerprints that a fanin knows."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = Request(f"{admin.rstrip('/')}/api/fingerprints", headers=headers)  # noqa: S310 – http(s) alone
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=PATIENCE) as answer:
            found = json.load(answer)["fingerprints"]
    except HTTPError as error:
        why = "show the token by --token or FANIN_ADMIN_TOKEN" if error.code in (401, 403) else "is it fanin's?"
        raise TopError(f"{admin} answers {error.code}: {why}") from error
    except (OSError, URLError, ValueError, KeyError, TypeError) as error:
        raise TopError(f"{admin} cannot be read ({type(error).__name__}): is it the admin port of a fanin?") from error
    return [{**row, "share": 100 * row["merged"] / max(1, row["calls"])} for row in found]


def table(rows: Sequence[Mapping[str, Any]], order: SortOrder, most: int, width: int) -> Table:
    """The first ``most`` of them in order, each on one line of ``width`` characters.

    Names are a client's: no control character moves on.
    """
    name = KEYS[order.key][0]
    ranked = sorted(rows, key=lambda row: float(row[name]), reverse=order.down)
    keys = " ".join(KEYS)
    told = f"{len(rows)} fingerprints; sort by {keys}, again to turn round; q quits"
    made = Table(box=None, expand=True, padding=(0, 1), caption=told, caption_justify="left")
    made.add_column("fingerprint", no_wrap=True, overflow="ellipsis", ratio=1)
    columns = _columns(order, width)
    for key, (_, head) in columns.items():
        arrow = ("↓" if order.down else "↑") if key == order.key else ""
        made.add_column(f"{head}{arrow}", justify="right", no_wrap=True)
    for row in ranked[: max(0, most)]:
        cells = [_cell(field, float(row[field])) for field, _ in columns.values()]
        made.add_row(Text(safe(str(row["fingerprint"]))), *cells)
    return made


def _columns(order: SortOrder, width: int) -> dict[str, tuple[str, str]]:
    """Those of ``KEYS`` for which there is room, in their order; the one that is sorted by always."""
    ranked = [*dict.fromkeys((order.key, *PLACES))]
    shown = ranked[: max(1, (width - NAMED) // EACH)]
    return {key: names for key, names in KEYS.items() if key in shown}


def _cell(field: str, value: float) -> str:
    if field == "share":
        return f"{value:.0f} %"
    return f"{value:,.1f}" if field in ("p50", "p95") else f"{value:,.0f}"


def _watch(live: Live, read: Callable[[], list[dict[str, Any]]], every: float, rows: list[dict[str, Any]]) -> None:
    order, due, trouble = SortOrder(), time.monotonic() + every, ""
    while True:
        shown = table(rows, order, live.console.height - AROUND - bool(trouble), live.console.width)
        live.update(Group(shown, Text(trouble, style="bold red", no_wrap=True)) if trouble else shown, refresh=True)
        ready, _, _ = select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))
        if ready:
            key = os.read(sys.stdin.fileno(), 1).decode("ascii", "replace")
            if key in ("q", ""):
                return
            order = order.pressed(key)
            continue
        try:
            rows, trouble = read(), ""
        except TopError as error:
            trouble = safe(str(error))
        due = time.monotonic() + every


@contextmanager
def _keys() -> Iterator[None]:
    """Keys come one by one, and are not shown; the terminal is as before at the end."""
    import termios  # not on Windows
    import tty

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    try:
        tty.setcbreak(number)
        yield
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
