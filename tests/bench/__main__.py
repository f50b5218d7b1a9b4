"""`make bench`: the rows of docs/explanation/speed.md, measured side by side in one run.

ARGS=--quick runs for seconds a side instead of minutes; ARGS="--row merged --row lone" chooses; --against REV measures
another revision of fanin in turns with this one; --write-docs puts the figures into speed.json and makes the pages of
it. wrk, nginx and node are those that `make bench` has unpacked, or PATH's. All sides of a row are up at once and take
turns, so that a slow moment of the machine hits them alike.
"""

from __future__ import annotations

import argparse
import os
import time
from contextlib import ExitStack
from typing import Any

from tests.bench import page
from tests.bench.load import Turns
from tests.bench.rows import ROWS, Result, Run, overload_seconds
from tests.bench.stack import Servers
from tests.programs import search_path


def main() -> None:
    """Measure, print, and with --write-docs write."""
    os.environ["PATH"] = search_path()
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--quick", action="store_true", help="seconds a side instead of minutes")
    parser.add_argument("--row", action="append", choices=ROWS, help="only this row; may be repeated")
    parser.add_argument("--against", metavar="REV", default="", help="measure this revision of fanin too, in turns")
    parser.add_argument("--minutes", type=float, default=0.0, help="minutes of the row memory; 0: without that row")
    parser.add_argument("--write-docs", action="store_true", help="write speed.json, docs/explanation and README.md")
    options = parser.parse_args()
    if options.write_docs and options.against:
        parser.error("--write-docs writes the figures of this tree alone: leave --against out")
    turns = Turns(3, 2) if options.quick else Turns(5, 8)
    wanted = [name for name in options.row or ROWS if name != "memory" or options.minutes]
    results: dict[str, Result] = {}
    with ExitStack() as stack:
        run = Run(Servers(stack, options.against), turns, options.minutes)
        for name in wanted:
            results[name] = ROWS[name](run)
            print(page.text_of(name, page.plain(results[name])), flush=True)
    if options.write_docs:
        data: dict[str, Any] = page.read()
        rows = {name: page.plain(result) for name, result in results.items()}
        how = {
            "overload": f"{overload_seconds(turns):g} s a side",
            "memory": f"one round of {options.minutes:g} minutes",
        }
        usual = f"{turns.rounds} rounds of {turns.seconds:g} s"
        for name, row in rows.items():
            row["run"] = f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, {how.get(name, usual)}"
        known = {**data.get("rows", {}), **rows}
        page.write({"machine": page.machine(), "rows": {name: known[name] for name in ROWS if name in known}})


if __name__ == "__main__":
    main()
