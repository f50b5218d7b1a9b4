"""`make soak`: an audit of 500 tables with 5,000 columns and 2,000 fingerprints takes under 20 s and 300 MB.

`python -m tests.e2e.soak.large_audit` fills a Postgres and writes a recording; the exit status is 1 if the audit takes
more time or memory than that, finds nothing, or could not judge a table for want of plans.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from msgspec.structs import replace

from proxy.demo.stack import Postgres
from tests.recording.test_codec import lines
from tests.rules.traces import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.model import Trace

TABLES, SECONDS, MEGABYTES = 500, 20.0, 300.0
COLUMNS = """
id bigint primary key, tenant_id int not null, state text not null, name text, amount numeric,
created_at timestamptz not null, updated_at timestamptz, data jsonb, flag boolean, parent_id bigint
"""
ROWS = """
insert into t{n} select n, n % 50, 's' || n % 5, 'name ' || n, n, timestamptz '2025-01-01' + n * interval '1 minute',
null, '{{}}', n % 2 = 0, null from generate_series(1, 2000) n
"""
REQUESTS = (
    "2 × GET /t{n}?select=*&tenant_id=eq.7&order=created_at.desc&limit=20 → 20 rows, 5 ms",
    "2 × GET /t{n}?select=id,name&state=eq.s1 → 400 rows, 5 ms",
    "2 × GET /t{n}?select=*&id=eq.5 → 1 rows, 1 ms",
    "2 × GET /t{n}?select=*&name=eq.x&amount=gt.4 → 1 rows, 5 ms",
)


async def fill(dsn: str) -> None:
    """The tables; every third one has an index that serves its list."""
    connection = await asyncpg.connect(dsn)
    try:
        for n in range(TABLES):
            await connection.execute(f"create table t{n} ({COLUMNS})")
            await connection.execute(ROWS.format(n=n))
            if n % 3 == 0:
                await connection.execute(f"create index on t{n} (tenant_id, created_at desc)")
        await connection.execute("analyze")
    finally:
        await connection.close()


def traces() -> Iterator[Trace]:
    """Each request in a trace of its own."""
    number = 0
    for n in range(TABLES):
        for one in told([line.format(n=n) for line in REQUESTS]):
            number += 1
            spans = tuple(replace(each, relation=f"public.t{n}") for each in one.spans)
            yield replace(one, id=str(number), spans=spans)


def main() -> int:
    """Returns the exit status."""
    with Postgres() as postgres, tempfile.TemporaryDirectory() as folder:
        asyncio.run(fill(postgres.dsn))
        recording, report = Path(folder, "recording.jsonl"), Path(folder, "report.json")
        recording.write_bytes(b"".join(lines(*traces())))
        words = ["audit", "--db-uri", postgres.dsn, "--traces", str(recording), "--set", "catalog.schemas=public"]
        words += ["--fail-on", "never", "--format", "json", "--output", str(report)]
        begun = time.monotonic()
        seconds, megabytes = _measured([str(Path(sys.executable).with_name("fanin")), *words], begun)
        found = json.loads(report.read_text(encoding="utf-8"))
    advised = sum(each["finding"]["code"] == "FAN020" for each in found["findings"])
    missing = sum(each["check"] == "FAN020" for each in found["not_checked"])
    print(f"{TABLES} tables: {seconds:.1f} s, {megabytes:.0f} MB, {advised} indexes, {missing} not checked")
    return int(seconds > SECONDS or megabytes > MEGABYTES or not advised or bool(missing))


def _measured(command: list[str], begun: float) -> tuple[float, float]:
    """The seconds that the program took, and the most megabytes that it had resident."""
    peak = 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, _resident(process.pid))
            time.sleep(0.02)
    return time.monotonic() - begun, peak


def _resident(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(found[0]) / 1000 if found else 0.0


if __name__ == "__main__":
    sys.exit(main())
