"""``fanin top``: a live table of fingerprints on a terminal, read from the admin port of a running fanin."""

import json
import os
import select
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

import msgspec

from proxy.config import ConfigError
from proxy.observe.text import safe

PATIENCE = 5.0
"""Seconds for one answer of the admin port."""
ENTER, LEAVE, HOME = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l", "\x1b[H"
"""Another screen without a cursor; back to the one before; to its first line (ECMA-48 and xterm's own)."""
BOLD, PLAIN, REST, BELOW = "\x1b[1m", "\x1b[0m", "\x1b[K", "\x1b[J"
KEYS = {
    "c": ("calls", "calls", 9),
    "5": ("p50", "p50 ms", 9),
    "9": ("p95", "p95 ms", 9),
    "t": ("total", "total ms", 11),
    "r": ("rows", "rows", 10),
    "b": ("bytes", "bytes", 12),
    "m": ("share", "merged", 8),
    "f": ("failed", "failed", 8),
}
"""By the key that sorts by it: a column's name in the API, its head, its width."""


class Order(msgspec.Struct, frozen=True):
    """By which key the table is sorted."""

    key: str = "c"
    down: bool = True

    def pressed(self, key: str) -> "Order":
        """The order after a key: the same one again turns it round."""
        if key not in KEYS:
            return self
        return Order(key, not self.down if key == self.key else True)


class TopError(Exception):
    """The admin port cannot be asked; the message says why and what to do."""


def top(admin: str, token: str | None, every: float) -> int:
    """Show it until q or Ctrl-C; once, where the output is no terminal. TopError when it cannot be read."""
    if not admin.startswith(("http://", "https://")):
        raise ConfigError(f"--admin: '{admin}' is no URL: http://HOST:PORT")
    found = fetch(admin, token)
    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        print("\n".join(frame(found, Order(), len(found) + 2, 160)))
        return 0
    try:
        with _screen():
            _watch(admin, token, every, found)
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


def frame(rows: Sequence[Mapping[str, Any]], order: Order, lines: int, width: int) -> Iterator[str]:
    """The table, line by line, at most so many and so wide."""
    name = KEYS[order.key][0]
    ranked = sorted(rows, key=lambda row: float(row[name]), reverse=order.down)
    room = max(20, width - sum(size for _, _, size in KEYS.values()))
    heads = "".join(_head(key, order).rjust(size) for key, (_, _, size) in KEYS.items())
    yield f"{'fingerprint'.ljust(room)}{heads}"[:width]
    for row in ranked[: max(0, lines - 2)]:
        text = safe(str(row["fingerprint"]))
        shown = text if len(text) < room else text[: room - 2] + "… "
        cells = "".join(_cell(field, float(row[field])).rjust(size) for field, _, size in KEYS.values())
        yield f"{shown.ljust(room)}{cells}"[:width]
    yield f"{len(rows)} fingerprints; sort by {' '.join(KEYS)}, again to turn round; q quits"[:width]


def _head(key: str, order: Order) -> str:
    arrow = ("↓" if order.down else "↑") if key == order.key else ""
    return f"{KEYS[key][1]}{arrow}"


def _cell(field: str, value: float) -> str:
    if field == "share":
        return f"{value:.0f} %"
    return f"{value:,.1f}" if field in ("p50", "p95") else f"{value:,.0f}"


def _watch(admin: str, token: str | None, every: float, rows: list[dict[str, Any]]) -> None:
    order, due, trouble = Order(), time.monotonic() + every, ""
    while True:
        size = os.get_terminal_size()
        head, *rest = frame(rows, order, size.lines - bool(trouble), size.columns)
        told = [f"{BOLD}{head}{PLAIN}", *rest, *([trouble[: size.columns]] if trouble else [])]
        print(HOME + "\n".join(line + REST for line in told) + BELOW, end="", flush=True)
        ready, _, _ = select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))
        if ready:
            key = os.read(sys.stdin.fileno(), 1).decode("ascii", "replace")
            if key in ("q", ""):
                return
            order = order.pressed(key)
            continue
        try:
            rows, trouble = fetch(admin, token), ""
        except TopError as error:
            trouble = safe(str(error))
        due = time.monotonic() + every


@contextmanager
def _screen() -> Iterator[None]:
    """A screen of its own where keys come one by one; all is as before at the end."""
    import termios  # not on Windows
    import tty

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    print(ENTER, end="", flush=True)
    try:
        tty.setcbreak(number)
        yield
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
        print(LEAVE, end="", flush=True)
