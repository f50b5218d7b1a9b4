"""RetroMuscle, recorded by a real fanin: its eight missing indexes are found, proved and written to a migration.

After the migration, a second audit of the same recording finds none of what it changed.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg
import pytest

from proxy.demo.data import load
from proxy.demo.postgres import Postgres
from proxy.demo.stack import PostgREST, service_token
from tests.commands.test_check import desk as desk
from tests.commands.test_check import no_variables as no_variables
from tests.conftest import SECRET
from tests.e2e.database.conftest import BINARIES, statements
from tests.e2e.database.test_audit_database import PUBLIC, told
from tests.e2e.database.test_index_advisor import DEBIAN, EIGHT
from tests.e2e.support.retromuscle_workload import CREATORS, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.commands.test_check import Desk

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

EXECUTABLE = {"FAN020", "FAN021", "FAN023", "FAN031", "FAN032"}


class Shop(NamedTuple):
    """A RetroMuscle, the recording of its calls, and how indexes are proved there."""

    dsn: str
    recording: Path
    proof: tuple[str, ...]


@pytest.fixture(scope="module", params=BINARIES)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """On Postgres 15 with HypoPG, and on Postgres 18 without it, where indexes are built for a trial."""
    directory = BINARIES[request.param]
    has_hypopg = bool(list(DEBIAN.glob("root/usr/share/postgresql/*/extension/hypopg.control")))
    if directory and not (Path(directory, "postgres").exists() and has_hypopg):
        pytest.skip("this machine has no HypoPG: Debian's package is not unpacked")
    file = tmp_path_factory.mktemp("recording") / "retromuscle.jsonl"
    with ExitStack() as stack:
        if directory:
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.setenv("FANIN_PG_BIN", directory)
        postgres = stack.enter_context(Postgres())
        asyncio.run(load(postgres.dsn, CREATORS))
        if directory:
            asyncio.run(execute(postgres.dsn, "create extension hypopg schema extensions"))
        with PostgREST(postgres.dsn_as("authenticator"), secret=SECRET) as postgrest:
            recorded(postgrest.url, service_token(SECRET), file)
        yield Shop(postgres.dsn, file, () if directory else ("--trial",))


async def execute(dsn: str, *texts: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for text in texts:
            await connection.execute(text)
    finally:
        await connection.close()


def audited(desk: Desk, shop: Shop, *words: str) -> dict[str, Any]:
    words = (*words, *shop.proof, "--format", "json", "--fail-on", "never")
    ran = desk.run("audit", "--config", "", ("--db-uri", shop.dsn, *PUBLIC, "--traces", str(shop.recording), *words))
    assert (ran.code, ran.err) == (0, "")
    report: dict[str, Any] = json.loads(ran.out)
    return report


def run_file(dsn: str, file: Path) -> None:
    """Run a file as psql does; without psql, one statement after another."""
    if shutil.which("psql"):
        command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(file), dsn]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stderr) == (0, "")
    else:
        told(execute(dsn, *statements(file.read_text(encoding="utf-8"))))


def found(report: dict[str, Any], *codes: str) -> list[dict[str, Any]]:
    return [each["finding"] for each in report["findings"] if each["finding"]["code"] in codes]


def test_the_eight_indexes_are_found_and_proved_and_after_the_migration_the_audit_is_silent(
    desk: Desk, shop: Shop, tmp_path: Path
) -> None:
    file = tmp_path / "migration.sql"
    report = audited(desk, shop, "--migration", str(file))
    advised = found(report, "FAN020")
    assert {(each["index"]["table"], tuple(each["index"]["keys"]), each["index"]["where"]) for each in advised} == EIGHT
    for each in advised:
        evidence = "\n".join(each["evidence"])
        assert "before: " in evidence
        assert "Index Scan" in evidence.partition("after: ")[2]
        assert "not proven" not in evidence
    missing = [each for each in report["not_checked"] if each["check"] == "FAN020"]
    assert missing == []
    assert {"FAN021", "FAN031", "FAN032"} <= {each["finding"]["code"] for each in report["findings"]}

    text = file.read_text(encoding="utf-8")
    assert text.count("\nCREATE INDEX CONCURRENTLY ") == 8
    run_file(shop.dsn, file)
    undone = [line.removeprefix("-- undo: ") for line in text.splitlines() if line.startswith("-- undo: ")]
    try:
        told(execute(shop.dsn, "vacuum analyze"))
        again = tmp_path / "again.sql"
        second = audited(desk, shop, "--migration", str(again))
        assert found(second, *EXECUTABLE) == []
        assert list(statements(again.read_text(encoding="utf-8"))) == []
        assert any("has the keys status" in each["reason"] for each in second["no_index"])
    finally:
        told(execute(shop.dsn, *undone))
    keys = {each["key"] for each in report["findings"] if each["finding"]["code"] in EXECUTABLE}
    assert {each["key"] for each in audited(desk, shop)["findings"] if each["finding"]["code"] in EXECUTABLE} == keys


def test_the_same_recording_gives_the_same_report_but_for_the_times_of_a_trial(desk: Desk, shop: Shop) -> None:
    first, second = audited(desk, shop), audited(desk, shop)
    if shop.proof:
        first, second = (
            {each["index"]["table"]: each["index"] for each in found(one, "FAN020")} for one in (first, second)
        )
    assert first == second
