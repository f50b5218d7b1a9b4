"""``fanin top``: a live table of fingerprints on a terminal, of a running fanin or of a file of OpenTelemetry."""

import os
import select
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from proxy.admin.usage_views import usage_views
from proxy.analysis.workload import Workload
from proxy.commands.admin_api import AdminPortError, read_api
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.recording.admin_client import check_admin_url
from proxy.recording.source import DataAccessError, Recordings
from proxy.settings.loading import load
from proxy.settings.model import Settings
from proxy.text.terminal import safe

WIDTH_WITHOUT_TERMINAL = 160
"""Characters of a line if the output is not a terminal."""
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
"""Keyboard keys that sort: the column's field in the API, and its heading."""
BY_IMPORTANCE = "cm9tr5bf"
"""The same keys, the most important column first. A narrow terminal shows the first ones and the sorted one."""
FINGERPRINT_WIDTH, COLUMN_WIDTH = 36, 11
"""Minimum characters of the fingerprint column, and characters of each other column."""
OTHER_LINES = 2
"""Lines of the terminal without a fingerprint: the headings and the help."""


class SortOrder(msgspec.Struct, frozen=True):
    """The column by which the table is sorted, and the direction."""

    key: str = "c"
    down: bool = True

    def pressed(self, key: str) -> "SortOrder":
        """The order after a key press; the same key again reverses it."""
        if key not in KEYS:
            return self
        return SortOrder(key, not self.down if key == self.key else True)


def top(read: Callable[[], list[dict[str, Any]]], every: float) -> int:
    """Show the table of ``read`` until q or Ctrl-C, or once if the output is not a terminal. Raises what it raises."""
    console, rows = Console(), read()
    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        width = WIDTH_WITHOUT_TERMINAL
        Console(width=width).print(table(rows, SortOrder(), len(rows), width))
        return 0
    try:
        with _keys(), Live(console=console, screen=True, auto_refresh=False) as live:
            _watch(live, read, every, rows)
    except KeyboardInterrupt:
        pass  # ends like q
    return 0


def reader_of(options: Namespace) -> Callable[[], list[dict[str, Any]]]:
    """What ``fanin top`` reads at each update: the files of ``--otlp``, or the admin port. ConfigError."""
    if not options.otlp:
        return reader(options.admin, options.token or os.environ.get("FANIN_ADMIN_TOKEN"))
    from proxy.receiver.files import named_upstreams, read_otlp  # imports the parsers of the data path

    settings, upstreams = load({}).settings, named_upstreams(options.upstreams)
    return lambda: fetch_traffic(read_otlp(options.otlp, upstreams, settings), settings)


def reader(admin: str, token: str | None) -> Callable[[], list[dict[str, Any]]]:
    """Reads the fingerprints of a running fanin from its API: see ``fetch``. ConfigError if ``admin`` is no URL."""
    check_admin_url(admin)
    return lambda: fetch(admin, token)


def fetch_traffic(traffic: Recordings, settings: Settings) -> list[dict[str, Any]]:
    """The fingerprints of recorded traffic. Raises DataAccessError."""
    workload, names = Workload(settings.detect.fingerprints, settings.detect.fingerprints_bytes), ConfirmedNames()
    for _, trace in traffic:
        workload.add(trace)
        names.learn(trace.spans)
    views = usage_views(list(workload), names, "", 0.0)
    return [{**msgspec.structs.asdict(row), "share": 100 * row.merged / max(1, row.calls)} for row in views]


def fetch(admin: str, token: str | None) -> list[dict[str, Any]]:
    """The fingerprints of a running fanin, from its API; raises AdminPortError."""
    rows = read_api(admin, token, "/api/fingerprints", "fingerprints")
    return [{**row, "share": 100 * row["merged"] / max(1, row["calls"])} for row in rows]


def table(rows: Sequence[Mapping[str, Any]], order: SortOrder, most: int, width: int) -> Table:
    """The first ``most`` rows in ``order``, each on one line of ``width`` characters.

    Names come from clients, so control characters are escaped.
    """
    name = KEYS[order.key][0]
    ranked = sorted(rows, key=lambda row: float(row[name]), reverse=order.down)
    keys = " ".join(KEYS)
    caption = f"{len(rows)} fingerprints; sort with {keys}, again to reverse; q quits"
    output = Table(box=None, expand=True, padding=(0, 1), caption=caption, caption_justify="left")
    output.add_column("fingerprint", no_wrap=True, overflow="ellipsis", ratio=1)
    columns = _columns(order, width)
    for key, (_, head) in columns.items():
        arrow = ("↓" if order.down else "↑") if key == order.key else ""
        output.add_column(f"{head}{arrow}", justify="right", no_wrap=True)
    for row in ranked[: max(0, most)]:
        cells = [_cell(field, float(row[field])) for field, _ in columns.values()]
        output.add_row(Text(safe(str(row["fingerprint"]))), *cells)
    return output


def _columns(order: SortOrder, width: int) -> dict[str, tuple[str, str]]:
    """The items of ``KEYS`` that fit in ``width``, in their order; always includes the sorted column."""
    ranked = [*dict.fromkeys((order.key, *BY_IMPORTANCE))]
    fitting = ranked[: max(1, (width - FINGERPRINT_WIDTH) // COLUMN_WIDTH)]
    return {key: names for key, names in KEYS.items() if key in fitting}


def _cell(field: str, value: float) -> str:
    if field == "share":
        return f"{value:.0f} %"
    return f"{value:,.1f}" if field in ("p50", "p95") else f"{value:,.0f}"


def _watch(live: Live, read: Callable[[], list[dict[str, Any]]], every: float, rows: list[dict[str, Any]]) -> None:
    order, due, problem = SortOrder(), time.monotonic() + every, ""
    while True:
        output = table(rows, order, live.console.height - OTHER_LINES - bool(problem), live.console.width)
        live.update(Group(output, Text(problem, style="bold red", no_wrap=True)) if problem else output, refresh=True)
        ready, _, _ = select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))
        if ready:
            key = os.read(sys.stdin.fileno(), 1).decode("ascii", "replace")
            if key in ("q", ""):
                return
            order = order.pressed(key)
            continue
        try:
            rows, problem = read(), ""
        except (AdminPortError, DataAccessError) as error:
            problem = safe(str(error))
        due = time.monotonic() + every


@contextmanager
def _keys() -> Iterator[None]:
    """Read keys one by one and without echo; restores the terminal at the end."""
    import termios  # not on Windows
    import tty

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    try:
        tty.setcbreak(number)
        yield
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
