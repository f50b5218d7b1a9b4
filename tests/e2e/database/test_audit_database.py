"""`fanin audit --db-uri`: findings over the database with the requests that pay for them, and what was not checked."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from msgspec.structs import replace

from proxy.commands.main import CANCELLED, FINDINGS, OK, UNABLE
from proxy.database.statements import STATEMENTS
from proxy.postgrest.database_facts import DatabaseFacts
from tests.commands import test_check as checking
from tests.commands.test_check import no_variables as no_variables
from tests.e2e.database.conftest import STUBS
from tests.e2e.support.script_runner import PATIENCE
from tests.recording.test_prometheus import prometheus, series
from tests.rules.traces import parallel

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from pathlib import Path

    from proxy.demo.postgres import Postgres
    from proxy.model import Trace
    from proxy.settings.model import Settings

SCHEMA = """
create table public.videos (id bigint primary key, owner_id uuid);
create table public.songs (id bigint primary key);
grant select on public.videos, public.songs to anon;
insert into public.videos select n from generate_series(1, 50) n;
analyze;
"""
KEPT = """
alter table public.videos enable row level security;
alter table public.songs enable row level security;
create policy own on public.videos for select using (owner_id = (select auth.uid()));
create policy all_songs on public.songs for select using (true);
"""
PUBLIC = ("--set", "catalog.schemas=public", "--set", "rules.fan022=off")
"""FAN022 needs statistics of a week, which a new server has not."""


def told(work: Coroutine[Any, Any, object]) -> None:
    """Run ``work``; in a thread, for pytest may have a loop of its own here."""
    thread = threading.Thread(target=asyncio.run, args=(work,))
    thread.start()
    thread.join()


async def execute(dsn: str, database: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn, database=database)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


class Desk(checking.Desk):
    """A folder with recordings, and a database."""

    uri = ""
    dsn = ""

    def audit(self, *words: str) -> checking.Ran:
        return self.run("audit", "--config", "", words)

    def sql(self, *statements: str) -> None:
        told(execute(self.dsn, "audit_cli", *statements))


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], server: Postgres) -> Iterator[Desk]:
    desk = Desk(tmp_path, capsys)
    desk.dsn = server.dsn
    desk.uri = server.dsn.rpartition("/")[0] + "/audit_cli"
    told(execute(server.dsn, "postgres", "create database audit_cli"))
    try:
        desk.sql(STUBS, SCHEMA)
        yield desk
    finally:
        told(execute(server.dsn, "postgres", "drop database audit_cli with (force)"))


def traffic() -> Trace:
    """Ten reads of the table videos by one route."""
    trace = parallel(["GET /videos?id=gt.1&limit=5 → 5 rows, 1 kB, 30 ms"] * 2)
    return replace(trace, spans=tuple(replace(each, relation="videos") for each in trace.spans))


def test_without_traffic_nothing_is_read_for_the_rules_of_traffic(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Settings] = []

    def facts_of(settings: Settings) -> DatabaseFacts:
        read.append(settings)
        return DatabaseFacts()

    monkeypatch.setattr("proxy.commands.audit.database.facts_of", facts_of)
    desk.audit("--db-uri", desk.uri, *PUBLIC)
    assert read == []
    desk.audit("--db-uri", desk.uri, *PUBLIC, "--traces", desk.record(checking.ONE))
    assert len(read) == 1


def test_without_traffic_the_rules_over_the_database_run(desk: Desk) -> None:
    ran = desk.audit("--db-uri", desk.uri, *PUBLIC, "--format", "json")
    report = json.loads(ran.out)
    found = {each["finding"]["object"]["name"]: each for each in report["findings"]}
    assert set(found) == {"songs", "videos"}
    assert found["videos"]["finding"]["object"]["kind"] == "table"
    assert (ran.code, ran.err, report["database"]) == (FINDINGS, "", "audit_cli")
    assert report["not_checked"] == []


def test_the_same_database_gives_the_same_bytes(desk: Desk) -> None:
    for format_ in ("text", "md", "json", "html", "sarif"):
        first, second = (desk.audit("--db-uri", desk.uri, *PUBLIC, "--format", format_).out for _ in range(2))
        assert first == second


def test_a_finding_that_requests_touch_comes_first_with_its_load(desk: Desk) -> None:
    file = desk.record(traffic())
    report = json.loads(desk.audit("--db-uri", desk.uri, *PUBLIC, "--traces", file, "--format", "json").out)
    about = [each for each in report["findings"] if each["load"] is not None]
    assert [(each["finding"]["object"]["name"], each["load"]["calls"]) for each in about] == [
        ("videos", 2),
        ("songs", 0),
    ]
    assert about[0]["load"]["calls_per_hour"] > 0
    assert report["findings"][-1]["finding"]["object"]["name"] == "songs"
    assert "no observed request touches it" in desk.audit("--db-uri", desk.uri, *PUBLIC, "--traces", file).out


def test_a_database_that_is_kept_well_exits_with_0_also_with_full_coverage(desk: Desk) -> None:
    desk.sql(KEPT)
    ran = desk.audit("--db-uri", desk.uri, *PUBLIC, "--require-full-coverage", "--fail-on", "high")
    assert (ran.code, ran.err) == (OK, ""), ran.out
    assert "Everything was checked." in ran.out


def test_what_a_role_may_not_read_is_not_checked_in_every_format_and_never_clean(desk: Desk) -> None:
    desk.sql(KEPT, f"create role auditor login password '{urlsplit(desk.dsn).password}'")
    try:
        desk.sql("revoke select on pg_catalog.pg_policy from public")
        uri = desk.uri.replace("//postgres", "//auditor")
        for format_ in ("text", "md", "json", "html", "sarif"):
            ran = desk.audit("--db-uri", uri, *PUBLIC, "--format", format_)
            assert "policies" in ran.out, format_
            assert "the role may not read it" in ran.out, format_
            assert ran.code == OK
            full = desk.audit("--db-uri", uri, *PUBLIC, "--format", format_, "--require-full-coverage")
            assert full.code == FINDINGS
        ran = desk.audit("--db-uri", uri, *PUBLIC, "--traces", desk.record(traffic()))
        assert (ran.code, ran.err) == (OK, "")
        assert "without the indexes, types and keys of the database" in ran.out
    finally:
        desk.sql("drop role auditor")


def test_a_function_that_cannot_be_parsed_is_listed_by_name_and_its_text_is_not_logged(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.sql(
        KEPT,
        "create function public.odd() returns void language sql security definer set search_path = ''"
        " as $$ notify odd, 'secret'; lock table pg_catalog.pg_class in share mode $$",
    )
    ran = desk.audit("--db-uri", desk.uri, *PUBLIC, "--require-full-coverage", "--fail-on", "never")
    assert (ran.code, ran.err, caplog.records) == (FINDINGS, "", [])
    assert "public.odd()" in ran.out
    assert "secret" not in ran.out


def test_without_a_database_full_coverage_fails(desk: Desk) -> None:
    ran = desk.audit("--traces", desk.record(checking.ONE), "--require-full-coverage")
    assert ran.code == FINDINGS
    assert "no database was given" in ran.out


def test_where_no_schema_is_known_there_is_no_all_clear(desk: Desk) -> None:
    ran = desk.audit("--db-uri", desk.uri)
    assert (ran.code, ran.out) == (UNABLE, "")
    assert "which schemas PostgREST serves" in ran.err


def test_a_schema_that_does_not_exist_is_no_all_clear(desk: Desk) -> None:
    ran = desk.audit("--db-uri", desk.uri, "--set", "catalog.schemas=pubic")
    assert (ran.code, ran.out) == (UNABLE, "")
    assert "the database has no schema pubic" in ran.err
    words = ("--set", 'catalog.schemas=["public","pubic"]', "--set", "rules.fan022=off", "--format", "json")
    missing = json.loads(desk.audit("--db-uri", desk.uri, *words).out)["not_checked"]
    assert [(each["check"], each["object"]) for each in missing] == [("relations", "pubic")]


def test_a_server_that_cannot_be_read_is_one_line(desk: Desk) -> None:
    for command in ("audit", "check"):
        words = ("--db-uri", "postgres://u:secret@127.0.0.1:1/x", "--traces", desk.record(checking.ONE))
        ran = desk.run(command, "--config" if command == "audit" else "--budgets", "", words)
        assert (ran.code, ran.out, ran.err.count("\n")) == (UNABLE, "", 1)
        assert "secret" not in ran.err


def test_the_evidence_is_explained_by_the_statements_that_read_it(desk: Desk) -> None:
    ran = desk.audit("--db-uri", desk.uri, *PUBLIC, "--explain-evidence")
    assert "-- relations: FAN026\n" in ran.err
    assert "from pg_class c" in ran.err


async def selected(uri: str, number: dict[str, str]) -> str:
    """What the statement of a number returns, run by itself for the column and the row that the report names."""
    part, _, column = number["source"].partition(".")
    statement = STATEMENTS[part].replace("$1", "array['public']::text[]").replace("$2", "array['anon']::text[]")  # type: ignore[index]
    where = f" where {number['where']}" if number["where"] else ""
    connection = await asyncpg.connect(uri, server_settings={"search_path": "pg_catalog"})
    value = await connection.fetchval(f"select s.{column} from ({statement}) s{where}")
    await connection.close()
    return f"{value:.0f}"


def test_each_number_is_what_its_statement_returns_for_its_row_or_is_said_to_be_computed(desk: Desk) -> None:
    desk.sql(
        "create table public.big (id int primary key, n int) with (autovacuum_enabled = false)",
        "insert into public.big select n, n from generate_series(1, 20000) n",
        "create index big_n on public.big (n); create index big_n_again on public.big (n)",
        "delete from public.big where id <= 5000",
        "select pg_stat_force_next_flush()",
        "alter table public.big enable row level security",
    )
    report = json.loads(desk.audit("--db-uri", desk.uri, *PUBLIC, "--format", "json").out)
    numbers = [number for each in report["findings"] for number in each["numbers"]]
    columns = [each for each in numbers if re.fullmatch(r"\w+\.\w+", each["source"]) and each["number"].isdigit()]
    assert len(columns) >= 5
    for each in columns:
        found: list[str] = []

        async def compared(number: dict[str, str] = each, to: list[str] = found) -> None:
            to.append(await selected(desk.uri, number))

        told(compared())
        assert found == [each["number"]], each
    others = {each["source"].partition(" ")[0] for each in numbers} - {each["source"] for each in columns}
    assert others <= {"computed", "relations.pages,", "indexes.size", "the"}


def test_probed_writes_are_in_the_findings_and_leave_the_database_as_it_was(desk: Desk) -> None:
    desk.sql("grant delete on public.videos to anon")
    report = json.loads(desk.audit("--db-uri", desk.uri, *PUBLIC, "--probe", "--format", "json").out)
    (found,) = [each["finding"] for each in report["findings"] if each["finding"]["code"] == "FAN029"]
    assert any("tried and rolled back: 50 rows deleted" in each for each in found["evidence"])
    again = json.loads(desk.audit("--db-uri", desk.uri, *PUBLIC, "--format", "json").out)
    (rows,) = [each["finding"]["current"] for each in again["findings"] if each["finding"]["code"] == "FAN029"]
    assert rows == "about 50 rows"


def test_no_finding_has_more_requests_rows_or_bytes_than_were_observed(desk: Desk) -> None:
    recording = desk.record(*[replace(traffic(), id=f"t{number}") for number in range(9)])
    desk.sql("alter table public.videos add parent bigint references public.songs")
    words = ("--db-uri", desk.uri, *PUBLIC, "--traces", recording, "--format", "json")
    report = json.loads(desk.audit(*words, "--set", "rules.connection_pressure.pool=1").out)
    loads = [each["load"] for each in report["findings"] if each["load"]]
    assert len(loads) >= 4
    observed = report["traffic"]
    assert max(load["calls"] for load in loads) == observed["queries"] == 18
    assert max(load["rows"] for load in loads) == observed["rows"]
    assert max(load["bytes"] for load in loads) == observed["bytes"]
    total = sum(usage["total"] for usage in report["queries"])
    hours = max(observed["end"] - observed["begin"], 1) / 3600
    assert max(load["ms_per_hour"] for load in loads) * hours <= total * 1.001


def test_findings_come_in_phases_with_what_would_have_caught_them_and_those_that_nothing_touches_apart(
    desk: Desk,
) -> None:
    words = ("--db-uri", desk.uri, *PUBLIC, "--traces", desk.record(traffic()))
    told = desk.audit(*words).out
    places = [told.index(text) for text in ("2. Schema", "No observed request touches:", "[LOW] traffic")]
    places.append(told.index("4. Monitoring"))
    assert places == sorted(places)
    assert told.index("public.videos", places[0]) < places[1] < told.index("public.songs", places[0])
    assert "--require-full-coverage" in told[places[-1] :]


def test_an_ignore_of_a_finding_over_the_database_is_matched(desk: Desk) -> None:
    ignore = '[[ignore]]\nrule = "FAN026"\nreason = "known"\n'
    words = ("--db-uri", desk.uri, *PUBLIC, "--traces", desk.record(checking.ONE), "--format", "json")
    report = json.loads(desk.run("audit", "--config", ignore, words).out)
    assert [each["finding"]["code"] for each in report["ignored"]] == ["FAN026", "FAN026"]
    assert not any("matched no finding" in warning for warning in report["warnings"])


def test_a_baseline_and_a_diff_tell_what_is_new_and_what_is_gone(desk: Desk, tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    words = ("--db-uri", desk.uri, *PUBLIC, "--format", "json", "--output")
    desk.audit(*words, str(old))
    assert desk.audit("--db-uri", desk.uri, *PUBLIC, "--baseline", str(old)).code == OK
    desk.sql(KEPT)
    desk.audit(*words, str(new))
    gone = desk.audit("diff", str(old), str(new))
    assert (gone.code, gone.out.count("gone ")) == (OK, 2)
    back = desk.audit("diff", str(new), str(old))
    assert (back.code, back.out.count("new ")) == (FINDINGS, 2)
    assert desk.audit("diff", str(old), str(tmp_path / "none.json")).code == UNABLE


def test_a_database_of_which_nothing_can_be_read_is_no_all_clear(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = {part: f"select pg_sleep(5), '{part}'" for part in STATEMENTS}
    monkeypatch.setattr("proxy.database.snapshot.STATEMENTS", slow)
    ran = desk.audit("--db-uri", desk.uri, *PUBLIC, "--statement-timeout", "20")
    assert (ran.code, ran.out, ran.err.count("\n")) == (UNABLE, "", 1)
    assert "nothing could be read: it took too long" in ran.err


def test_a_statement_that_takes_too_long_leaves_the_rest_checked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = {**STATEMENTS, "policies": "select pg_sleep(5)"}
    monkeypatch.setattr("proxy.database.snapshot.STATEMENTS", slow)
    ran = desk.audit("--db-uri", desk.uri, *PUBLIC, "--statement-timeout", "300", "--fail-on", "never")
    assert ran.code == OK
    assert "FAN026" in ran.out
    assert "it took too long" in ran.out


def test_requests_of_a_fleet_are_those_of_its_prometheus(desk: Desk) -> None:
    found = [series("public.songs", "GET", "1680"), series("songs", "PATCH", "168")]
    words = ("--db-uri", desk.uri, *PUBLIC, "--format", "json", "--prometheus")
    with prometheus(json.dumps({"data": {"result": found}})) as (url, _):
        report = json.loads(desk.audit(*words, url).out)
    loads = {each["finding"]["object"]["name"]: each["load"] for each in report["findings"]}
    assert (loads["songs"]["calls"], loads["songs"]["calls_per_hour"]) == (1848, 11.0)
    assert loads["videos"]["calls"] == 0
    report = json.loads(desk.audit(*words, "http://127.0.0.1:1").out)
    assert [each["object"] for each in report["not_checked"]] == ["http://127.0.0.1:1"]


def test_ctrl_c_ends_it_in_one_line_and_the_statement_that_runs(desk: Desk) -> None:
    slow = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    slow += "import proxy.database.snapshot as s; s.STATEMENTS = {**s.STATEMENTS, 'policies': 'select pg_sleep(60)'};"
    slow += "from proxy.commands.main import main; sys.exit(main(sys.argv[1:]))"
    words = (sys.executable, "-c", slow, "audit", "--db-uri", desk.uri, *PUBLIC, "--statement-timeout", "60000")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        sleeping = "select count(*) from pg_stat_activity where query like 'select pg_sleep(60)%' and state = 'active'"
        deadline = time.monotonic() + PATIENCE
        while not value(desk, sleeping):
            assert process.poll() is None
            assert time.monotonic() < deadline, "the slow statement did not begin"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (CANCELLED, "", "fanin: cancelled\n")
    while value(desk, sleeping):
        assert time.monotonic() < deadline, "the statement was not cancelled"


def value(desk: Desk, statement: str) -> int:
    values: list[int] = []

    async def read() -> None:
        connection = await asyncpg.connect(desk.dsn, database="audit_cli")
        values.append(await connection.fetchval(statement))
        await connection.close()

    told(read())
    return values[0]
