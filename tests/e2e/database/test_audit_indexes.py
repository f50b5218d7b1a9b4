"""`fanin audit --db-uri --traces`: indexes that the observed requests lack, and what is said where there is none."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from msgspec.structs import replace

from proxy.commands.main import FINDINGS, OK
from tests.commands.test_check import no_variables as no_variables
from tests.e2e.database.test_audit_database import PUBLIC, Desk, told
from tests.e2e.database.test_audit_database import desk as desk
from tests.rules.traces import told as traces_of

if TYPE_CHECKING:
    from proxy.demo.postgres import Postgres
    from proxy.model import Trace

pytestmark = [pytest.mark.stack, pytest.mark.e2e]

TABLES = """
drop table public.videos, public.songs;
create table public.videos (id bigint primary key, owner_id int not null, kind text not null, facts jsonb not null);
insert into public.videos select n, n % 500, 'k' || n % 2, '{}' from generate_series(1, 20000) n;
create table public.tiers (id bigint primary key, name text not null);
insert into public.tiers select n, 'n' || n from generate_series(1, 9) n;
create table public.drafts (id bigint primary key, owner_id int not null) with (autovacuum_enabled = off);
insert into public.drafts select n, n from generate_series(1, 20000) n;
vacuum analyze public.videos, public.tiers;
"""
BY_OWNER = "GET /videos?owner_id=eq.7 → 40 rows, 30 ms"
LINES = (
    f"40 × {BY_OWNER}",
    "20 × GET /videos?kind=eq.k1 → 10000 rows, 9 ms",
    "20 × GET /tiers?name=eq.n1 → 1 rows, 1 ms",
    '5 × GET /videos?facts=cs.{"a":1} → 0 rows, 9 ms',
    "5 × GET /drafts?owner_id=eq.1 → 1 rows, 9 ms",
)


def of_tables(*lines: str) -> list[Trace]:
    """Traces of these requests, one after another, as a recording has them."""
    return [replace(one, id=f"{number}") for number, one in enumerate(traces_of(lines))]


@pytest.fixture
def shop(desk: Desk) -> Desk:
    for statement in TABLES.split(";\n"):
        if statement.strip():
            desk.sql(statement)
    return desk


def audited(desk: Desk, *words: str, lines: tuple[str, ...] = LINES) -> dict[str, Any]:
    file = desk.record(*of_tables(*lines))
    ran = desk.audit("--db-uri", desk.uri, *PUBLIC, "--traces", file, "--format", "json", *words)
    assert (ran.code in (OK, FINDINGS), ran.err) == (True, "")
    report: dict[str, Any] = json.loads(ran.out)
    return report


def found(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in report["findings"] if each["finding"]["code"] == "FAN020"]


def test_an_index_is_found_with_its_shape_and_the_requests_that_pay_for_its_lack(shop: Desk) -> None:
    (one,) = found(audited(shop))
    finding = one["finding"]
    shape = {"schema": "public", "table": "videos", "method": "btree", "keys": ["owner_id"], "include": [], "where": ""}
    assert finding["index"] == shape
    assert finding["object"] == {
        "kind": "index",
        "schema": "public",
        "table": "videos",
        "name": "videos_owner_id_idx",
    }
    assert one["load"]["calls"] == 40
    assert finding["confidence"] == "low"
    assert finding["evidence"][0].startswith("not proven")
    assert "FAN020" in audited(shop)["checked"]


def test_where_there_is_no_index_to_create_the_reason_is_told(shop: Desk) -> None:
    reasons = {(one["table"], one["reason"].partition(":")[0]) for one in audited(shop)["no_index"]}
    assert ("public.tiers", "public.tiers is small") in reasons
    assert (
        "public.videos",
        "no index was tried; by statistics alone, none that it could use picks few enough rows",
    ) in (reasons)
    tried = {(one["table"], one["reason"].partition(":")[0]) for one in audited(shop, "--trial")["no_index"]}
    assert ("public.videos", "no index that it could use makes its plan cheaper") in tried


def test_what_could_not_be_judged_is_not_checked(shop: Desk) -> None:
    missing = {(one["object"], one["because"]) for one in audited(shop)["not_checked"] if one["check"] == "FAN020"}
    assert any(name == "public.drafts" and "has no statistics" in because for name, because in missing)
    assert any(name == "public.videos" and "jsonb_path_ops" in because for name, because in missing)
    words = ("--db-uri", shop.uri, *PUBLIC, "--traces", shop.record(*of_tables(*LINES)), "--fail-on", "never")
    assert shop.audit(*words).code == OK
    assert shop.audit(*words, "--require-full-coverage").code == FINDINGS


def test_without_requests_no_index_is_looked_for(shop: Desk) -> None:
    report = json.loads(shop.audit("--db-uri", shop.uri, *PUBLIC, "--format", "json").out)
    assert "FAN020" not in report["checked"]
    assert [each for each in report["not_checked"] if each["check"] == "FAN020"] == []


def test_a_rule_that_is_off_asks_for_no_plan(shop: Desk) -> None:
    report = audited(shop, "--set", "rules.fan020=off")
    assert (found(report), report["no_index"]) == ([], [])
    assert "FAN020" not in report["checked"]


def test_a_trial_measures_also_what_statistics_cannot_tell_and_leaves_nothing(shop: Desk, server: Postgres) -> None:
    report = audited(shop, "--trial")
    shapes = {tuple(each["finding"]["index"]["keys"]): each["finding"] for each in found(report)}
    assert set(shapes) == {("owner_id",), ("facts jsonb_path_ops",)}
    assert "built in " in shapes[("owner_id",)]["evidence"][-1]
    count = "select count(*) from pg_indexes where schemaname = 'public'"
    assert value(shop, server, count) == 3


def test_an_index_that_cannot_be_built_is_not_checked_and_the_others_are(shop: Desk) -> None:
    shop.sql(
        "create table public.notes (id bigint primary key, body text not null)",
        "insert into public.notes select n, string_agg(md5(n * k || ''), '') from generate_series(1, 3000) n,"
        " generate_series(1, 300) k group by n",
        "analyze public.notes",
    )
    report = audited(shop, "--trial", lines=(f"40 × {BY_OWNER}", "9 × GET /notes?body=eq.x → 1 rows, 9 ms"))
    assert [each["finding"]["index"]["keys"] for each in found(report)] == [["owner_id"]]
    missing = [each for each in report["not_checked"] if each["object"] == "public.notes"]
    assert any("--trial could not build it" in each["because"] for each in missing)


def test_a_trial_beside_other_clients_is_refused_until_it_is_told_twice(shop: Desk, server: Postgres) -> None:
    with Client(shop, server):
        report = audited(shop, "--trial")
        because = [each["because"] for each in report["not_checked"] if each["check"] == "FAN020"]
        assert any("1 other clients use this database" in each for each in because)
        assert found(report)[0]["finding"]["confidence"] == "low"
        assert_not_tried(report, "other clients use this database")
        assert found(audited(shop, "--trial", "--trial"))[0]["finding"]["confidence"] == "high"


def assert_not_tried(report: dict[str, Any], why: str) -> None:
    """The index by kind is not judged, for nothing was built; what was not tried, and why, is told."""
    untried = [each for each in report["not_checked"] if each["because"].startswith("not tried")]
    assert [each["object"] for each in untried] == ["public.videos"]
    assert '"videos" USING btree (kind)' in untried[0]["because"]
    assert why in untried[0]["because"]
    assert [each for each in report["no_index"] if each["table"] == "public.videos"] == []


def test_a_trial_that_gets_no_lock_says_what_was_not_tried(shop: Desk, server: Postgres) -> None:
    with Client(shop, server, "begin; lock table public.videos in row exclusive mode"):
        report = audited(shop, "--trial", "--trial", "--lock-timeout", "50")
        assert_not_tried(report, "a lock was not granted within 50 ms")
        told_remedies = {each["remedy"] for each in report["not_checked"] if "--trial: " in each["because"]}
        assert any("--lock-timeout" in each for each in told_remedies)


def test_of_the_indexes_of_a_query_those_that_could_not_be_tried_are_told(shop: Desk) -> None:
    shop.sql(
        "create table public.notes (id bigint primary key, body text not null, kind text not null)",
        "insert into public.notes select n, string_agg(md5(n * k || ''), ''), 'k' from generate_series(1, 3000) n,"
        " generate_series(1, 300) k group by n",
        "analyze public.notes",
    )
    report = audited(shop, "--trial", lines=("9 × GET /notes?body=eq.x&kind=eq.k → 1 rows, 9 ms",))
    (reason,) = [each["reason"] for each in report["no_index"] if each["table"] == "public.notes"]
    assert reason == "1 of the 3 indexes that it could use were tried, and do not make its plan cheaper"


def test_once_the_index_exists_the_finding_is_gone_and_without_its_requests_not_observed(
    shop: Desk, tmp_path: Any
) -> None:
    old, none, new = tmp_path / "old.json", tmp_path / "none.json", tmp_path / "new.json"
    old.write_text(json.dumps(audited(shop, lines=LINES[:3])))
    none.write_text(json.dumps(audited(shop, lines=LINES[1:3])))
    shop.sql("create index videos_owner_id_idx on public.videos (owner_id)", "vacuum analyze public.videos")
    new.write_text(json.dumps(audited(shop, lines=LINES[:3])))
    assert "gone          MEDIUM   FAN020" in shop.audit("diff", str(old), str(new)).out
    assert "not observed  MEDIUM   FAN020" in shop.audit("diff", str(old), str(none)).out


def test_every_format_has_the_index_and_the_reasons(shop: Desk) -> None:
    file = shop.record(*of_tables(*LINES))
    for format_ in ("text", "md", "html"):
        out = shop.audit("--db-uri", shop.uri, *PUBLIC, "--traces", file, "--format", format_).out
        assert "videos_owner_id_idx" in out, format_
        assert "No index to create, because" in out, format_


def value(desk: Desk, server: Postgres, statement: str) -> Any:
    values: list[Any] = []

    async def read() -> None:
        connection = await asyncpg.connect(server.dsn, database="audit_cli")
        values.append(await connection.fetchval(statement))
        await connection.close()

    told(read())
    return values[0]


class Client:
    """A client that stays connected to the database, from a thread of its own."""

    def __init__(self, desk: Desk, server: Postgres, statements: str = "select 1") -> None:
        self._dsn, self._statements = server.dsn, statements
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> None:
        self._thread.start()
        work = asyncpg.connect(self._dsn, database="audit_cli")
        self._connection = asyncio.run_coroutine_threadsafe(_awaited(work), self._loop).result()
        asyncio.run_coroutine_threadsafe(self._connection.execute(self._statements), self._loop).result()

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._connection.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _awaited(work: Any) -> Any:
    return await work


def test_findings_about_json_and_aggregates_have_the_present_plan_of_a_request(shop: Desk) -> None:
    shop.sql("update public.videos set facts = jsonb_build_object('a', id)")
    shop.sql("create view public.by_kind as select kind, count(*) as videos from public.videos group by kind")
    shop.sql("vacuum analyze public.videos")
    containment, path = 'GET /videos?facts=cs.{"a":1} → 1 rows, 9 ms', "GET /videos?facts->>a=eq.1 → 1 rows, 9 ms"
    lines = (f"20 × {containment}", f"20 × {path}", "20 × GET /by_kind → 2 rows, 9 ms")
    report = audited(shop, lines=lines)
    plans = {each["finding"]["code"]: each["finding"]["evidence"] for each in report["findings"]}
    for code in ("FAN038", "FAN039", "FAN040"):
        before = [line for line in plans[code] if line.startswith("before: ")]
        assert any("reads the whole table" in line for line in before), (code, plans[code])
