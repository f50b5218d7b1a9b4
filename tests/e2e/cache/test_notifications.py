"""Writes straight in SQL are seen through Postgres' notifications, and nothing is kept while none can come."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from proxy.admin.gauges import gauges
from proxy.observe.events import Events, NotificationsResumed, Warned
from proxy.observe.log import Warnings
from proxy.observe.rate_limit import RateLimit
from proxy.settings.tables import CatalogSettings
from proxy.sidecar.sidecar import Sidecar
from proxy.upstream.facts import catalog, write_notifications
from rules import RULES
from tests.e2e.support.cached import caching
from tests.e2e.support.harness import settings, until
from tests.e2e.support.loops import application
from tests.e2e.support.notified import CONNECTIONS, execute, notifying, triggers, until_notified, value
from tests.e2e.support.unusual_types import schema_of_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Stack

pytestmark = [pytest.mark.stack, pytest.mark.e2e]
UPDATE = "update depends.plain set n = {} where id = 1"
NOTIFY_LOG = "notify fanin_writes, 'depends.log'"
TERMINATE = f"select pg_terminate_backend(pid) {CONNECTIONS}"


@pytest.fixture(scope="module")
def depends(stack: Stack) -> Iterator[Stack]:
    with schema_of_file(stack, "dependencies", "depends") as made:
        yield made


def known(depends: Stack, **more: Any) -> dict[str, Any]:
    return {"db_uri": depends.dsn, "catalog__schemas": ["depends"], **more}


CASES = [
    ("update depends.plain set n = n + 1 where id = 1", "plain", "kept"),
    ("insert into depends.plain values (31)", "plain", "parent"),
    ("delete from depends.plain where id = 31", "plain", "parent"),
    ("truncate depends.log", "log", "plain"),
    ("with w as (update depends.plain set n = 0 where id = 1) select 1", "plain", "kept"),
    ("do $$ begin update depends.plain set n = 2 where id = 1; end $$", "plain", "kept"),
    ("update depends.shown_twice set n = n + 1 where id = 1", "shown_twice", "kept"),
    ("delete from depends.parent where id = 99", "child", "kept"),
    ("delete from depends.parent where id = 98", "grandchild", "plain"),
    ("delete from depends.guard where id = 30", "guarded", "plain"),
    ("update depends.parted set n = 1 where id = 1", "parted", "plain"),
    ("update depends.part set n = 2 where id = 1", "parted", "plain"),
    ("update depends.audited set n = 1 where id = 1", "kept", ""),
    ("set session_replication_role = replica; " + UPDATE.format(3), "plain", "kept"),
    ('notify fanin_writes, \'"depends"."plain"\'', "kept", ""),
    ("notify fanin_writes", "kept", ""),
]
"""A statement, a relation whose answer is dropped by it, and one whose answer is not. The last two are not by fanin's
triggers: what they are about is not known.
"""


async def test_a_write_straight_in_sql_drops_what_may_depend_on_it_and_nothing_else(depends: Stack) -> None:
    tables = [f"depends.{name}" for name in ["plain", "log", "child", "parent", "guard", "parted", "part", "audited"]]
    async with notifying(depends.dsn, *tables), caching(depends, **known(depends)) as (app, watch):
        for statement, dropped, kept in CASES:
            read = [f"/{name}?order=id" for name in (dropped, kept) if name]
            for target in read:
                await app.get(target)
            assert not await app.differences()
            times = watch.sidecar.upstream_state.drop_causes["notification"]
            await execute(depends.dsn, statement)
            await until_notified(watch.sidecar, times + 1)
            watch.reset()
            for target in read:
                await app.get(target)
            assert watch.outcomes() == Counter({"passed": 1, "cached": 1} if kept else {"passed": 1}), statement
            assert not await app.differences(), statement


async def test_a_write_that_is_rolled_back_drops_nothing(depends: Stack) -> None:
    async with notifying(depends.dsn, "depends.plain"), caching(depends, **known(depends)) as (app, watch):
        await app.get("/plain?order=id")
        await execute(
            depends.dsn, "begin; update depends.plain set n = 9; rollback", "notify fanin_writes, 'depends.log'"
        )
        await until_notified(watch.sidecar)
        await app.get("/plain?order=id")
        assert watch.outcomes() == {"passed": 1, "cached": 1}


async def test_what_was_fetched_ahead_for_a_loop_is_dropped(depends: Stack) -> None:
    async with (
        notifying(depends.dsn, "depends.child"),
        application(depends.url, depends.url, depends.token, **known(depends)) as (app, watch),
    ):
        rows = await app.rows("/plain?select=id&order=id&limit=12")
        for row in rows[:4]:
            await app.get(f"/child?id=eq.{row['id']}")
        assert watch.outcomes()["prefetched"] == 2
        await execute(depends.dsn, "update depends.child set n = 77 where id = 5")
        await until_notified(watch.sidecar)
        assert b'"n":77' in (await app.get(f"/child?id=eq.{rows[4]['id']}")).body
        assert watch.outcomes()["prefetched"] == 2


async def test_writes_on_such_a_table_still_share_calls_and_drop_no_other_table(depends: Stack) -> None:
    async with notifying(depends.dsn, "depends.plain"), caching(depends, **known(depends)) as (app, watch):
        state = watch.sidecar.upstream_state
        assert "depends.plain" in state.plain_tables
        assert state.dependencies.changed["depends.plain"] == frozenset(("depends.plain",))
        await app.get("/kept?order=id")
        await app.send("PATCH", "/plain?id=eq.30", '{"n":30}')
        await app.get("/kept?order=id")
        assert watch.outcomes()["cached"] == 1


async def test_another_body_of_the_function_counts_as_a_trigger_that_may_write(depends: Stack) -> None:
    other = """create or replace function fanin.notify_write() returns trigger language plpgsql as
    $$ begin update depends.kept set n = 1; return null; end $$"""
    async with notifying(depends.dsn, "depends.plain"):
        await execute(depends.dsn, other)
        async with caching(depends, **known(depends)) as (_, watch):
            assert watch.sidecar.upstream_state.dependencies.changed["depends.plain"] is None
            assert "depends.plain" not in watch.sidecar.upstream_state.plain_tables


async def test_a_read_that_was_sent_before_the_notification_is_not_kept(depends: Stack) -> None:
    async with notifying(depends.dsn, "depends.plain"), caching(depends, **known(depends)) as (app, watch):
        cacher = watch.sidecar.policy.default.cacher
        assert cacher is not None
        end = cacher.end
        held: list[Any] = []
        cacher.end = lambda *arguments: held.append(arguments)  # type: ignore[method-assign]
        await app.get("/plain?order=id")
        await execute(depends.dsn, UPDATE.format(5))
        await until_notified(watch.sidecar)
        cacher.end = end  # type: ignore[method-assign]
        end(*held[0])
        assert b'"n":5' in (await app.get("/plain?order=id")).body
        assert watch.outcomes() == {"passed": 2}


# The connection.


class Gate:
    """Lets connections be made only while it is open."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.open = asyncio.Event()
        self.open.set()
        original = catalog.connect
        patch.setattr(write_notifications, "FIRST_RETRY", 0.01)

        async def connect(uri: str, seconds: float, name: str) -> Any:
            await self.open.wait()
            return await original(uri, seconds, name)

        patch.setattr(write_notifications, "connect", connect)


async def test_without_the_connection_nothing_is_kept_and_with_it_again_nothing_old_is_used(
    depends: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    async with notifying(depends.dsn, "depends.plain"), caching(depends, **known(depends)) as (app, watch):
        told: list[Any] = []
        watch.sidecar._events.subscribe(told.append, Warned, NotificationsResumed)
        listener = watch.sidecar.write_listener
        await app.get("/plain?order=id")
        gate.open.clear()
        await execute(depends.dsn, TERMINATE)
        await until(lambda: listener.status == "lost")
        assert gauges(watch.sidecar)["notifications_lost"] == 1
        await execute(depends.dsn, UPDATE.format(41))
        watch.reset()
        for _ in range(3):
            assert b'"n":41' in (await app.get("/plain?order=id")).body
        assert watch.outcomes() == {"passed": 3}
        await until(lambda: told)
        gate.open.set()
        await until(lambda: listener.status == "listening")
        assert gauges(watch.sidecar)["notifications_lost"] == 0
        watch.reset()
        await app.get("/plain?order=id")
        await app.get("/plain?order=id")
        assert watch.outcomes() == {"passed": 1, "cached": 1}
        assert [type(each) for each in told] == [Warned, NotificationsResumed]
        assert (causes := watch.sidecar.upstream_state.drop_causes)["notifications-lost"] == 1
        assert causes["listening"] == 2


async def test_a_loss_that_lasts_is_told_once_and_without_the_address(
    depends: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_notifications, "FIRST_RETRY", 0.001)
    tries: list[str] = []

    async def refused(uri: str, *_: object) -> Any:
        tries.append(uri)
        raise OSError(uri)

    monkeypatch.setattr(write_notifications, "connect", refused)
    flags = known(depends, rules__fan006="rewrite", cache__fresh=60.0)
    sidecar = await Sidecar.create(settings(depends.url, **flags), RULES, Events(), asyncio.get_running_loop().time)
    told: list[Warned] = []
    sidecar._events.subscribe(told.append, Warned)  # type: ignore[arg-type]
    await sidecar.start()
    try:
        await until(lambda: len(tries) >= 4)
        assert sidecar.write_listener.status == "lost"
        assert [each.what for each in told] == [
            "notifications of writes cannot be received (OSError): no answer is kept until they can"
        ]
        assert depends.dsn not in repr(told)
    finally:
        await sidecar.stop()


async def test_a_connection_that_accepts_listen_and_delivers_nothing_is_lost(
    depends: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a pooler in transaction mode."""
    monkeypatch.setattr(write_notifications, "CHECK_TIMEOUT", 0.05)
    monkeypatch.setattr(write_notifications._Check, "on_notification", lambda *_: None)
    async with caching(depends, **known(depends)) as (app, watch):
        await app.get("/plain?order=id")
        await app.get("/plain?order=id")
        assert watch.outcomes() == {"passed": 2}
        assert watch.sidecar.write_listener.status == "lost"


@pytest.mark.parametrize("more", [{"rules__fan006": "report"}, {"catalog__writes_channel": ""}, {"db_uri": None}])
async def test_without_kept_answers_a_channel_or_a_database_there_is_no_connection(
    depends: Stack, more: dict[str, Any]
) -> None:
    async with caching(depends, **(known(depends) | more)) as (app, watch):
        await app.get("/plain?order=id")
        await app.get("/plain?order=id")
        assert watch.outcomes()["cached"] == ("rules__fan006" not in more)
        assert await value(depends.dsn, f"select count(*) {CONNECTIONS}") == 0
        assert watch.sidecar.write_listener.status == "off"


async def test_a_reload_starts_and_ends_listening(depends: Stack) -> None:
    async with caching(depends, **known(depends)) as (app, watch):
        sidecar = watch.sidecar
        keeps, listener = sidecar.settings, sidecar.write_listener
        without = keeps.model_copy(update={"rules": keeps.rules.model_copy(update={"fan006": "report"})})
        sidecar.apply_settings(without)
        assert listener.status == "off"
        sidecar.apply_settings(keeps)
        await until(lambda: listener.status == "listening")
        await app.get("/plain?order=id")
        await app.get("/plain?order=id")
        assert watch.outcomes()["cached"] == 1


async def test_two_fanins_with_channels_of_their_own_hear_only_their_own(depends: Stack) -> None:
    own = triggers("--channel", "ours", "--schema", "depends", "plain")
    try:
        await execute(depends.dsn, own)
        async with (
            caching(depends, **known(depends)) as (_, others),
            caching(depends, **known(depends, catalog__writes_channel="ours")) as (_, ours),
        ):
            await execute(
                depends.dsn, "update depends.plain set n = 1 where id = 1", "notify fanin_writes, 'depends.log'"
            )
            await until_notified(ours.sidecar)
            await until_notified(others.sidecar)
            assert others.sidecar.upstream_state.drop_causes["notification"] == 1
    finally:
        await execute(depends.dsn, triggers("--undo", "depends.plain"))


# The SQL.

LEFT = """
select (select count(*) from pg_trigger where tgname = 'fanin_notify_write')
  || ' ' || (select count(*) from pg_proc where proname = 'notify_write')
  || ' ' || (select count(*) from pg_namespace where nspname = 'fanin')
"""


async def test_the_undo_leaves_nothing_but_what_others_use(depends: Stack) -> None:
    async with notifying(depends.dsn, "depends.plain", "depends.log"):
        await execute(depends.dsn, triggers("depends.plain"))  # again: the same
        assert await value(depends.dsn, LEFT) == "2 1 1"
        await execute(depends.dsn, triggers("--undo", "depends.log"))
        assert await value(depends.dsn, LEFT) == "1 1 1"
        await execute(depends.dsn, triggers("--undo", "depends.plain"))
        assert await value(depends.dsn, LEFT) == "0 0 0"
        await execute(depends.dsn, "create schema fanin; create table fanin.own ()")
        await execute(depends.dsn, triggers("depends.plain"), triggers("--undo", "depends.plain"))
        assert await value(depends.dsn, LEFT) == "0 0 1"
        await execute(depends.dsn, "drop schema fanin cascade")


async def test_any_name_can_have_triggers(depends: Stack) -> None:
    odd = 'depends."Odd ""na\'me"'
    await execute(depends.dsn, f"create table {odd} (id int)")
    try:
        sql = triggers("--schema", "depends", "--channel", "o'dd", "Odd \"na'me")
        await execute(depends.dsn, sql, f"insert into {odd} values (1)")
    finally:
        await execute(depends.dsn, f"drop table {odd}", triggers("--undo", "depends.plain"))


def test_the_log_says_that_notifications_come_again(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.configure(processors=[structlog.processors.JSONRenderer()])
    Warnings(RateLimit(lambda: 10, 60.0, lambda: 0.0))(NotificationsResumed(2.25))
    assert '"message": "notifications of writes are received again after 2.2 s"' in capsys.readouterr().out


def test_the_default_channel_of_the_command_is_that_of_the_setting() -> None:
    assert f"'{CatalogSettings().writes_channel}'" in triggers("t")
